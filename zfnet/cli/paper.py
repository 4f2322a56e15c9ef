"""`zfnet paper`: every experiment on one network and one data set, and one report of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer

from kernels.terminal.progress import say
from zfnet.cli.ablation import ablation_command
from zfnet.cli.correspondence import correspondence_command
from zfnet.cli.evolution import evolution_command
from zfnet.cli.features import features_command
from zfnet.cli.first_layer import first_layer_command
from zfnet.cli.folder import holding_out
from zfnet.cli.groups import Options, grouped
from zfnet.cli.invariance import invariance_command
from zfnet.cli.layers import layers_command
from zfnet.cli.occlusion import occlusion_command, positions
from zfnet.cli.options import Execution, Model, Split, names, open_network
from zfnet.cli.transfer import transfer_command
from zfnet.data import Dataset, open_dataset
from zfnet.experiments.occlusion.pointing import playable
from zfnet.experiments.paper.page import write_paper
from zfnet.experiments.paper.parts import PARTS, Part, choose
from zfnet.experiments.paper.runner import Job, run
from zfnet.experiments.shared.results import Results
from zfnet.network import Network
from zfnet.report.figures import Figures

Option = typer.Option
DATA = "More data (a part without its data is not run)"
Scale = Literal["quick", "small", "full"]

COMMANDS: Mapping[str, Callable[..., None]] = {
    "features": features_command,
    "evolution": evolution_command,
    "invariance": invariance_command,
    "first-layer": first_layer_command,
    "occlusion": occlusion_command,
    "correspondence": correspondence_command,
    "ablation": ablation_command,
    "transfer": transfer_command,
    "layers": layers_command,
}
FEW: Mapping[str, Any] = {"per_class": "2,5", "folds": 2, "scratch_epochs": 2, "c": 1.0}
TINY: Mapping[str, Any] = {"seeds": 1, "epochs": 1, "width": 0.1}
QUICK: Mapping[str, Mapping[str, Any]] = {
    "features": {"maps": 3},
    "evolution": {"maps": 3, "images": 100},
    "invariance": {"count": 3, "statistics": 8},
    "first-layer": {**TINY, "maps": 3, "images": 50},
    "occlusion": {"count": 2, "search": 100, "pointing": 4},
    "correspondence": {"repeats": 3},
    "ablation": {**TINY, "hidden": 32, "rows": "alexnet,zfnet,zfnet-34,zfnet-67,zfnet-3467"},
    "transfer": FEW,
    "caltech101": FEW,
    "caltech256": FEW,
    "voc2012": {"c": 1.0},
    "layers": {"per_class": 5, "folds": 2, "c": 1.0},
}
SMALL: Mapping[str, Mapping[str, Any]] = {"occlusion": {"pointing": 40}}
FULL: Mapping[str, Mapping[str, Any]] = {
    "first-layer": {"full": True},
    "ablation": {"full": True, "seeds": 5},
    "occlusion": {"count": 5, "pointing": 100},
}
COMPUTED = ("device", "seed", "follow_links", "format", "figure_width", "dpi")
"""Options that every part's command takes."""
SCALES = {"quick": QUICK, "small": SMALL, "full": FULL}


@dataclass(frozen=True)
class PartOptions:
    """Which parts are run, and at which scale."""

    scale: Annotated[
        Scale,
        Option(
            help="quick: minutes, a first look; small: what each command does by itself, hours of "
            "training; full: the paper's."
        ),
    ] = "small"
    only: Annotated[
        str,
        Option(
            help="Parts by name, with commas; empty: all "
            f"({', '.join(part.name for part in PARTS)})."
        ),
    ] = ""
    again: Annotated[bool, Option("--again", help="Also run the parts that are done already.")] = (
        False
    )


@dataclass(frozen=True)
class MoreData:
    """Data of single parts."""

    class_name: Annotated[str, Option("--class", help="Whose parts are hidden, for Table 1.")] = (
        "face"
    )
    regions: Annotated[Path | None, Option(help="Parts of your own images, for Table 1.")] = None
    transfer: Annotated[
        str | None,
        Option(
            help="Where features are transferred to, for Fig 9 and Table 7: `scenes`, or a folder "
            "of classes (default: --data)."
        ),
    ] = None
    caltech101: Annotated[str | None, Option(help="Its folder, for Table 4.")] = None
    caltech256: Annotated[str | None, Option(help="Its folder, for Table 5.")] = None
    voc2012: Annotated[str | None, Option(help="Its folder, for Table 6.")] = None

    def settings(self) -> dict[str, Any]:
        """As the report records them."""
        named = asdict(self)
        return {"class": named.pop("class_name"), **named}


