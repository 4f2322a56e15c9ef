"""Side effects of a kernel: what its calls did besides returning a result.

These are properties like those of the suite, but no call of theirs is drawn: they are judged by
what all calls of the trials before them showed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kernels.contract.registry import Kernel
from kernels.judge import narrow
from kernels.judge.remote import Guest, Remote
from kernels.judge.tasks import operation as tasks
from kernels.verify.calls import OPERATIONS
from kernels.verify.outcome import Outcome
from kernels.verify.property import PROPERTIES, Property
from kernels.verify.runner import try_property
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


@dataclass(frozen=True)
class Rule:
    """A property of conduct, and what finds that it does not hold; "" if it does.

    at_end: it is judged when all trials are over; others as soon as something is found.
    """

    law: Property
    find: Callable[[Evidence], str]
    at_end: bool = False


CONDUCT = (
    Rule(
        _law(
            "global state",
            "Calls, and loading the file, leave the state of the process as it was: generators, "
            "error state, print options, threads, signal handlers, filters of warnings, working "
            "directory, environment, and the functions of other modules.",
        ),
        _state,
    ),
    Rule(
        _law("own work", "The result is computed by the kernel itself, not by another kernel."),
        _others,
    ),
    Rule(
        _law("coverage", "The kernel supports something on which it can be judged."),
        _judged,
        at_end=True,
    ),
)
PRECISION = _law(
    "precision",
    "Operands are not rounded to a narrower type than the kernel's name says, whatever error it "
    "declares.",
)
SANITIZED = _law(
    "sanitizers",
    "Compiled with the address and the undefined-behaviour sanitizer, the kernel gives the same "
    "results, and neither finds anything.",
)
TRIED = {"definition": 20, "nothing": 3, "any memory": 5}
"""Properties that are tried with sanitizers, which make a call many times slower, and examples."""


def laws(kernel: Kernel) -> list[Property]:
    """The properties of conduct that concern a kernel."""
    if not isinstance(kernel, Remote):
        return []
    found = [*(rule.law for rule in CONDUCT), PRECISION]
    return [*found, SANITIZED] if kernel.guest.checked is not None else found


NAMES = {rule.law.name for rule in CONDUCT} | {PRECISION.name, SANITIZED.name}


class Hearing:
    """The conduct of one kernel while its trials go on."""

    def __init__(self, kernel: Remote, seed: int = 0) -> None:
        self.kernel, self.seed = kernel, seed
        self._before: list[Outcome] = []
        self._left = list(CONDUCT)

    def after(self, outcome: Outcome) -> Iterator[Outcome]:
        """The rules that are found broken, once a trial is over; each is yielded once."""
        self._before.append(outcome)
        yield from self._found([r for r in self._left if not r.at_end], broken=True)

    def at_end(self) -> Iterator[Outcome]:
        """The outcomes of all other rules."""
        yield from self._found(list(self._left), broken=False)
        yield _precise(self.kernel)
        if self.kernel.guest.checked is not None:
            yield _sanitized(self.kernel, self.kernel.guest.checked, self.seed)

    def _found(self, rules: list[Rule], broken: bool) -> Iterator[Outcome]:
        calls = max(sum(o.examples for o in self._before), 1)
        for rule in rules:
            said = rule.find(Evidence(self.kernel.guest, self._before))
            if said or not broken:
                self._left.remove(rule)
                yield Outcome(self.kernel, rule.law, calls, unmet=said)


def _precise(kernel: Remote) -> Outcome:
    """The outcome of a call that tells types apart."""
    if kernel.guest.given_up:
        return Outcome(kernel, PRECISION, 0)
    kernel.guest.begin_trial()
    try:
        return Outcome(kernel, PRECISION, 1, unmet=narrow.rounded_operands(kernel))
    except Exception:  # a failure of other properties
        return Outcome(kernel, PRECISION, 0)


def _sanitized(kernel: Remote, checked: Guest, seed: int) -> Outcome:
    """The outcome of the calls of the library that is compiled with sanitizers."""
    same = next(k for k in checked.kernels() if k.operation == kernel.operation)
    calls = 0
    known = tasks.properties() if kernel.operation == tasks.NAME else PROPERTIES
    for name, examples in TRIED.items():
        if name in known and known[name].concerns(same):
            checked.begin_trial()
            outcome = try_property(same, known[name], examples, seed, shrink=False)
            calls += outcome.examples
            if outcome.failure is not None or outcome.unmet:
                failure = outcome.failure
                said = f"{failure.reason}, for {failure.call.g}" if failure else outcome.unmet
                return Outcome(kernel, SANITIZED, calls, unmet=said)
    return Outcome(kernel, SANITIZED, calls)
