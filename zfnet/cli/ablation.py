"""`zfnet ablation`: networks with layers removed, resized and averaged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import say
from minidl.device import check
from zfnet.cli.folder import holding_out
from zfnet.cli.groups import Options, grouped
from zfnet.cli.options import Execution, names
from zfnet.cli.reporting import reporter
from zfnet.cli.scale_options import ScaleOptions
from zfnet.data import open_dataset, require_classes
from zfnet.experiments.ablation.measure import plans
from zfnet.experiments.ablation.page import write_ablation
from zfnet.experiments.ablation.rows import ROWS, choose_rows
from zfnet.experiments.shared.results import Results
from zfnet.experiments.shared.scales import Trainings
from zfnet.report.figures import Figures

Option = typer.Option
SCALE = "Scale (defaults: small, for `scenes`; with --full the paper's)"


@grouped
@holding_out
def ablation_command(
    *,
    data: Annotated[str, Option(help="`scenes`, or a folder as for `zfnet train`.")],
    out: Annotated[Path, Option(help="Folder for the page, its numbers and the runs.")] = Path(
        "ablation"
    ),
    rows: Annotated[
        str,
        Option(
            help="Names of rows with commas; empty: all of Table 3 "
            f"({', '.join(row.name for row in ROWS)})."
        ),
    ] = "",
    seeds: Annotated[int, Option(min=1, help="Networks of each row.")] = 3,
    size: Annotated[ScaleOptions, Options(SCALE)],
    figures: Figures,
    execution: Execution,
) -> None:
    """Train networks with layers removed, resized and averaged (Tables 2 and 3).

    Trained networks are kept in the folder's runs; a command that was stopped resumes when it is
    repeated. A network takes some minutes at the small scale on two cores, and Table 3 has twelve
    for each seed.
    """
    device, seed = execution.device, execution.seed
    check(device)
    scale = size.scale()
    chosen, report = choose_rows(names(rows)), reporter()
    train, val = (
        open_dataset(data, split, seed=seed, follow_links=execution.follow_links)
        for split in ("train", "val")
    )
    require_classes(train)
    every = range(seed, seed + seeds)
    for row in chosen:  # images that do not fit are refused before their mean is computed
        plans(row, every, scale, len(train.classes))
    described = {"data": data, "rows": [row.name for row in chosen], "seeds": list(every)}
    settings = scale.described() | described | {"seed": seed}
    trainings = Trainings(train, val, scale.preprocess(train, report), out, data, device)
    results = Results(out, "ablation", settings, figures)
    page = write_ablation(chosen, every, scale, trainings, results, report)
    say(
        f"The page is {page.resolve()}; the numbers beside it in ablation.json, table-2.csv and "
        "table-3.csv."
    )