@grouped
@holding_out
def paper_command(
    *,
    data: Annotated[str, Option(help="`scenes`, or any folder of images.")],
    model: Model = None,
    out: Annotated[Path, Option(help="Folder for the report, and one for each part.")] = Path(
        "paper"
    ),
    parts: PartOptions,
    run_folder: Annotated[
        Path | None,
        Option(
            "--run",
            help="A training that kept its networks of some epochs, for Fig 4 (default: --model).",
        ),
    ] = None,
    more: Annotated[MoreData, Options(DATA)],
    split: Split = "val",
    figures: Figures,
    execution: Execution,
) -> None:
    """All figures and tables of the paper, and one report of them.

    Parts that are done are not run again by the same command, and interrupted trainings resume. A
    part that these data do not allow is listed in the report with the reason.
    """
    settings = {
        "data": data, "model": model, "scale": parts.scale, "only": names(parts.only),
        "run": run_folder, **more.settings(), "split": split, "device": execution.device,
        "seed": execution.seed, "follow_links": execution.follow_links, **asdict(figures),
    }  # fmt: skip
    seed = execution.seed
    chosen, results = choose(names(parts.only)), Results(out, "paper", settings, figures)
    options = _options(settings)
    network, _ = open_network(model, execution.device)
    dataset = _images(data, split, seed, execution.follow_links)
    if not _can_be_played(network, dataset, options["occlusion"]["pointing"], seed):
        options["occlusion"]["pointing"] = 0
    if _learned_from(network, more.transfer or data, dataset):  # then nothing is transferred
        options["transfer"]["scratch"] = False
    jobs = [_job(part, options[part.name]) for part in PARTS]
    page = write_paper(run(jobs, chosen, results, again=parts.again), chosen, results)
    say(f"The report is {page.resolve()}; each part's own page and numbers are in its folder.")


def _options(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The options of each part's command: the scale's numbers, and the user's options."""
    data, model, split = (settings[name] for name in ("data", "model", "split"))
    computed = {name: settings[name] for name in COMPUTED}
    common = {"data": data, "split": split, **computed}
    inspecting = {**common, "model": model}
    elsewhere = {**inspecting, "data": settings["transfer"] or data}
    protocols = {name: {"data": settings[name], "protocol": name}
                 for name in ("caltech101", "caltech256", "voc2012")}  # fmt: skip
    given: dict[str, dict[str, Any]] = {
        "features": inspecting,
        "evolution": {**common, "run": settings["run"] or model},
        "invariance": inspecting,
        "first-layer": common,
        "occlusion": inspecting,
        "correspondence": {
            **inspecting, "class_name": settings["class"], "regions": settings["regions"],
        },
        "ablation": {"data": data, **computed},
        "transfer": elsewhere,
        **{name: {**inspecting, **protocol} for name, protocol in protocols.items()},
        "layers": elsewhere,
    }  # fmt: skip
    sizes = SCALES[settings["scale"]]
    return {name: {**sizes.get(name, {}), **own} for name, own in given.items()}


def _images(data: str, split: str, seed: int, follow_links: bool) -> Dataset:
    """ValueError without such a data set, or images in it."""
    dataset = open_dataset(data, split, seed=seed, follow_links=follow_links)
    if not len(dataset):
        raise ValueError(f"{data} has no image in its split {split!r}: give another as --split")
    return dataset


def _can_be_played(network: Network, dataset: Dataset, pointing: int, seed: int) -> bool:
    """Whether any image that `zfnet occlusion` would draw allows the pointing game."""
    rng, count = np.random.default_rng(seed), min(pointing, len(dataset))
    _, drawn, _ = positions(dataset, [], 0, count, 0, rng)
    return bool(playable(network, dataset, drawn).indices)


def _learned_from(network: Network, data: str, dataset: Dataset) -> bool:
    """Whether the network was trained on the transfer data; False if these are missing."""
    with suppress(ValueError):
        elsewhere = dataset if data == dataset.name else open_dataset(data, "val")
        return network.learned_from(elsewhere)
    return False


def _job(part: Part, options: dict[str, Any]) -> Job:
    def do(folder: Path) -> None:
        for needed in ("data", "run"):
            if options.get(needed, "") is None:
                raise ValueError(f"it needs --{part.name if needed == 'data' else needed}")
        say(f"\n{part.where}: zfnet {part.command}")
        COMMANDS[part.command](out=folder, **options)

    return Job(part, options, do)
