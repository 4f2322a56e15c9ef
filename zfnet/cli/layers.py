"""`zfnet layers`: linear classifiers on the features of each layer (Table 7)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from kernels.terminal.progress import say
from zfnet.cli.classifier_options import ClassifierOptions
from zfnet.cli.folder import holding_out
from zfnet.cli.groups import grouped
from zfnet.cli.options import Execution, Model, Split, open_network
from zfnet.cli.reporting import reporter
from zfnet.experiments.layers.page import Setting, write_layers
from zfnet.experiments.shared.chosen_layers import chosen, keys
from zfnet.experiments.shared.protocols import PROTOCOLS, open_whole
from zfnet.experiments.shared.results import Results
from zfnet.report.figures import Figures

Option = typer.Option


@dataclass(frozen=True)
class FoldOptions:
    """How images to learn from are drawn."""

    per_class: Annotated[int, Option(min=1, help="Images per class to learn from.")] = 30
    folds: Annotated[int, Option(min=1, help="Draws of images to learn from and test on.")] = 5


@grouped
@holding_out
def layers_command(
    *,
    data: Annotated[str, Option(help="`scenes`, or a folder with a folder of images per class.")],
    model: Model = None,
    out: Annotated[Path, Option(help="Folder for the page and its numbers.")] = Path("layers"),
    protocol: Annotated[
        Literal["folders", "caltech101", "caltech256"],
        Option(help="Which folders are not classes."),
    ] = "folders",
    folds: FoldOptions,
    layers: Annotated[
        str,
        Option(
            help="Which, with commas: of 1 to 7, or names that `zfnet show` prints (default: "
            "1,2,3,4,5,7; without such numbers the ends of the network's stages)."
        ),
    ] = "",
    classifiers: ClassifierOptions,
    split: Split = "val",
    figures: Figures,
    execution: Execution,
) -> None:
    """Linear classifiers on each layer's features: do deeper ones separate better? (Table 7)"""
    seed = execution.seed
    network, called = open_network(model, execution.device)
    dataset = open_whole(
        data, PROTOCOLS[protocol], split=split, seed=seed, follow_links=execution.follow_links
    )
    settings = {
        "model": called, "data": data, "protocol": protocol, **asdict(folds),
        "layers": layers or ",".join(map(str, chosen(network.model))),
        **classifiers.shown, "split": split, "seed": seed,
    }  # fmt: skip
    setting = Setting(**asdict(folds), layers=keys(layers), **asdict(classifiers), seed=seed)
    page = write_layers(
        network, dataset, Results(out, "layers", settings, figures), setting, reporter()
    )
    say(f"The page is {page.resolve()}, its numbers are beside it in layers.json and layers.csv.")
