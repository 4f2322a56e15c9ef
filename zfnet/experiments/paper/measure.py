"""Every experiment of the paper, one after the other: what has been done, and what it found.

An experiment writes into a folder of its own what its command writes. It counts as done once it
came to its end; a list of these, with the options that each was run with, is kept beside the
report, and what is on it with equal options is not run again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from zfnet.experiments.shared.estimates import Estimate, Verdict, verdict
from zfnet.experiments.shared.gains import gain
from zfnet.experiments.shared.results import Results

Numbers = Mapping[str, Any]
"""What an experiment's NAME.json holds."""


@dataclass(frozen=True)
class Part:
    """An experiment of the paper.

    name:    of its folder, and in --only; command: what runs it, and writes command.json.
    where:   the figure or table; claim: what the paper says of it, a sentence.
    judge:   from its numbers, whether that holds, one verdict for each statement; none where the
             pictures alone say it.
    """

    name: str
    command: str
    where: str
    claim: str
    judge: Callable[[Numbers], list[Verdict]]


@dataclass(frozen=True, eq=False)
class Job:
    """A part to do: `run` takes its folder. options: everything that it was asked for, as JSON."""

    part: Part
    options: Mapping[str, Any]
    run: Callable[[Path], None]


@dataclass(frozen=True)
class Outcome:
    """What became of a job; `reason` says why it could not be run, and is empty if it was."""

    options: Mapping[str, Any]
    reason: str = ""
    verdicts: tuple[Verdict, ...] = field(default=())

    @property
    def done(self) -> bool:
        return not self.reason

    def said(self) -> str:
        """ "holds", "holds: 3 of 4; cannot be told: 1 of 4", or what there is without verdicts."""
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
    """Do what is asked and not done yet; after each job, and once before, all outcomes so far.

    jobs: of all parts, so that what an earlier command did with other options is left out.
    A job that these data or networks do not allow (ValueError, FileNotFoundError) has a reason; the
    others go on. If none that is asked could be run, that is a ValueError, after the last outcomes.
    """
    outcomes = _of(jobs, known(results.out))
    yield outcomes
    for job in (job for job in jobs if job.part in asked):
        name, before = job.part.name, outcomes.get(job.part.name)
        if again or before is None or not before.done:
            outcomes.pop(name, None)  # while it is written anew it is not done
            keep(results, outcomes)
            outcomes[name] = _outcome(job, results.out)
        keep(results, outcomes)
        yield outcomes
    if not any(outcomes[part.name].done for part in asked):
        reasons = "; ".join(f"{part.name}: {outcomes[part.name].reason}" for part in asked)
        raise ValueError(f"no experiment could be run; {reasons}")


def _of(jobs: Sequence[Job], outcomes: Outcomes) -> Outcomes:
    """Those of these jobs: of the same part, with the same options."""
    options = {job.part.name: plain(job.options) for job in jobs}
    return {name: one for name, one in outcomes.items() if one.options == options.get(name)}


def _outcome(job: Job, out: Path) -> Outcome:
    options, folder = plain(job.options), out / job.part.name
    try:
        job.run(folder)
    except (ValueError, FileNotFoundError) as error:
        return Outcome(options, str(error))
    numbers = json.loads((folder / f"{job.part.command}.json").read_text("utf-8"))
    return Outcome(options, verdicts=tuple(job.part.judge(numbers)))


def known(out: Path) -> Outcomes:
    """The outcomes that an earlier command left in a folder."""
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


def choose(names: Sequence[str]) -> list[Part]:
    """The parts of these names in the paper's order, all for none; ValueError for another."""
    known_names = [part.name for part in PARTS]
    unknown = [name for name in names if name not in known_names]
    if unknown:
        raise ValueError(f"no part {', '.join(unknown)}; there are {', '.join(known_names)}")
    return [part for part in PARTS if not names or part.name in names]


def _nothing(numbers: Numbers) -> list[Verdict]:
    return []


def _claims(numbers: Numbers) -> list[Verdict]:
    return [claim["verdict"] for claim in numbers["claims"]]


def _pointing(numbers: Numbers) -> list[Verdict]:
    """Whether the game's interval lies above chance."""
    played = numbers["pointing"]
    if played is None:
        return []
    low, high = played["interval"]
    if low <= played["chance"] <= high:
        return ["cannot be told"]
    return ["holds" if low > played["chance"] else "does not hold"]


def _tighter(numbers: Numbers) -> list[Verdict]:
    """Of every part at the first layer, the published Delta."""
    first = next(iter(numbers["tighter"].values()))
    return [verdict(Estimate(**difference)) for difference in first.values()]


def _gains(numbers: Numbers) -> list[Verdict]:
    """By images a class; of data that the network has learned from already nothing can be told."""
    if numbers["seen_before"]:
        return ["cannot be told"] * len(numbers["gains"])
    return [verdict(Estimate(**found)) for found in numbers["gains"].values()]


def _above_random(numbers: Numbers) -> list[Verdict]:
    """Over the classes, how far average precision lies above a random order's."""
    classes = numbers["classes"]
    return [verdict(gain([c["share"] for c in classes], [c["precision"] for c in classes]))]


def _deepest(numbers: Numbers) -> list[Verdict]:
    """Of the SVM's gain from the first layer to the last."""
    svm = [score["accuracies"] for score in numbers["scores"] if score["kind"] == "svm"]
    return [verdict(gain(svm[0], svm[-1]))]


PRETRAINED = "Features learned on one data set beat training from scratch on another."
PARTS = (
    Part("features", "features", "Fig 2", "Each map looks for one thing, the more complex the "
         "higher its layer, and ignores how it varies.", _nothing),
    Part("evolution", "evolution", "Fig 4", "Lower layers settle within a few epochs, upper ones "
         "after many.", lambda numbers: [numbers["trend"]["verdict"]]),
    Part("invariance", "invariance", "Fig 5", "Small transformations move the first layer more "
         "than the seventh.", lambda numbers: [one["verdict"] for one in numbers["trends"]]),
    Part("first-layer", "first-layer", "Fig 6", "Renormalised, smaller filters at a smaller stride "
         "leave fewer dead, none that dominates, and less aliasing.", _claims),
    Part("occlusion", "occlusion", "Fig 7", "The network goes by the object, not by what lies "
         "about it.", _pointing),
    Part("correspondence", "correspondence", "Fig 8, Table 1", "At layer 5 hiding an eye or the "
         "nose changes features more alike than hiding random places.", _tighter),
    Part("ablation", "ablation", "Tables 2, 3", "Depth matters, not one layer; ZFNet beats "
         "AlexNet; averaged networks beat one.", _claims),
    Part("transfer", "transfer", "Tables 4, 5, Fig 9", PRETRAINED, _gains),
    Part("caltech101", "transfer", "Table 4", PRETRAINED, _gains),
    Part("caltech256", "transfer", "Table 5, Fig 9", PRETRAINED, _gains),
    Part("voc2012", "transfer", "Table 6", "The same features tell the classes of VOC.",
         _above_random),
    Part("layers", "layers", "Table 7", "Deeper layers separate the classes better.", _deepest),
)  # fmt: skip
"""In the paper's order."""
