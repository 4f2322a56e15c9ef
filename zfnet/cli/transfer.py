"""`zfnet transfer`: a network's features on another data set (Tables 4 to 6, Fig 9)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from kernels.terminal.progress import say
from zfnet.cli.classifier_options import ClassifierOptions
from zfnet.cli.folder import holding_out
from zfnet.cli.groups import Options, grouped
from zfnet.cli.options import Execution, Model, open_network, whole_numbers
from zfnet.cli.reporting import reporter
from zfnet.data.voc import Voc
from zfnet.experiments.shared.chosen_layers import top
from zfnet.experiments.shared.protocols import PROTOCOLS, Protocol, open_whole
from zfnet.experiments.shared.results import Results
from zfnet.experiments.transfer.measure import SCRATCH_EPOCHS
from zfnet.experiments.transfer.page import Setting, write_transfer
from zfnet.experiments.transfer.voc_page import write_voc
from zfnet.model import ConvNet
from zfnet.network import Network
from zfnet.report.figures import Figures

Option = typer.Option
FOLDS = "With folds of images (not for voc2012)"


@dataclass(frozen=True)
class FoldOptions:
    """Folds of images, and trainings from scratch on them."""

    per_class: Annotated[
        str, Option(help="Images per class to learn from, with commas (default: the protocol's).")
    ] = ""
    folds: Annotated[int, Option(min=1, help="Draws of images to learn from.")] = 5
    scratch: Annotated[
        bool | None,
        Option(
            "--scratch/--no-scratch",
            help="Train the architecture from scratch too (default: unless it was imported).",
        ),
    ] = None
    scratch_epochs: Annotated[int, Option(min=1, help="Epochs of those trainings.")] = (
        SCRATCH_EPOCHS
    )
    split: Annotated[str, Option(help="Of scenes, or a folder in parts: train or val.")] = "val"

    def epochs(self, network: Network) -> int:
        """Of the trainings from scratch; 0: none."""
        own = isinstance(network.model, ConvNet)
        return self.scratch_epochs if (own if self.scratch is None else self.scratch) else 0

    def sizes(self, protocol: Protocol) -> tuple[int, ...]:
        """Images per class, as given or as the protocol has them."""
        return whole_numbers(self.per_class, "--per-class") or protocol.per_class


Data = Annotated[
    str, Option(help="`scenes`, a folder with a folder of images per class, or VOC2012's.")
]
Out = Annotated[Path, Option(help="Folder for the page, its numbers and the runs.")]
ProtocolOption = Annotated[
    Literal["folders", "caltech101", "caltech256", "voc2012"],
    Option(help="What the data set is, and how the paper uses it."),
]
Layer = Annotated[
    str,
    Option(
        help="Whose output is classified: a name that `zfnet show` prints, or 1 to 7 (default: "
        "7; without such numbers the input of the scores)."
    ),
]


@grouped
@holding_out
def transfer_command(
    *,
    data: Data,
    model: Model = None,
    out: Out = Path("transfer"),
    protocol: ProtocolOption = "folders",
    folds: Annotated[FoldOptions, Options(FOLDS)],
    layer: Layer = "",
    classifiers: ClassifierOptions,
    figures: Figures,
    execution: Execution,
) -> None:
    """A trained network's layers with a new softmax, against training from scratch (Fig 9)

    Trainings from scratch that were stopped are resumed by the same command.
    """
    seed = execution.seed
    network, called = open_network(model, execution.device)
    top_layer = top(network.model, layer or None)
    given = {"model": called, "data": data, "protocol": protocol, "layer": top_layer}
    drawn = {**classifiers.shown, "seed": seed}
    if protocol == "voc2012":
        results = Results(out, "transfer", {**given, **drawn}, figures)
        page = _on_voc(network, data, results, top_layer, classifiers, execution)
    else:
        chosen = PROTOCOLS[protocol]
        own: dict[str, Any] = {
            "per_class": folds.sizes(chosen), "folds": folds.folds,
            "scratch_epochs": folds.epochs(network),
        }  # fmt: skip
        results = Results(out, "transfer", {**given, **own, "split": folds.split, **drawn}, figures)
        setting = Setting(**own, layer=top_layer, **asdict(classifiers), seed=seed)
        dataset = open_whole(
            data, chosen, split=folds.split, seed=seed, follow_links=execution.follow_links
        )
        page = write_transfer(network, dataset, chosen, results, setting, reporter())
    say(f"The page is {page.resolve()}, its numbers are beside it: transfer.json, transfer.csv.")


def _on_voc(
    network: Network,
    data: str,
    results: Results,
    layer: str,
    classifiers: ClassifierOptions,
    execution: Execution,
) -> Path:
    """Several classes in an image: the data set's own two parts, and no folds."""
    follow = execution.follow_links
    train, val = (Voc(data, part, follow_links=follow) for part in ("train", "val"))
    return write_voc(
        network, (train, val), results, layer=layer, **asdict(classifiers), seed=execution.seed,
        report=reporter(),
    )  # fmt: skip
