"""What the properties are drawn from: geometries, arrays, and the memory that arrays may lie in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from kernels import ConvGeometry, PoolGeometry

rngs = st.integers(0, 2**32 - 1).map(np.random.default_rng)
dtypes = st.sampled_from([np.float32, np.float64])


def small(least: int, most: int) -> st.SearchStrategy[int]:
    return st.integers(least, most)


def pairs(least: int, most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(small(least, most), small(least, most))


@st.composite
def conv_geometries(
    draw: st.DrawFn,
    pads: tuple[int, int] = (-2, 4),
    symmetric: bool = False,
    least: int = 1,
) -> ConvGeometry:
    """Strides, dilations, groups, crops, padding past the kernel, and rows that no window reaches.

    `symmetric` pads as PyTorch can; `least` is the least of N, C/groups and K/groups.
    """
    groups = draw(small(1, 2))
    C, K = (groups * draw(small(least, 2)) for _ in range(2))
    (R, S), stride, dilation = draw(pairs(1, 3)), draw(pairs(1, 3)), draw(pairs(1, 2))
    top, left = draw(pairs(*pads))
    bottom, right = (top, left) if symmetric else draw(pairs(*pads))
    spans = (R - 1) * dilation[0] + 1, (S - 1) * dilation[1] + 1
    H, W = (
        max(1, span - around) + draw(small(0, 3))
        for span, around in zip(spans, (top + bottom, left + right), strict=True)
    )
    x_shape, w_shape = (draw(small(least, 2)), C, H, W), (K, C // groups, R, S)
    return ConvGeometry.of(x_shape, w_shape, stride, (top, bottom, left, right), dilation, groups)


@st.composite
def pool_geometries(
    draw: st.DrawFn,
    torch: bool = False,
    least: int = 1,
    ceil_mode: st.SearchStrategy[bool] = st.booleans(),  # noqa: B008  (a strategy is immutable)
    most_dilated: int = 2,
) -> PoolGeometry:
    """Overlapping windows, gaps, padding, crops, `ceil_mode`; with `torch` only what it has."""
    (R, S), stride, dilation = draw(pairs(1, 3)), draw(pairs(1, 3)), draw(pairs(1, most_dilated))
    top, left = (draw(small(0 if torch else -1, size // 2)) for size in (R, S))
    bottom, right = (top, left) if torch else (draw(small(-1, size // 2)) for size in (R, S))
    ceil = min(bottom, right) >= 0 and draw(ceil_mode)
    spans = (R - 1) * dilation[0] + 1, (S - 1) * dilation[1] + 1
    H, W = (
        max(1, span - around) + draw(small(0, 3))
        for span, around in zip(spans, (top + bottom, left + right), strict=True)
    )
    shape, four = (draw(small(least, 2)), draw(small(least, 3)), H, W), (top, bottom, left, right)
    include = draw(st.booleans())
    try:
        return PoolGeometry.of(shape, (R, S), stride, four, dilation, ceil, include)
    except ValueError as error:
        assume("nothing but padding" not in str(error))
        raise


def normal(shape: Sequence[int], rng: np.random.Generator, dtype: DTypeLike) -> np.ndarray:
    """Values of many magnitudes and both signs."""
    return np.asarray(rng.standard_normal(tuple(shape)) * 2.0 ** rng.integers(-8, 8), dtype)


def standard(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """float64, normally distributed around 0 with standard deviation 1."""
    return np.asarray(rng.standard_normal(tuple(shape)))


def integers(shape: Sequence[int], rng: np.random.Generator, dtype: DTypeLike) -> np.ndarray:
    """Integers from -4 to 4: their products' sums are exact, and equal values meet."""
    return np.asarray(rng.integers(-4, 5, tuple(shape)), dtype)


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


def each(*kernels: Any) -> Any:
    """Parameters of a test: every kernel under its name."""
    names = [f"{k.operation}-{k.name}" for k in kernels]
    return pytest.mark.parametrize("kernel", kernels, ids=names)
