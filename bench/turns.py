"""Contenders take turns, A B C, A B C, ... each in a process of its own, waiting while others work.

What disturbs the machine for longer than a turn disturbs all of them alike, and ratios of turns
that follow each other hardly notice. Every result is judged first; a wrong one is not timed.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.cases import Case, Contender
from bench.correctness import Verdict, judge
from bench.operations import of
from bench.rows import Row
from bench.team import Setting, Team, team

SETTLE = 0.02
"""Seconds before a turn: idle threads of the one before spin some milliseconds, then sleep."""
RAMP = 0.02
"""Seconds of calls that begin a turn and are not timed: threads that slept are woken on one core
and get each their own only after some milliseconds."""


@dataclass(frozen=True)
class Effort:
    """How long to time one case.

    seconds: of all its contenders together, unless `least` rounds take longer.
    turn:    seconds of one turn at least: a fast call is repeated.
    rounds:  exactly so many, if given.
    between: seconds that go by before each call and are not its own (a GPU's cache is flushed).
    """

    seconds: float = 6.0
    turn: float = 0.05
    least: int = 3
    most: int = 25
    rounds: int | None = None
    between: float = 0.0

    def exactly(self, rounds: int | None) -> Effort:
        """The same with so many rounds, or as it is."""
        return self if rounds is None else replace(self, rounds=rounds)

    def calls(self, once: float) -> int:
        """How many calls of `once` seconds make a turn."""
        return max(1, round(self.turn / max(once + self.between, 1e-9)))

    def order(self, once: float) -> str:
        """What a worker is told when its turn comes."""
        return f"time {self.calls(once)} {int(RAMP / max(once, 1e-9))}"

    def how_often(self, once: Sequence[float]) -> int:
        """How many rounds, from the seconds of one call of each contender."""
        if self.rounds is not None:
            return self.rounds
        turns = [self.calls(seconds) * (seconds + self.between) for seconds in once]
        a_round = sum(SETTLE + RAMP + turn for turn in turns)
        return min(max(int(self.seconds / a_round), self.least), self.most)


def measure(
    case: Case, contenders: Sequence[Contender], setting: Setting, effort: Effort
) -> list[Row]:
    """Judge every contender's result, then time those that are right; a row for each."""
    with team(case, contenders, setting) as those:
        needed, verdicts = _judged(case, those)
        for contender, verdict in verdicts.items():
            if verdict.message:
                those.drop(contender, verdict.message)
        seconds = _take_turns(those, effort)
    return [
        Row(
            case,
            contender,
            tuple(seconds.get(contender, ())),
            **{"operations": of(case).done(case, contender)} | needed.get(contender, {}),
            share=verdicts[contender].share if contender in verdicts else None,
            picked=is_picked(case, contender),
            problem=those.problems.get(contender, ""),
        )
        for contender in contenders
    ]


def is_picked(case: Case, contender: Contender) -> bool:
    """Is it what minidl takes by itself?"""
    return contender.ours and contender.name == of(case).picked(case, contender.device)


def _judged(
    case: Case, those: Team
) -> tuple[dict[Contender, dict[str, int]], dict[Contender, Verdict]]:
    """(memory and operations of a call, verdict) of each contender that computed something."""
    needed: dict[Contender, dict[str, int]] = {}
    results: dict[Contender, list[np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as parent:
        for number, contender in enumerate(list(those.workers)):
            folder = Path(parent) / str(number)
            folder.mkdir()
            answer = those.ask(contender, f"run {folder}")
            if answer is not None:
                needed[contender] = json.loads(answer)
                results[contender] = _load(folder)
        return needed, judge(case, results)


def _load(folder: Path) -> list[np.ndarray]:
    paths = sorted(folder.glob("*.npy"), key=lambda path: int(path.stem))
    return [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]


def _take_turns(those: Team, effort: Effort) -> dict[Contender, list[float]]:
    """Seconds a call, round by round, of each contender that went through all of them."""
    known = _seconds(those, dict.fromkeys(list(those.workers), "time 1 0"))
    # A first call finds nothing in the caches: how often to call is known after a turn of them.
    known = _seconds(those, {c: effort.order(once) for c, once in known.items()})
    seconds: dict[Contender, list[float]] = {c: [] for c in known}
    for _ in range(effort.how_often(list(known.values())) if known else 0):
        for contender in list(those.workers):
            time.sleep(SETTLE)
            answer = those.ask(contender, effort.order(known[contender]))
            if answer is not None:
                seconds[contender].append(float(answer))
    return {c: times for c, times in seconds.items() if c in those.workers}


def _seconds(those: Team, orders: Mapping[Contender, str]) -> dict[Contender, float]:
    """A turn of each: seconds a call of those that answered."""
    answers = {c: those.ask(c, order) for c, order in orders.items() if c in those.workers}
    return {c: float(answer) for c, answer in answers.items() if answer is not None}
