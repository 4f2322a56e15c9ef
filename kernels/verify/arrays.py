"""Arrays that the properties are tried on: their values, and the memory that they may lie in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    """Integers from -4 to 4: their products' sums are exact, and equal values meet."""
    return np.asarray(rng.integers(-4, 5, tuple(shape)), dtype)


def scaled(shape: Sequence[int], rng: np.random.Generator, dtype: DTypeLike) -> np.ndarray:
    """Values whose magnitudes differ by up to 2^30, as if each had another unit."""
    values = rng.standard_normal(tuple(shape)) * 2.0 ** rng.integers(-15, 16, tuple(shape))
    return np.asarray(values, dtype)


def positive(shape: Sequence[int], rng: np.random.Generator, dtype: DTypeLike) -> np.ndarray:
    """Values from 1 to 2: nothing cancels, so sums grow and rounding is at its worst."""
    return np.asarray(1 + rng.random(tuple(shape)), dtype)


Fill = Callable[[Sequence[int], np.random.Generator, DTypeLike], np.ndarray]
FILLS: dict[str, Fill] = {
    "integers": integers,
    "normal": normal,
    "scaled": scaled,
    "positive": positive,
}


def apart(shape: Sequence[int], rng: np.random.Generator, gap: float = 0.25) -> np.ndarray:
    """float64 values around 0, each at least `gap` from every other and half of it from 0."""
    count = int(np.prod(tuple(shape)))
    return gap * (rng.permutation(count).reshape(tuple(shape)) - count // 2 + 0.5)


def _every_second(x: np.ndarray) -> np.ndarray:
    holder = np.full(tuple(2 * size for size in x.shape), -7, x.dtype)
    holder[(slice(None, None, 2),) * x.ndim] = x
    return holder[(slice(None, None, 2),) * x.ndim]


def _reversed(x: np.ndarray) -> np.ndarray:
    turned = (slice(None, None, -1),) * x.ndim
    return x[turned].copy()[turned]


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
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


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
"""The same values in other memory."""
