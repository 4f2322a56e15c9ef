"""Conduct of a kernel: what its calls did besides returning a result.

These are properties like those of the suite, but no call of theirs is drawn: they are judged by
what all calls of the trials before them showed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kernels.contract.registry import Kernel
from kernels.judge.remote import Guest, Remote
from kernels.verify.calls import OPERATIONS
from kernels.verify.outcome import Outcome
from kernels.verify.property import Property
from kernels.verify.strata.stratum import work


@dataclass(frozen=True)
class Evidence:
    """What the trials of one kernel have shown."""

    guest: Guest
    outcomes: Sequence[Outcome]


def _state(seen: Evidence) -> str:
    changed = list(seen.guest.conduct.changed)
    return f"it changes {_listed(changed)}" if changed else ""


def _others(seen: Evidence) -> str:
    others = list(seen.guest.conduct.others)
    return f"it calls {_listed(others)}, of this project, for its result" if others else ""


def _judged(seen: Evidence) -> str:
    judged = [g for o in seen.outcomes for g in o.judged]
    operation = seen.outcomes[0].kernel.operation if seen.outcomes else ""
    if any(work(operation, g) > 0 for g in judged):
        return ""
    return "nothing was judged: it supports no geometry that has something to compute"


def _listed(parts: list[str], most: int = 3) -> str:
    more = f" and {len(parts) - most} more" if len(parts) > most else ""
    return "; ".join(parts[:most]) + more


def _law(name: str, sentence: str) -> Property:
    return Property(name, sentence, tuple(OPERATIONS), _unchecked, lambda k: True, {}, {}, False)


def _unchecked(kernel: Kernel, call: object) -> None:
    raise NotImplementedError("conduct is judged by the calls of the other properties")


CONDUCT: tuple[tuple[Property, Callable[[Evidence], str]], ...] = (
    (
        _law(
            "global state",
            "Calls, and loading the file, leave the state of the process as it was: generators, "
            "error state, print options, threads, signal handlers, filters of warnings, working "
            "directory, environment, and the functions of other modules.",
        ),
        _state,
    ),
    (
        _law("own work", "The result is computed by the kernel itself, not by another kernel."),
        _others,
    ),
    (
        _law("coverage", "The kernel supports something on which it can be judged."),
        _judged,
    ),
)


def laws(kernel: Kernel) -> list[Property]:
    """The properties of conduct that concern a kernel."""
    return [law for law, _ in CONDUCT] if isinstance(kernel, Remote) else []


def outcomes(kernel: Remote, before: Sequence[Outcome]) -> Iterator[Outcome]:
    """The outcome of each, given those of the trials of the suite."""
    calls = sum(o.examples for o in before)
    for law, find in CONDUCT:
        said = find(Evidence(kernel.guest, before))
        yield Outcome(kernel, law, max(calls, 1), unmet=said)
