"""State of a process that all its code shares, and what of it a kernel has changed.

A kernel that seeds a generator, sets print options or replaces a function of NumPy changes the
results of the program around it.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

Reading = dict[str, Any]
_SIGNALS = [s for s in signal.Signals if s not in (signal.SIGKILL, signal.SIGSTOP)]
PATCHED = ("numpy", "numpy.testing", "numpy.linalg", "numpy.random", "math", "time", "random",
           "builtins", "os", "sys", "gc", "kernels", "kernels.reference", "kernels.bounds",
           "kernels.contract.registry", "kernels.contract.kernel", "kernels.contract.memory",
           "kernels.contract.threads", "kernels.contract.geometry", "torch",
           "torch.nn.functional")  # fmt: skip
"""Modules whose functions are compared; those that the kernel's file is the first to import are
taken as they are then."""


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]


def _generator() -> str:
    name, key, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 (the global one is meant)
    return _digest((name, np.asarray(key).tobytes(), rest))


READINGS: dict[str, Callable[[], Any]] = {
    "NumPy's error state": np.geterr,
    "NumPy's print options": lambda: {
        k: str(v) for k, v in np.get_printoptions().items() if k != "formatter"
    },
    "the random generator of Python": lambda: _digest(random.getstate()),
    "the random generator of NumPy": _generator,
    "the working directory": os.getcwd,
    "the environment": lambda: dict(os.environ),
    "the warnings' filters": lambda: len(warnings.filters),
    "the recursion limit": sys.getrecursionlimit,
    "a trace or profile function": lambda: (repr(sys.gettrace()), repr(sys.getprofile())),
}
"""By name: a reading that is equal before and after."""
BY_IMPORTS = ("the environment", "the warnings' filters", "the recursion limit")
"""Readings that importing a library changes."""


def _handlers() -> Reading:
    return {f"the handler of {s.name}": repr(signal.getsignal(s)) for s in _SIGNALS}


def _functions() -> Reading:
    """The identity of every public object of the compared modules."""
    return {
        f"{name}.{key}": id(value)
        for name in PATCHED
        if isinstance(module := sys.modules.get(name), ModuleType)
        for key, value in vars(module).items()
        if callable(value) and not key.startswith("__")
    }


class Watch:
    """The state when it was made; `changed` names what is different, once each."""

    def __init__(self) -> None:
        self._plain = {name: read() for name, read in READINGS.items()}
        self._handled, self._patched = _handlers(), _functions()
        self._named: set[str] = set()

    def changed(self, thoroughly: bool = True, loading: bool = False) -> list[str]:
        """Sentences on what has changed; not `thoroughly`: without handlers and modules; `loading`:
        without what libraries change that the kernel's file imports."""
        found = {
            name: f"{name}: {_short(old)} before, {_short(new)} after"
            for name, read in READINGS.items()
            if not (loading and name in BY_IMPORTS)
            and (old := self._plain[name]) != (new := read())
        }
        if thoroughly:
            handled = _handlers()
            found |= {n: f"{n} is replaced" for n, v in self._handled.items() if handled[n] != v}
            patched = _functions()
            found |= {
                n: f"{n} is replaced" for n, v in self._patched.items() if patched.get(n) != v
            }
        new = [sentence for name, sentence in found.items() if name not in self._named]
        self._named |= set(found)
        return new


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
