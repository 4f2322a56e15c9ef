"""Runner for the paper's parts: each in its own folder, with a record of those that are done.

A part's command writes into the part's folder. The part counts as done once its command has ended.
The record, paper.json, lists these parts with the options of each; a part that is on it with equal
options is not run again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kernels.storage.folders import FolderInUse, FolderRemoved
from zfnet.experiments.paper.parts import Part
from zfnet.experiments.shared.estimates import Verdict
from zfnet.experiments.shared.results import Results


@dataclass(frozen=True, eq=False)
class Job:
    """A part to run: `run` takes its folder; `options` are its command's options, as JSON."""

    part: Part
    options: Mapping[str, Any]
    run: Callable[[Path], None]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a job; `reason` says why it could not be run, and is empty if it was run."""

    options: Mapping[str, Any]
    reason: str = ""
    verdicts: tuple[Verdict, ...] = field(default=())

    @property
    def done(self) -> bool:
        return not self.reason

    def summary(self) -> str:
        """ "holds", "holds: 3 of 4; cannot be told: 1 of 4", or a note without verdicts."""
        if not self.done:
            return "not run"
        if len(self.verdicts) == 1:
            return self.verdicts[0]
        counts, total = Counter(self.verdicts), len(self.verdicts)
        each = [f"{name}: {count} of {total}" for name, count in counts.items()]
        return "; ".join(each) or "not measured: look at the pictures"


Outcomes = dict[str, Outcome]
"""By part's name."""


def run(
    jobs: Sequence[Job], asked: Sequence[Part], results: Results, *, again: bool = False
) -> Iterator[Outcomes]:
    """Run the asked parts that are not done; yields all outcomes, first and after each job.

    jobs: of all parts; outcomes of earlier commands with other options are dropped. A job that
    these data or networks do not allow (ValueError, FileNotFoundError) gets a reason, and the
    others are run. ValueError, after the last outcomes, if none could be run.
    """
    outcomes = _of(jobs, known(results.out))
    yield outcomes
    for job in (job for job in jobs if job.part in asked):
        name, before = job.part.name, outcomes.get(job.part.name)
        if again or before is None or not before.done:
            outcomes.pop(name, None)  # while it is being written it is not done
            keep(results, outcomes)
            outcomes[name] = _outcome(job, results.out)
        keep(results, outcomes)
        yield outcomes
    if not any(outcomes[part.name].done for part in asked):
        reasons = "; ".join(f"{part.name}: {outcomes[part.name].reason}" for part in asked)
        raise ValueError(f"no experiment could be run; {reasons}")


def _of(jobs: Sequence[Job], outcomes: Outcomes) -> Outcomes:
    """The outcomes of these jobs: the same part with the same options."""
    options = {job.part.name: plain(job.options) for job in jobs}
    return {name: one for name, one in outcomes.items() if one.options == options.get(name)}


def _outcome(job: Job, out: Path) -> Outcome:
    options, folder = plain(job.options), out / job.part.name
    try:
        job.run(folder)
    except (FolderInUse, FolderRemoved):  # not because of the data: the whole command ends
        raise
    except (ValueError, FileNotFoundError) as error:
        return Outcome(options, str(error))
    numbers = json.loads((folder / f"{job.part.command}.json").read_text("utf-8"))
    return Outcome(options, verdicts=tuple(job.part.judge(numbers)))


def known(out: Path) -> Outcomes:
    """The outcomes of an earlier command in this folder."""
    file = out / "paper.json"
    if not file.is_file():
        return {}
    parts = json.loads(file.read_text("utf-8"))["parts"]
    return {
        name: Outcome(one["options"], one["reason"], tuple(one["verdicts"]))
        for name, one in parts.items()
    }


def keep(results: Results, outcomes: Outcomes) -> None:
    """Write them to paper.json."""
    results.numbers(parts={name: asdict(outcome) for name, outcome in outcomes.items()})


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON has them, to be compared with those that were kept."""
    return json.loads(json.dumps(options, default=str))
