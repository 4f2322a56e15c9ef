"""Plan and run of the suite: every property on every kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kernels.contract.declarations import one
from kernels.contract.registry import Kernel
from kernels.verify.calls import OPERATIONS
from kernels.verify.given import Given, for_operation
from kernels.verify.placing import served_on
from kernels.verify.property import PROPERTIES, Property
from kernels.verify.runner import PROFILES, Outcome, try_property
from kernels.verify.strata.stratum import work

FAR_BELOW = 30.0
"""Factor by which the worst of an intense run may stay below a limit before the limit counts as too
wide."""

MOST_SHRUNK = 5
"""Failures of a kernel that are simplified, which takes longer than to find them; one, if many
properties will fail by the same cause."""

MOST_GIVEN = 1e10
"""Operations of the largest geometry, named by the user, that a property tries which calls the
kernel many times, divided by its share."""

PROCESS_STATE = "process state"
"""The property that is about what a kernel changes of the process."""

Trial = tuple[Kernel, Property]


@dataclass(frozen=True)
class Plan:
    """Trials of each kernel with the properties that concern it, and the kernels that cannot be
    tried, since their operation is unknown or they do not run on `device`.

    given: the geometries on which alone it judges, if any; ungiven: kernels of whose operations
           none is.
    """

    trials: list[Trial]
    unknown: list[Kernel]
    elsewhere: list[Kernel]
    device: str = "cpu"
    given: tuple[Given, ...] = ()
    ungiven: tuple[Kernel, ...] = ()


def served(kernels: Sequence[Kernel], device: str) -> list[Kernel]:
    """The kernels that run on `device`: "cpu", or the CUDA kernels on "emulator" and "cuda"."""
    return [k for k in kernels if served_on(k, device)]


def plan(kernels: Sequence[Kernel], device: str = "cpu", given: Sequence[Given] = ()) -> Plan:
    """The trials of those of `kernels` that run on `device`: "cpu", "emulator" or "cuda".

    given: geometries on which alone they are judged, with every property that holds one fixed.
    """
    here = served(kernels, device)
    unknown = [k for k in here if k.operation not in OPERATIONS]
    elsewhere = [k for k in kernels if k not in here]
    if not given:
        trials = [(k, p) for k in here for p in PROPERTIES.values() if p.concerns(k)]
        return Plan(trials, unknown, elsewhere, device)
    named = {k: for_operation(given, k.operation) for k in here}
    trials = [(k, p) for k in here if named[k] for p in fixed(k, named[k])]
    ungiven = tuple(k for k in here if not named[k] and k not in unknown)
    return Plan(trials, unknown, elsewhere, device, tuple(given), ungiven)


def fixed(kernel: Kernel, geometries: tuple[Any, ...]) -> list[Property]:
    """The properties that concern the kernel, with `geometries` in place of drawn ones.

    Of those over listed sizes one is left, since all would be the same. Those that call the kernel
    many times leave out large geometries.
    """
    concerning = [p for p in PROPERTIES.values() if p.concerns(kernel) and not p.own]
    listed = [p for p in concerning if p.listed is not None][1:]
    found = []
    for p in (p for p in concerning if p not in listed):
        least = MOST_GIVEN if p.share < 1 else float("inf")
        those = (g for g in geometries if work(kernel.operation, g) <= least * p.share)
        found.append(replace(p, listed=None, given=tuple(those)))
    return [p for p in found if p.given]


def run(
    trials: Sequence[Trial],
    profile: str,
    seed: int,
    judge_limits: bool = False,
    device: str = "emulator",
) -> Iterator[Outcome]:
    """Yields the outcome of each trial; the same for the same profile and seed.

    device:       where CUDA kernels compute, "emulator" or "cuda".
    judge_limits: after the examples of `intense` a limit that no result came near fails too. That
    tests the limit and not the kernel, so it is for the project's own kernels: a user's kernel may
    add more precisely than it has to.
    """
    trier = Trier(profile, seed, device)
    for kernel, property in trials:
        outcome = trier.tried(kernel, property)
        yield _judged(outcome) if judge_limits and profile == "intense" else outcome


class Trier:
    """Trials one after another: of a kernel whose `definition` applies to no call nothing else is
    tried, and only its first failures are simplified. What a kernel changes of the process in any
    trial is a failure of "process state"; of a trial after that one, if it held."""

    def __init__(self, profile: str, seed: int, device: str = "emulator") -> None:
        self.profile, self.seed, self.device = profile, seed, device
        self._unserved: set[Kernel] = set()
        self._failures: Counter[Kernel] = Counter()
        self._left: dict[Kernel, dict[str, None]] = {}
        self._reached: set[Kernel] = set()  # whose trial of PROCESS_STATE has been
        self._said: set[Kernel] = set()  # of which a failure says what they changed

    def tried(self, kernel: Kernel, property: Property) -> Outcome:
        """The outcome of one trial."""
        if kernel in self._unserved:
            return Outcome(kernel, property, 0)
        shrink = self._failures[kernel] < MOST_SHRUNK
        examples = PROFILES[self.profile]
        outcome = try_property(kernel, property, examples, self.seed, shrink, self.device)
        outcome = self._with_what_is_left(outcome)
        if not outcome.holds and not outcome.inapplicable:
            self._failures[kernel] += MOST_SHRUNK if outcome.cause else 1
        if outcome.inapplicable and property.name == "definition":
            self._unserved.add(kernel)
        return outcome

    def _with_what_is_left(self, outcome: Outcome) -> Outcome:
        """The outcome; failed, if the kernel has changed the process and no failure says so yet."""
        kernel, its = outcome.kernel, outcome.law.name == PROCESS_STATE
        left = self._left.setdefault(kernel, {})
        left |= dict.fromkeys(outcome.left)
        if its:
            self._reached.add(kernel)
        if kernel in self._said or kernel not in self._reached:
            return outcome
        if left and outcome.holds:
            what = " and ".join(left)
            outcome = replace(outcome, unmet=f"a call of the kernel has changed {what}")
        elif not (its and outcome.failure):
            return outcome
        self._said.add(kernel)
        return outcome


def _judged(outcome: Outcome) -> Outcome:
    """After very many examples a measured limit must have been approached."""
    used = outcome.used
    # The largest amplification occurs for data that is not drawn, so the limit is not approached.
    amplified = outcome.kernel.amplification is not one
    if used is None or amplified or not outcome.holds or used * FAR_BELOW >= 1:
        return outcome
    return replace(
        outcome,
        unmet=f"the worst of {outcome.examples} examples used {used:.2g} of the limit, less than "
        f"1/{FAR_BELOW:.0f}: so wide a limit says nothing",
    )


def words(text: str | None) -> list[str]:
    """The words of "a,b", each once; none if there is no text. ValueError for an empty text."""
    if text is None:
        return []
    found = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not found:
        raise ValueError(f"expected names separated by commas, as in conv2d,matmul; got {text!r}")
    return found


def chosen(kernels: Sequence[Kernel], operations: str | None, name: str | None) -> list[Kernel]:
    """The kernels of the operations ("conv2d,conv2d_dgrad"; None: of all) and of a name.

    ValueError lists the operations if one of them is unknown, or the kernels of the operations if
    none of them has the name.
    """
    known = dict.fromkeys(k.operation for k in kernels)
    wanted = words(operations) or list(known)
    for operation in wanted:
        if operation not in known:
            raise ValueError(f"there is no operation {operation!r}; there are {', '.join(known)}")
    found = [k for k in kernels if k.operation in wanted and name in (None, k.name)]
    if not found:
        one = operations is not None and len(wanted) == 1
        names = ", ".join(
            k.name if one else f"{k.operation} {k.name}" for k in kernels if k.operation in wanted
        )
        having = f"{' and '.join(wanted)} ha{'s' if one else 've'}" if operations else "there is"
        raise ValueError(f"{having} no kernel {name!r}; there are {names}")
    return found
