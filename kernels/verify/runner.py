"""Trial of one property on one kernel: many examples, and the simplest that fails."""

from __future__ import annotations

import time
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis.errors import Unsatisfiable, UnsatisfiedAssumption
from hypothesis.reporting import with_reporter

from kernels.contract import kernel as contract
from kernels.contract import threads
from kernels.contract.registry import Kernel
from kernels.cuda.emulator import Undefined
from kernels.verify.calls import OPERATIONS, Call
from kernels.verify.property import Inapplicable, Property, Violation
from kernels.verify.simplify import simplified
from kernels.verify.strata.stratum import work
from kernels.verify.strata.visits import visits
from kernels.verify.verdicts import Misreturn

PROFILES = {"few": 3, "dev": 20, "ci": 80, "intense": 2000}
"""Number of examples of each property on each kernel."""

BATCH = 10
"""Examples of one run of hypothesis. After the first ten, it follows every example with up to five
copies in which one value repeats another. Such copies find little here, so each run has ten
examples and a seed of its own."""

SHRINKING = 10.0
"""Seconds in which a simpler failing example is looked for."""
MOST_SECONDS = 0.5
"""Seconds for each drawn example, after which no further batch begins; most take milliseconds."""
GIVEN_SECONDS = 0.05
"""Seconds for each example of geometries that the user named, after which none has a second
batch."""
MOST_REJECTED = 4
"""Calls of a geometry that a property does not concern before the next batch."""
ONCE = 2e7
"""Operations above which a listed geometry has one example."""


@dataclass(frozen=True)
class Failure:
    """The simplest failing example found: `check(kernel, call, **extras)` raises `error`."""

    call: Call
    extras: dict[str, Any]
    error: BaseException

    @property
    def reason(self) -> str:
        """The failure in one line; an exception with the line that raised it."""
        if isinstance(self.error, Violation):
            return str(self.error)
        frames = traceback.extract_tb(self.error.__traceback__)
        inside = any(frame.filename == contract.__file__ for frame in frames)
        who = "the kernel raises " if inside else ""
        return f"{who}{type(self.error).__name__}: {self.error}{self._place}"

    @property
    def _place(self) -> str:
        """The place of the exception; `Undefined` names the line of the .cu file itself."""
        return "" if isinstance(self.error, Undefined) else f" ({self.raised_at})"

    @property
    def raised_at(self) -> str:
        """The line that raised an exception; "" if a result was wrong."""
        if isinstance(self.error, Violation):
            return ""
        if isinstance(self.error, Undefined):
            return f"{self.error.path}:{self.error.line}"
        last = traceback.extract_tb(self.error.__traceback__)[-1]
        return f"{last.filename}:{last.lineno}"


@dataclass(frozen=True)
class Outcome:
    """Result of a trial.

    examples: number of tried examples, the first that failed included.
    used:     the largest share of a limit that an example used, where the property measures one.
    unmet:    another reason for failing.
    judged:   the geometries of the examples, each once.
    """

    kernel: Kernel
    law: Property
    examples: int
    failure: Failure | None = None
    used: float | None = None
    unmet: str = ""
    judged: tuple[Any, ...] = ()

    @property
    def inapplicable(self) -> bool:
        """The property says nothing about any call that the kernel supports."""
        return self.examples == 0 and not self.unmet

    @property
    def cause(self) -> str:
        """What failures of several properties have in common, to be shown once: the line that
        raises, a result of another type, or a `supports` that fails; otherwise ""."""
        if self.failure is None:
            return self.unmet.partition(" for ")[0]
        if isinstance(self.failure.error, Misreturn):
            return str(self.failure.error)
        return self.failure.raised_at

    @property
    def holds(self) -> bool:
        return self.failure is None and not self.unmet and not self.inapplicable


class _NotConcerned(BaseException):
    """The property does not concern a given geometry; hypothesis would draw many more calls of it,
    whose arrays may be large. It lets pass what is no Exception."""


class _Trials:
    """The function that hypothesis calls, and its record of the examples."""

    def __init__(self, kernel: Kernel, property: Property, device: str) -> None:
        self.kernel, self.property, self.device = kernel, property, device
        self.examples, self.used = 0, None  # type: int, float | None
        self.rejected = 0  # calls that the property does not concern
        self.judged: dict[Any, None] = {}
        self.failing: tuple[Call, dict[str, Any], BaseException] | None = None
        self.end = float("inf")  # of the search for a simpler failing example

    def __call__(self, call: Call, extras: dict[str, Any]) -> None:
        if time.monotonic() > self.end:
            reject()
        try:
            used = self.property.check(self.kernel, call, **extras)
        except Inapplicable:
            self.rejected += 1
            if self.property.given and self.rejected >= MOST_REJECTED:
                raise _NotConcerned from None
            reject()
        except Exception as error:
            if self.failing is None:
                self.examples += 1
                self.end = time.monotonic() + SHRINKING
                self.judged[call.g] = None
            self.failing = call, extras, error
            raise
        self.examples += self.failing is None
        self.judged[call.g] = None
        if used is not None:
            self.used = max(used, self.used or 0.0)

    def outcome(self, failure: Failure | None = None) -> Outcome:
        found = self.examples, failure, self.used
        return Outcome(self.kernel, self.property, *found, judged=tuple(self.judged))


