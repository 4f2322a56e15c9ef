"""`zfnet first-layer`: dead, dominating and aliased filters of the first layer (Fig 6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import say
from minidl.device import check
from zfnet.cli.folder import holding_out
from zfnet.cli.groups import Options, grouped
from zfnet.cli.options import Execution, Split, open_network
from zfnet.cli.reporting import reporter
from zfnet.cli.scale_options import ScaleOptions
from zfnet.data import open_dataset, require_classes
from zfnet.experiments.first_layer.claims import VARIANTS, Group, plan, trained_groups
from zfnet.experiments.first_layer.page import write_first_layer
from zfnet.experiments.shared.results import Report, Results
from zfnet.experiments.shared.scales import Scale, Trainings
from zfnet.report.figures import Figures

Option = typer.Option
TRAINING = "Training, without --model (defaults: small, for `scenes`; with --full the paper's)"

Data = Annotated[
    str,
    Option(help="`scenes`, or a folder as for `zfnet train`; with --model any folder of images."),
]
Out = Annotated[Path, Option(help="Folder for the page, its numbers and the runs.")]
Model = Annotated[
    list[Path] | None,
    Option(help="Compare these, runs or files, instead of training; may be given several times."),
]
Images = Annotated[int, Option(min=1, help="In which aliasing is measured.")]
Seeds = Annotated[int, Option(min=1, help="Networks of each kind.", rich_help_panel=TRAINING)]
Size = Annotated[ScaleOptions, Options(TRAINING, without=("hidden",))]


@grouped
@holding_out
def first_layer_command(
    *,
    data: Data,
    out: Out = Path("first-layer"),
    model: Model = None,
    maps: Annotated[int, Option(min=1, help="Of layer 2, projected.")] = 6,
    images: Images = 200,
    split: Split = "val",
    seeds: Seeds = 3,
    size: Size,
    figures: Figures,
    execution: Execution,
) -> None:
    """First-layer filters: dead, dominating, aliased (Fig 6).

    Without --model three kinds of network are trained: ZFNet's 7x7 filters at stride 2 with and
    without renormalisation, and AlexNet's 11x11 at stride 4 (on images below 51 pixels at 1 and 2).
    A command that was stopped resumes when it is repeated.
    """
    device, seed = execution.device, execution.seed
    check(device)
    dataset = open_dataset(data, split, seed=seed, follow_links=execution.follow_links)
    report = reporter()
    settings = {"data": data, "split": split, "maps": maps, "images": images, "seed": seed}
    if model:
        settings |= {"models": [str(path) for path in model]}
        groups = _given(model, device)
    else:
        scale, every = size.scale(), range(seed, seed + seeds)
        settings = scale.described() | settings | {"seeds": list(every)}
        groups = _trained(data, out, scale, every, execution, report)
    results = Results(out, "first-layer", settings, figures)
    page = write_first_layer(groups, dataset, results, maps=maps, images=images, report=report)
    say(
        f"The page is {page.resolve()}; the numbers beside it in first-layer.json, "
        "first-layer.csv and filters.csv."
    )


def _given(paths: Sequence[Path], device: str) -> list[Group]:
    """The networks at these paths, a group each."""
    networks = [(str(path), open_network(path, device)[0]) for path in paths]
    return [Group(f"{n}", name, [net]) for n, (name, net) in enumerate(networks, start=1)]


def _trained(
    data: str, out: Path, scale: Scale, seeds: range, execution: Execution, report: Report
) -> list[Group]:
    """The networks of Fig 6, trained on `data` when they are first used."""
    train, val = (
        open_dataset(data, part, seed=execution.seed, follow_links=execution.follow_links)
        for part in ("train", "val")
    )
    require_classes(train)
    for variant in VARIANTS:  # images that do not fit are refused before their mean is computed
        plan(variant, scale, len(train.classes), execution.seed)
    preprocess = scale.preprocess(train, report)
    trainings = Trainings(train, val, preprocess, out, data, execution.device)
    return trained_groups(scale, seeds, trainings, report)
