"""`zfnet check`: the paper's claims, tested on drawn scenes, whose ground truth is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import say
from zfnet.cli.folder import holding_out
from zfnet.cli.groups import Options, grouped
from zfnet.cli.options import Execution, names, open_network
from zfnet.cli.reporting import reporter
from zfnet.data import open_dataset
from zfnet.experiments.check.claims import TRENDS, choose
from zfnet.experiments.check.measure import Case, Effort, check, disjoint_draw, trained_on_scenes
from zfnet.experiments.check.page import write_checks
from zfnet.experiments.shared.results import Report, Results
from zfnet.network import Network
from zfnet.report.figures import Figures

Option = typer.Option
EFFORT = "Images and epochs, in every seed"
OWN = "trained on scenes, one a seed"
ELSEWHERE = -1
"""In place of a seed: the network whose features are transferred."""

Model = Annotated[
    Path | None,
    Option(
        help="A run's folder, or a network's file (default: on `scenes` one trained for each "
        "seed, else the pretrained one)."
    ),
]
Data = Annotated[
    str,
    Option(
        help="`scenes`, or a folder whose images have boxes (Tiny ImageNet's layout), for what "
        "boxes can show."
    ),
]
Out = Annotated[Path, Option(help="Folder for the page, its numbers and the runs.")]
Only = Annotated[
    str,
    Option(
        help="Trends by name, with commas; empty: all "
        f"({', '.join(trend.name for trend in TRENDS)})."
    ),
]
Seeds = Annotated[int, Option(min=1, help="Number of seeds, each with draws of its own.")]


@grouped
@holding_out
def check_command(
    *,
    model: Model = None,
    data: Data = "scenes",
    out: Out = Path("check"),
    only: Only = "",
    seeds: Seeds = 5,
    effort: Annotated[Effort, Options(EFFORT)],
    figures: Figures,
    execution: Execution,
) -> None:
    """The paper's trends, measured over seeds where the truth is known, each with a verdict.

    Without --model a network like the tour's is trained for each seed, some minutes each. Trained
    networks are kept in the folder's runs; a command that was stopped resumes when it is repeated.
    """
    seed = execution.seed
    chosen, report = choose(names(only), scenes=data == "scenes"), reporter()
    case, called = _cases(model, data, out, seeds, execution)
    every = range(seed, seed + seeds)
    settings = {
        "model": called, "data": data, "only": [trend.name for trend in chosen],
        "seeds": list(every), **asdict(effort), "seed": seed,
    }  # fmt: skip
    found = check(chosen, every, case, effort, report)
    page = write_checks(found, len(chosen), Results(out, "check", settings, figures))
    say(f"The page is {page.resolve()}; the numbers beside it in check.json and check.csv.")


@dataclass(frozen=True, eq=False)
class _Cases:
    """The case of each seed, in any process.

    given: the measured network; None: one is trained on the scenes of each seed.
    """

    given: Network | None
    model: Path | None
    data: str
    out: Path
    seeds: int
    execution: Execution
    trained: dict[int, Network] = field(default_factory=dict)

    def __call__(self, number: int, report: Report) -> Case:
        scenes, seed = self.data == "scenes", self.execution.seed
        # Of the scenes those of the test split, which training has not used for validation either.
        dataset = open_dataset(
            self.data, "test" if scenes else "val", seed=number if scenes else seed,
            follow_links=self.execution.follow_links,
        )  # fmt: skip
        order = (
            range(len(dataset)) if scenes
            else disjoint_draw(dataset, self.seeds, number - seed, seed)
        )  # fmt: skip
        network, out = partial(self._network, number, report), self.out / f"seed-{number}"
        return Case(number, network, dataset, order, self._elsewhere, out)

    def _network(self, number: int, report: Report) -> Network:
        if self.given is not None:
            return self.given
        if number not in self.trained:
            device = self.execution.device
            self.trained[number] = trained_on_scenes(number, self.out, report, device=device)
        return self.trained[number]

    def _elsewhere(self) -> Network:
        if ELSEWHERE not in self.trained:
            self.trained[ELSEWHERE] = open_network(self.model, self.execution.device)[0]
        return self.trained[ELSEWHERE]


def _cases(
    model: Path | None, data: str, out: Path, seeds: int, execution: Execution
) -> tuple[_Cases, str]:
    """The case of each seed, and the network's name."""
    own = data == "scenes" and model is None
    given, called = (None, OWN) if own else open_network(model, execution.device)
    return _Cases(given, model, data, out, seeds, execution), called
