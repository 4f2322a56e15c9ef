"""Trial of one property on one kernel: many examples, and the simplest that fails."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis.errors import Unsatisfiable, UnsatisfiedAssumption
from hypothesis.reporting import with_reporter

from kernels.contract import threads
from kernels.contract.process_state import changes, restored, state
from kernels.contract.registry import Kernel
from kernels.verify import precision
from kernels.verify.calls import OPERATIONS, Call
from kernels.verify.measured import measuring
from kernels.verify.outcome import Failure, Outcome, Worst
from kernels.verify.property import Inapplicable, Property
from kernels.verify.simplify import simplified
from kernels.verify.strata.stratum import work
from kernels.verify.strata.visits import visits
from kernels.verify.verdicts import Violation

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
        self.worst: Worst | None = None
        self.end = float("inf")  # of the search for a simpler failing example

    def __call__(self, call: Call, extras: dict[str, Any]) -> None:
        if time.monotonic() > self.end:
            reject()
        try:
            with measuring() as shares:
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
                self._note(shares, call)
            self.failing = call, extras, error
            raise
        if self.failing is None:
            self.examples += 1
            self._note(shares, call)
        if used is not None:
            self.used = max(used, self.used or 0.0)

    def outcome(self, failure: Failure | None) -> Outcome:
        return Outcome(
            self.kernel, self.property, self.examples, failure, self.used,
            worst=self.worst, judged=tuple(self.judged),
        )  # fmt: skip

    def _note(self, shares: list[float], call: Call) -> None:
        """Keeps the geometry, and the largest share of a bound with its geometry."""
        self.judged[call.g] = None
        share = max(shares, default=None)
        if share is not None and (self.worst is None or share > self.worst.share):
            self.worst = Worst(share, call.g)


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

    >>> import kernels
    >>> from kernels.verify.property import PROPERTIES
    >>> relu = kernels.named("relu", "elementwise")
    >>> outcome = try_property(relu, PROPERTIES["inputs kept"], examples=3)
    >>> outcome.holds, outcome.examples
    (True, 3)
    """
    began = time.monotonic()
    with restored() as before:
        outcome = _tried(kernel, property, examples, seed_, shrink, device)
        left = tuple(changes(before, state(), of_trial=True))
    return replace(outcome, seconds=time.monotonic() - began, left=left)


def _tried(
    kernel: Kernel, property: Property, examples: int, seed_: int, shrink: bool, device: str
) -> Outcome:
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
        call, extras, wrong = failing
        if isinstance(wrong, Violation) and wrong.named is not None:
            named = precision.of_kernel(kernel, device) or wrong.named
            failing = call, extras, Violation(wrong.message, named)
        return trials.outcome(Failure(*failing))
    return trials.outcome(None)


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
