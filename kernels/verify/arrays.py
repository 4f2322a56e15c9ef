"""Arrays that the properties are tried on: their values, and their memory layouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import DTypeLike

rngs = st.integers(0, 2**32 - 1).map(np.random.default_rng)
dtypes = st.sampled_from([np.float32, np.float64])


def small(least: int, most: int) -> st.SearchStrategy[int]:
    return st.integers(least, most)


def pairs(least: int, most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(small(least, most), small(least, most))


def normal(shape: Sequence[int], rng: np.random.Generator, dtype: DTypeLike) -> np.ndarray:
    """Values of many magnitudes and both signs."""
    return np.asarray(rng.standard_normal(tuple(shape)) * 2.0 ** rng.integers(-8, 8), dtype)


def standard(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """float64, normally distributed around 0 with standard deviation 1."""
    return np.asarray(rng.standard_normal(tuple(shape)))


def integers(shape: Sequence[int], rng: np.random.Generator, dtype: DTypeLike) -> np.ndarray:
    """Integers from -4 to 4: sums of their products are exact, and equal values occur."""
    return np.asarray(rng.integers(-4, 5, tuple(shape)), dtype)


def scaled(shape: Sequence[int], rng: np.random.Generator, dtype: DTypeLike) -> np.ndarray:
    """Values whose magnitudes differ by up to 2^30."""
    values = rng.standard_normal(tuple(shape)) * 2.0 ** rng.integers(-15, 16, tuple(shape))
    return np.asarray(values, dtype)


def positive(shape: Sequence[int], rng: np.random.Generator, dtype: DTypeLike) -> np.ndarray:
    """Values from 1 to 2: no cancellation, so sums grow and rounding errors are largest."""
    return np.asarray(1 + rng.random(tuple(shape)), dtype)


Fill = Callable[[Sequence[int], np.random.Generator, DTypeLike], np.ndarray]
FILLS: dict[str, Fill] = {
    "integers": integers,
    "normal": normal,
    "scaled": scaled,
    "positive": positive,
}


def apart(shape: Sequence[int], rng: np.random.Generator, gap: float = 0.25) -> np.ndarray:
    """float64 values around 0, at least `gap` from each other and `gap` / 2 from 0."""
    count = int(np.prod(tuple(shape)))
    # (count,) -> shape
    return gap * (rng.permutation(count).reshape(tuple(shape)) - count // 2 + 0.5)


def _every_second(x: np.ndarray) -> np.ndarray:
    holder = np.full(tuple(2 * size for size in x.shape), -7, x.dtype)
    places: tuple[Any, ...] = (
        ...,
        *(slice(None, None, 2),) * x.ndim,
    )  # with an ellipsis, 0-d stays an array
    holder[places] = x
    return holder[places]


def _reversed(x: np.ndarray) -> np.ndarray:
    backwards: tuple[Any, ...] = (..., *(slice(None, None, -1),) * x.ndim)
    return x[backwards].copy()[backwards]


def _misaligned(x: np.ndarray) -> np.ndarray:
    bytes_ = np.zeros(x.nbytes + 1, np.uint8)[1:]
    view = bytes_.view(x.dtype).reshape(x.shape)  # (size,) -> x's shape, one byte off
    view[...] = x
    return view


def _read_only(x: np.ndarray) -> np.ndarray:
    copied = x.copy()
    copied.flags.writeable = False
    return copied


def _channels_last(x: np.ndarray) -> np.ndarray:
    if x.ndim != 4:
        return x.copy()
    nhwc = np.ascontiguousarray(x.transpose(0, 2, 3, 1))  # (N,C,H,W) -> (N,H,W,C)
    return nhwc.transpose(0, 3, 1, 2)  # (N,H,W,C) -> (N,C,H,W)


GUISES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "row-major": lambda x: x.copy(order="C"),
    "column-major": lambda x: x.copy(order="F"),
    "channels-last": _channels_last,
    "every second": _every_second,
    "negative strides": _reversed,
    "read-only": _read_only,
    "misaligned": _misaligned,
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
}
"""Memory layouts by name: functions that store the same values in that layout."""
