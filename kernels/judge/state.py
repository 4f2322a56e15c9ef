"""Changes of a kernel to its process: settings, handlers of signals, functions of modules."""

from __future__ import annotations

import importlib
import signal
import sys
from types import ModuleType
from typing import Any

from kernels.contract.process_state import changes, state

Reading = dict[str, Any]
_SIGNALS = [s for s in signal.Signals if s not in (signal.SIGKILL, signal.SIGSTOP)]
PATCHED = ("numpy", "numpy.testing", "numpy.linalg", "numpy.random", "math", "time", "random",
           "builtins", "os", "sys", "gc", "kernels", "kernels.reference", "kernels.bounds",
           "kernels.contract.registry", "kernels.contract.kernel", "kernels.contract.memory",
           "kernels.contract.threads", "kernels.contract.geometry", "torch",
           "torch.nn.functional")  # fmt: skip
"""Modules whose functions are compared; PyTorch, if the kernel's file is the first to import it, is
taken as it is then."""
for _name in PATCHED:
    if not _name.startswith("torch"):
        importlib.import_module(_name)
BY_IMPORTS = ("the environment", "the filters of warnings", "Python's limit of recursion")
"""Settings that importing a library changes."""
OF_CALLS = ("Numba's number of threads", "the number of threads of kernels",
            "Python's switch interval")  # fmt: skip
"""Settings that each call sets; Numba's threads are compared with that (`child.py`)."""


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
        self._plain = state()
        self._handled, self._patched = _handlers(), _functions()
        self._traced = repr(sys.gettrace()), repr(sys.getprofile())
        self._named: set[str] = set()

    def changed(self, thoroughly: bool = True, loading: bool = False) -> list[str]:
        """Sentences on what has changed; not `thoroughly`: without handlers and modules; `loading`:
        without what libraries change that the kernel's file imports."""
        skipped = (*BY_IMPORTS, *OF_CALLS) if loading else OF_CALLS
        before = {name: v for name, v in self._plain.items() if name not in skipped}
        found = {sentence: sentence for sentence in changes(before, state())}
        traced = repr(sys.gettrace()), repr(sys.getprofile())
        if traced != self._traced:
            found["a trace function"] = "a trace or profile function is set"
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
