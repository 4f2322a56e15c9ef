"""State of the process that a kernel shares with its caller: compared, and restored.

Random generators, numbers of threads, NumPy's settings, the working directory and the environment
belong to the caller: a kernel that sets one changes what the rest of the program computes.
"""

from __future__ import annotations

import ctypes
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from kernels.contract import threads

_MOST_SHOWN = 40
"""Characters of a value in a message."""


@dataclass(frozen=True)
class Setting:
    """One part of the state: how it is read and set.

    compared: at the end of each trial too. A library that a kernel imports in its first call may
              seed a generator, or add a variable or a filter of warnings.
    shown:    its values stand in messages.
    """

    name: str
    get: Callable[[], Any]
    set: Callable[[Any], None]
    compared: bool = True
    shown: bool = True


def _numpy_generator() -> tuple[Any, ...]:
    given: Any = np.random.get_state()  # noqa: NPY002  (the global generator is what is compared)
    name, key, *rest = given
    return (name, key.tobytes(), *rest)


def _set_numpy_generator(state: tuple[Any, ...]) -> None:
    name, key, *rest = state
    given: Any = (name, np.frombuffer(key, np.uint32), *rest)
    np.random.set_state(given)  # noqa: NPY002


def _set_errors(handling: Any) -> None:
    np.seterr(**handling)


def _set_environment(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


def _set_filters(filters: tuple[Any, ...]) -> None:
    warnings.filters[:] = list(filters)  # type: ignore[index]


def _arithmetic() -> tuple[bool, bool]:
    """Whether this thread rounds to nearest, and keeps denormal numbers."""
    quarters, least = np.array([2.0**-54, 3 * 2.0**-54]), np.array([np.finfo(np.float64).tiny])
    nearest = 1 + quarters == [1, 1 + 2.0**-52]
    return bool(nearest.all()), bool((least / 2 > 0)[0])


def _set_arithmetic(state: tuple[bool, bool]) -> None:
    default = ctypes.c_void_p(-1)  # FE_DFL_ENV of <fenv.h>
    ctypes.CDLL(None).fesetenv(default)


_SETTINGS = (
    Setting("Python's random generator", random.getstate, random.setstate, False, False),
    Setting(
        "NumPy's global random generator", _numpy_generator, _set_numpy_generator, False, False
    ),
    Setting("Numba's number of threads", numba.get_num_threads, numba.set_num_threads, False),
    Setting("the number of threads of kernels", threads.get_num_threads, threads.set_num_threads),
    Setting("NumPy's print options", np.get_printoptions, lambda o: np.set_printoptions(**o)),
    Setting("NumPy's handling of errors", np.geterr, _set_errors),
    Setting("the working directory", os.getcwd, os.chdir),
    Setting("the environment", lambda: dict(os.environ), _set_environment, False, False),
    Setting("the filters of warnings", lambda: tuple(warnings.filters), _set_filters, False, False),
    Setting("Python's limit of recursion", sys.getrecursionlimit, sys.setrecursionlimit, False),
    Setting("Python's switch interval", sys.getswitchinterval, sys.setswitchinterval),
    Setting("the rounding of numbers", _arithmetic, _set_arithmetic),
)
"""Rounding: to nearest, and whether denormal numbers are kept."""


def settings() -> tuple[Setting, ...]:
    """All that is compared; PyTorch's too, if a kernel has imported it."""
    torch = sys.modules.get("torch")
    if torch is None:
        return _SETTINGS
    return (
        *_SETTINGS,
        Setting("PyTorch's number of threads", torch.get_num_threads, torch.set_num_threads),
        Setting("PyTorch's type", torch.get_default_dtype, torch.set_default_dtype),
        Setting(
            "PyTorch's random generator",
            lambda: torch.get_rng_state().numpy().tobytes(),
            lambda b: torch.set_rng_state(torch.frombuffer(bytearray(b), dtype=torch.uint8)),
            False,
            False,
        ),
        Setting("PyTorch's gradients", torch.is_grad_enabled, torch.set_grad_enabled),
    )


State = dict[str, Any]


def state() -> State:
    """What is set now, by the settings' names."""
    return {setting.name: setting.get() for setting in settings()}


def restore(before: State) -> None:
    """Sets what has changed since `before`."""
    for setting in settings():
        if setting.name in before and setting.get() != before[setting.name]:
            setting.set(before[setting.name])


def changes(before: State, after: State, of_trial: bool = False) -> list[str]:
    """The changed settings in words; with `of_trial` those that are compared after a trial."""
    return [
        _in_words(setting, before[setting.name], after[setting.name])
        for setting in settings()
        if (setting.compared or not of_trial)
        and setting.name in before
        and before[setting.name] != after[setting.name]
    ]


def _in_words(setting: Setting, before: Any, after: Any) -> str:
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted(k for k in before | after if before.get(k) != after.get(k))
        return f"{setting.name} ({', '.join(names)})"
    if not setting.shown:
        return setting.name
    return f"{setting.name} ({_short(before)} to {_short(after)})"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."


@contextmanager
def restored() -> Iterator[State]:
    """Context at whose end the state is what it was; yields it."""
    before = state()
    try:
        yield before
    finally:
        restore(before)


def unlike_the_default(seed: int) -> None:
    """Sets what a kernel is likely to set to values that it would not choose.

    seed: below 2^31; kernels seed with small numbers.
    """
    random.seed(2**31 + seed)
    np.random.seed(2**31 + seed)  # noqa: NPY002
    count = min(threads.most(), 2)
    threads.set_num_threads(count)
    numba.set_num_threads(count)
    np.set_printoptions(precision=7, threshold=999, edgeitems=4, suppress=True)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)