def try_property(
    kernel: Kernel,
    property: Property,
    examples: int,
    seed_: int = 0,
    shrink: bool = True,
    device: str = "emulator",
) -> Outcome:
    """Try `property` on `kernel` with `examples` examples, the same for the same seed.

    A CUDA kernel computes on `device`, "emulator" or "cuda"; others on the CPU.
    Without `shrink` the failure is the first one found, not simplified.
    """
    trials = _Trials(kernel, property, device)
    # A listed geometry is as small as it can be, and a long history takes too long.
    shrink = shrink and not (property.listed or property.given) and property.share >= 0.25
    try:
        with _threads(property), with_reporter(lambda text: None):
            if property.given:
                _try_given(trials, examples, seed_)
            elif property.listed is not None:
                _try_listed(trials, examples, seed_)
            else:
                _try_drawn(trials, max(1, round(examples * property.share)), seed_, shrink)
    except Exception as error:
        if trials.failing is None:
            return Outcome(kernel, property, 0, unmet=f"{type(error).__name__}: {error}")
        failing = trials.failing
        if shrink:
            with _threads(property):
                failing = simplified(kernel, property, *failing)
        return trials.outcome(Failure(*failing))
    return trials.outcome()


def _try_drawn(trials: _Trials, examples: int, seed_: int, shrink: bool) -> None:
    """Batches of drawn examples, until the time of a slow kernel is over."""
    end = time.monotonic() + MOST_SECONDS * examples
    for first in range(0, examples, BATCH):
        if time.monotonic() > end:
            break
        _try_batch(trials, min(BATCH, examples - first), f"{seed_} {first}", shrink)
        if trials.examples == 0:
            break  # the kernel supports no call that the property concerns


def _try_listed(trials: _Trials, examples: int, seed_: int) -> None:
    """Two examples of each geometry of the stratum that the profile has time for, one of a large.

    Without hypothesis, which takes longer to begin than most of these calls, unless the operation
    has options to draw.
    """
    kernel, property = trials.kernel, trials.property
    assert property.listed is not None
    for number, g in visits(kernel, property.listed, trials.device, examples, seed_):
        if OPERATIONS[kernel.operation].options(kernel, g):
            _try_batch(trials, 2, f"{seed_} {number}", False, g)
            continue
        large = work(kernel.operation, g) > ONCE
        for turn in (number % 2,) if large else (0, 1):
            rng = np.random.default_rng([seed_, number, turn])
            with suppress(UnsatisfiedAssumption):
                trials(property.listed_call(kernel, g, turn, rng, trials.device), {})


def _try_given(trials: _Trials, examples: int, seed_: int) -> None:
    """The geometries that the user named, in turn: one example of each that is large, and of the
    small ones as many as the profile has time for."""
    kernel, property = trials.kernel, trials.property
    each = max(1, round(examples * property.share / len(property.given)))
    end = time.monotonic() + GIVEN_SECONDS * examples
    for number, g in enumerate(property.given):
        trials.rejected = 0
        for first in range(0, each, BATCH):
            if first and (work(kernel.operation, g) > ONCE or time.monotonic() > end):
                break
            count = 1 if work(kernel.operation, g) > ONCE else min(BATCH, each - first)
            with suppress(_NotConcerned):
                _try_batch(trials, count, f"{seed_} given {number} {first}", False, g)


def _try_batch(trials: _Trials, examples: int, seed_: str, shrink: bool, g: Any = None) -> None:
    """`examples` more examples, of geometry `g` if given; none if hypothesis finds none that the
    property concerns."""
    kernel, property = trials.kernel, trials.property

    @seed(zlib.crc32(f"{seed_} {kernel.operation} {kernel.name} {property.name}".encode()))
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink][: 1 + shrink],
    )
    @given(property.examples(kernel, trials.device, g))
    def attempt(example: tuple[Call, dict[str, Any]]) -> None:
        trials(*example)

    with suppress(Unsatisfiable):
        attempt()


@contextmanager
def _threads(property: Property) -> Iterator[None]:
    before = threads.get_num_threads()
    threads.set_num_threads(before if property.threads else 1)
    try:
        yield
    finally:
        threads.set_num_threads(before)
