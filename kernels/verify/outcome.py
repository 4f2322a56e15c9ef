"""Outcome of a trial: the failing example, or how near to its bound the kernel came."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

from kernels.contract import kernel as contract
from kernels.contract.registry import Kernel
from kernels.cuda.emulator import Undefined
from kernels.verify.calls import Call
from kernels.verify.property import Property
from kernels.verify.verdicts import Misreturn, Violation


@dataclass(frozen=True)
class Failure:
    """The simplest failing example found: `check(kernel, call, **extras)` raises `error`.

    >>> from kernels.verify.calls import make
    >>> Failure(make("relu", (1,), "normal", 0), {}, Violation("off by 1")).reason
    'off by 1'
    """

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
        inside = getattr(self.error, "of_kernel", inside)  # raised in another process
        who = "the kernel raises " if inside else ""
        name = "" if self._named else f"{type(self.error).__name__}: "
        return f"{who}{name}{self.error}{self._place}"

    @property
    def _named(self) -> bool:
        """The message is a whole sentence, as of a process that has ended."""
        return getattr(self.error, "place", None) == str(self.error)

    @property
    def _place(self) -> str:
        """The place of the exception; `Undefined` names the line of the .cu file itself."""
        named = isinstance(self.error, Undefined) or self._named
        return "" if named else f" ({self.raised_at})"

    @property
    def raised_at(self) -> str:
        """The line that raised an exception; "" if a result was wrong."""
        if isinstance(self.error, Violation):
            return ""
        if (place := getattr(self.error, "place", None)) is not None:  # in another process
            return str(place)
        if isinstance(self.error, Undefined):
            return f"{self.error.path}:{self.error.line}"
        last = traceback.extract_tb(self.error.__traceback__)[-1]
        return f"{last.filename}:{last.lineno}"


@dataclass(frozen=True)
class Worst:
    """The largest error of a trial in units of its bound, and the geometry of that call."""

    share: float
    geometry: Any


@dataclass(frozen=True)
class Outcome:
    """Result of a trial.

    examples: number of tried examples, the first that failed included.
    used:     the largest share of a limit that an example used, where the property measures one.
    unmet:    another reason for failing.
    worst:    the largest error that the property compared with a bound, before simplification.
    seconds:  what the trial took.
    judged:   the geometries of the examples, each once.
    left:     what the trial changed of the process, which was then restored.

    >>> import kernels
    >>> from kernels.verify.property import PROPERTIES
    >>> relu, law = kernels.named("relu", "elementwise"), PROPERTIES["definition"]
    >>> Outcome(relu, law, 80).holds, Outcome(relu, law, 0).inapplicable
    (True, True)
    """

    kernel: Kernel
    law: Property
    examples: int
    failure: Failure | None = None
    used: float | None = None
    unmet: str = ""
    worst: Worst | None = None
    seconds: float = 0.0
    judged: tuple[Any, ...] = ()
    left: tuple[str, ...] = ()

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
