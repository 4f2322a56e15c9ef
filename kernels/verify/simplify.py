"""Simplification of a failing example: as many zeros and ones in its arrays as possible.

Hypothesis has made the geometry small. Here the arrays' values are simplified, one change at a
time; a change is kept if the property still fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from kernels.contract.registry import Kernel
from kernels.verify.calls import Call
from kernels.verify.property import Inapplicable, Property

MOST_VALUES, MOST_TRIALS = 256, 400


def simplified(
    kernel: Kernel, property: Property, call: Call, extras: dict[str, Any], error: BaseException
) -> tuple[Call, dict[str, Any], BaseException]:
    """The example with as many zeros and ones as possible, and its error.

    Arrays of more than `MOST_VALUES` values, and examples that fail only sometimes, are left
    unchanged.
    """
    trials = 0
    progress = sum(a.size for a in _floats(call).values()) <= MOST_VALUES
    while progress and trials < MOST_TRIALS:
        progress = False
        for candidate in _plainer(call):
            trials += 1
            again = _error(kernel, property, candidate, extras)
            if type(again) is type(error):
                call, error, progress = candidate, again, True
                break
            if trials >= MOST_TRIALS:
                break
    return call, extras, error


def _error(
    kernel: Kernel, property: Property, call: Call, extras: dict[str, Any]
) -> BaseException | None:
    try:
        property.check(kernel, call, **extras)
    except Inapplicable:
        return None
    except Exception as error:
        return error
    return None


def _floats(call: Call) -> dict[str, np.ndarray]:
    return {name: a for name, a in call.inputs.items() if a.dtype.kind == "f"}


def _plainer(call: Call) -> Iterator[Call]:
    """Halves, quarters ... of an array set to zero, then single values to one."""
    for name, array in _floats(call).items():
        flat = array.reshape(-1)
        length = flat.size
        while length:
            for start in range(0, flat.size, length):
                span = slice(start, start + length)
                if flat[span].any():
                    yield call.but(**{name: _replaced(array, span, 0)})
            length //= 2
        for i in np.flatnonzero((flat != 0) & (flat != 1)):
            yield call.but(**{name: _replaced(array, slice(i, i + 1), 1)})


def _replaced(array: np.ndarray, span: slice, value: float) -> np.ndarray:
    flat = array.reshape(-1).copy()  # any shape -> (size,)
    flat[span] = value
    return flat.reshape(array.shape)  # (size,) -> array's shape
