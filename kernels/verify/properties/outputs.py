"""Properties of the shapes of results: they are those of an independent count of windows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.registry import Kernel
from kernels.verify.calls import Call, make
from kernels.verify.oracles import sizes
from kernels.verify.property import assume, holds, require

CONVOLUTIONS = ("conv2d", "conv2d_dgrad", "conv2d_wgrad")
POOLS = ("max_pool2d", "avg_pool2d")
axes = st.tuples(
    st.integers(1, 12), st.integers(1, 4), st.integers(1, 4), st.integers(-1, 3),
    st.integers(-1, 3), st.integers(1, 3),
)  # fmt: skip
"""Pixels, taps, stride, padding before and after, dilation."""
Axis = tuple[int, int, int, int, int, int]


@holds("output size", *CONVOLUTIONS, *POOLS, own=True, rows=axes, columns=axes,
       ceil=st.booleans(), wide=st.booleans())  # fmt: skip
def has_the_size_that_is_counted(
    kernel: Kernel, call: Call, rows: Axis, columns: Axis, ceil: bool, wide: bool
) -> None:
    """The result has as many rows and columns as there are positions of the window; a geometry is
    refused if there is none, or if a pooling window has nothing but padding, and only then."""
    pool = call.operation in POOLS
    # Where padding is wider than half a window, libraries differ about ceil_mode.
    rows, columns = (_legal(axis, pool, wide and not ceil) for axis in (rows, columns))
    ceil = ceil and pool and min(*rows[3:5], *columns[3:5]) >= 0
    counts = tuple(sizes.positions(*axis, ceil) for axis in (rows, columns))
    alone = any(_padded_alone(*one) for one in zip((rows, columns), counts, strict=True))
    refused = 0 in counts or (pool and alone)
    try:
        g = _geometry(call, rows, columns, ceil)
    except ValueError as error:
        require(refused, f"a geometry of {counts} windows is refused: {error}")
        return
    require(not refused, f"{g} is not refused, though a window has no pixel, or there is none")
    require(counts == (g.P, g.Q), f"{g} has {g.P} x {g.Q} windows, counted {counts}")
    _runs(kernel, call, g)


def _padded_alone(axis: Axis, count: int) -> bool:
    size, window, stride, before, _, dilation = axis
    return sizes.only_padding(size, window, stride, before, count, dilation)


def _legal(axis: Axis, pool: bool, wide: bool) -> Axis:
    """The axis; unless `wide`, with at most half a window of padding, as pooling admits."""
    size, window, stride, before, after, dilation = axis
    if pool and not wide:
        before, after = (min(pad, window // 2) for pad in (before, after))
    return size, window, stride, before, after, dilation


def _geometry(call: Call, rows: Axis, columns: Axis, ceil: bool) -> Any:
    (H, R, *down), (W, S, *across) = rows, columns
    stride, padding = (down[0], across[0]), (*down[1:3], *across[1:3])
    dilation = down[3], across[3]
    if call.operation in POOLS:
        return PoolGeometry.of((1, 2, H, W), (R, S), stride, padding, dilation, ceil)
    return ConvGeometry.of((1, 2, H, W), (3, 2, R, S), stride, padding, dilation)


def _runs(kernel: Kernel, call: Call, g: Any) -> None:
    """The kernel's result of this geometry has the counted shape."""
    made = make(call.operation, g, "integers", 0, call.dtype)
    counted = replace(made, device=call.device)
    assume(counted.served(kernel))
    shapes = {"conv2d_dgrad": g.x_shape, "conv2d_wgrad": getattr(g, "w_shape", None)}
    expected = shapes.get(call.operation, g.y_shape)
    result = counted.run(kernel)[0]
    require(result.shape == expected, f"the result of {g} is {result.shape}, not {expected}")
