"""Round-robin timing of contenders: turns A B C, A B C, ..., each in a process of its own.

A process is stopped while others compute, and the first call of a turn is not counted. Other load
on the machine that lasts longer than a turn slows all contenders alike, and hardly changes ratios
of successive turns. Every result is checked first; a contender with a wrong result is not timed.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.busy import busy_processes
from bench.cases import Case, Contender
from bench.correctness import Verdict, judge
from bench.counters import Counts, reason
from bench.operations import of
from bench.processes import Processes, Setting, start
from bench.rows import Row

SETTLE = 0.02
"""Seconds before a turn: idle threads of the previous contender spin for some milliseconds."""
RAMP = 0.02
"""Seconds of untimed calls at the beginning of a turn: sleeping threads are woken on one core, and
the system spreads them over the cores only after some milliseconds."""


@dataclass(frozen=True)
class Effort:
    """The time to spend on one case.

    seconds:     of all its contenders together, unless `least` rounds take longer.
    turn:        least seconds of one turn: a fast call is repeated.
    least, most: rounds.
    rounds:      the exact number, if given.
    between:     seconds before each call that are not timed (the flush of a GPU's cache).
    """

    seconds: float = 6.0
    turn: float = 0.05
    least: int = 3
    most: int = 25
    rounds: int | None = None
    between: float = 0.0

    def with_rounds(self, rounds: int | None) -> Effort:
        """The same effort with so many rounds; unchanged for None."""
        return self if rounds is None else replace(self, rounds=rounds)

    def calls(self, once: float) -> int:
        """The number of calls of `once` seconds in a turn."""
        return max(1, round(self.turn / max(once + self.between, 1e-9)))

    def command(self, once: float) -> str:
        """The command that a worker gets for its turn; a call takes `once` seconds."""
        return f"time {self.calls(once)} {self.untimed(once)}"

    def untimed(self, once: float) -> int:
        """The number of calls before a turn: at least the first, which finds cold caches."""
        return max(1, int(RAMP / max(once, 1e-9)))

    def round_count(self, once: Sequence[float]) -> int:
        """The number of rounds, from the seconds of one call of each contender."""
        if self.rounds is not None:
            return self.rounds
        turns = [
            self.untimed(seconds) * seconds + self.calls(seconds) * (seconds + self.between)
            for seconds in once
        ]
        a_round = sum(SETTLE + turn for turn in turns)
        return min(max(int(self.seconds / a_round), self.least), self.most)


def measure(
    case: Case, contenders: Sequence[Contender], setting: Setting, effort: Effort
) -> list[Row]:
    """Check every contender's result, then time the correct ones; a row for each."""
    with start(case, contenders, setting) as processes:
        needed, verdicts = _judged(case, processes)
        for contender, verdict in verdicts.items():
            if verdict.message:
                processes.drop(contender, verdict.message)
        with busy_processes(setting.busy):
            seconds = _take_turns(processes, effort)
        counts = _counts(processes, seconds, effort) if _cpu(contenders) else {}
    return [
        Row(
            case,
            contender,
            tuple(seconds.get(contender, ())),
            **{"operations": of(case).done(case, contender)} | needed.get(contender, {}),
            share=verdicts[contender].share if contender in verdicts else None,
            picked=is_picked(case, contender),
            problem=processes.problems.get(contender, ""),
            counts=counts.get(contender),
        )
        for contender in contenders
    ]


def _cpu(contenders: Sequence[Contender]) -> bool:
    return all(contender.device == "cpu" for contender in contenders)


def _counts(
    processes: Processes, seconds: Mapping[Contender, Sequence[float]], effort: Effort
) -> dict[Contender, Counts]:
    """Hardware events of a call of each contender that was timed, where they can be read."""
    found: dict[Contender, Counts] = {}
    if reason():
        return found
    for contender in list(processes.workers):
        calls = effort.calls(float(np.median(seconds[contender] or [1.0])))
        if answer := json.loads(processes.ask(contender, f"count {calls}") or "{}"):
            found[contender] = Counts(**answer)
    return found


def is_picked(case: Case, contender: Contender) -> bool:
    """True for the contender that minidl uses by default."""
    return contender.ours and contender.name == of(case).picked(case, contender.device)


def _judged(
    case: Case, processes: Processes
) -> tuple[dict[Contender, dict[str, int]], dict[Contender, Verdict]]:
    """(memory and operations of a call, verdict) of each contender that computed something."""
    needed: dict[Contender, dict[str, int]] = {}
    results: dict[Contender, list[np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as parent:
        for number, contender in enumerate(list(processes.workers)):
            folder = Path(parent) / str(number)
            folder.mkdir()
            answer = processes.ask(contender, f"run {folder}")
            if answer is not None:
                needed[contender] = json.loads(answer)
                results[contender] = _load(folder)
        return needed, judge(case, results)


def _load(folder: Path) -> list[np.ndarray]:
    paths = sorted(folder.glob("*.npy"), key=lambda path: int(path.stem))
    return [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]


def _take_turns(processes: Processes, effort: Effort) -> dict[Contender, list[float]]:
    """Seconds per call, round by round, of each contender that went through all of them."""
    known = _seconds(processes, dict.fromkeys(list(processes.workers), "time 1 0"))
    # A first call finds cold caches: the number of calls follows from a turn of several.
    known = _seconds(processes, {c: effort.command(once) for c, once in known.items()})
    seconds: dict[Contender, list[float]] = {c: [] for c in known}
    for _ in range(effort.round_count(list(known.values())) if known else 0):
        for contender in list(processes.workers):
            time.sleep(SETTLE)
            answer = processes.ask(contender, effort.command(known[contender]))
            if answer is not None:
                seconds[contender].append(float(answer))
    return {c: times for c, times in seconds.items() if c in processes.workers}


def _seconds(processes: Processes, commands: Mapping[Contender, str]) -> dict[Contender, float]:
    """One turn of each contender: seconds per call, of those that answered."""
    answers = {
        c: processes.ask(c, command) for c, command in commands.items() if c in processes.workers
    }
    return {c: float(answer) for c, answer in answers.items() if answer is not None}
