"""Text of a failure: the property, the violation, and a program that reproduces it."""

from __future__ import annotations

from kernels.verify.outcome import Outcome
from kernels.verify.replay import Run, fails_again, sequence
from kernels.verify.snippet import snippet

MOST_REPLAYED = 4
"""Failures whose programs are tried again, since a process takes seconds to begin."""


def violation(outcome: Outcome) -> str:
    """What was wrong, and in which example; "" if the property holds."""
    if outcome.failure is not None:
        return f"in example {outcome.examples}: {outcome.failure.reason}"
    return outcome.unmet


def program(outcome: Outcome, source: str | None) -> str:
    """The failing example as a program; "" without one.

    source: the file, or module, that registers the kernel; None for one of this project.
    """
    if outcome.failure is None:
        return ""
    return snippet(outcome.kernel, outcome.law, outcome.failure, source)


def replayable(outcome: Outcome, source: str | None) -> bool:
    """True if the program can be tried in a process of its own."""
    return bool(source is not None and outcome.failure and outcome.kernel.device == "cpu")


def replayed(outcome: Outcome, source: str, run: Run) -> str:
    """A mark, if the program of the failure holds in a new process, and the sequence of calls that
    fails there; "" if the program fails again."""
    if fails_again(program(outcome, source)):
        return ""
    alone = "This program alone does not fail: the kernel keeps something of the calls before it."
    calls = sequence(outcome, run, source)
    if fails_again(calls):
        return f"{alone}\nThe sequence of calls of this property does:\n\n{calls}"
    return (
        f"{alone}\nNor do the calls of this property: it needs those of the properties before it, "
        f"or other threads. `python -m kernels verify {source} --profile {run.profile} --seed "
        f"{run.seed}` repeats all of them.\n"
    )


def explained(outcome: Outcome, source: str | None, run: Run, replay: bool = True) -> str:
    """The failure as a text: sentence, violation, program, and with `replay` its mark."""
    parts = [outcome.law.sentence, f"But{_clause(outcome)}", program(outcome, source)]
    if replay and source is not None and replayable(outcome, source):
        parts.append(replayed(outcome, source, run))
    return "\n\n".join(part.rstrip() for part in parts if part) + "\n"


def _clause(outcome: Outcome) -> str:
    said = violation(outcome)
    return f", {said}" if outcome.failure is not None else f" {said}."
