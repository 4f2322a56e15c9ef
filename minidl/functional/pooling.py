"""Pooling with switches, unpooling, average pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, overload

import numpy as np

import kernels
from kernels.contract.geometry import Padding, Pair, PoolGeometry, pair
from minidl import device
from minidl.functional import arguments
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, for_tape, record

Needs = tuple[bool, ...]
COLLISIONS = ("sum", "max", "last")


@overload
def max_pool2d(
    x: Tensor,
    kernel_size: Pair,
    stride: Pair | None = ...,
    padding: Padding = ...,
    dilation: Pair = ...,
    ceil_mode: bool = ...,
    return_switches: Literal[False] = ...,
) -> Tensor: ...


@overload
def max_pool2d(
    x: Tensor,
    kernel_size: Pair,
    stride: Pair | None = ...,
    padding: Padding = ...,
    dilation: Pair = ...,
    ceil_mode: bool = ...,
    *,
    return_switches: Literal[True],
) -> tuple[Tensor, np.ndarray]: ...


def max_pool2d(
    x: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Padding = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
    return_switches: bool = False,
) -> Tensor | tuple[Tensor, np.ndarray]:
    """x (N,C,H,W) -> y (N,C,P,Q), with `return_switches` also the switches (N,C,P,Q) int32.

    A switch is a flat index h W + w into the input's plane. Of equal maxima the first in row order
    counts; NaN is larger than any number. Padding is never the maximum; ValueError if a window has
    nothing but padding.
    """
    arguments.tensor(x, "max_pool2d", "x")
    return_switches = arguments.flag(return_switches, "max_pool2d: return_switches")
    g = PoolGeometry.of(x.shape, kernel_size, stride, padding, dilation, ceil_mode)
    data, switches = kernels.pick_for("max_pool2d", x._array, g)(x._array, g)
    y = record("max_pool2d", data, (x,), geometry=g, switches=switches)
    return (y, for_tape(switches, x)) if return_switches else y


@gradient.rule("max_pool2d")
def _max_pool2d(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (_unpool(gy, node.saved["switches"], node.saved["geometry"], "sum"),)


def max_unpool2d(
    y: Tensor,
    switches: np.ndarray,
    output_size: Sequence[int],
    collisions: str = "sum",
) -> Tensor:
    """y (N,C,P,Q) scattered to its switches: (N,C,H,W) with (H, W) = `output_size`, 0 elsewhere.

    Where several windows share a switch, `collisions` selects the result: their "sum" (the adjoint
    of pooling), the "max", or the "last" in row order.
    Raises ValueError for switches of another shape or outside of the plane.
    """
    arguments.tensor(y, "max_unpool2d", "y")
    arguments.switches(switches, "max_unpool2d: switches")
    size = arguments.integers(output_size, "max_unpool2d: output_size")
    H, W = pair(size[-2:], "max_unpool2d: output_size", least=0)
    _check_switches(y, switches, H, W)
    if not isinstance(collisions, str) or collisions not in COLLISIONS:
        raise ValueError(
            f"max_unpool2d: collisions must be one of {COLLISIONS}, got {collisions!r}"
        )
    switches = for_tape(device.like(switches, y._array), y)
    return _unpool(y, switches, _plane(y.shape, H, W), collisions)


def _plane(y_shape: tuple[int, ...], H: int, W: int) -> PoolGeometry:
    """A geometry for unpooling, which uses only the sizes of the two planes."""
    N, C, P, Q = y_shape
    before = (0, P - H, 0, Q - W)  # a 1x1 window at P x Q positions
    return PoolGeometry(N, C, H, W, 1, 1, (1, 1), before, (1, 1))


def _check_switches(y: Tensor, switches: np.ndarray, H: int, W: int) -> None:
    if y.ndim != 4 or switches.shape != y.shape:
        raise ValueError(
            f"max_unpool2d: y {y.shape} and switches {switches.shape} must both be (N, C, P, Q)"
        )
    if not np.issubdtype(switches.dtype, np.integer):
        raise TypeError(f"max_unpool2d: switches must be integers, got {switches.dtype}")
    if switches.size and not 0 <= switches.min() <= switches.max() < H * W:
        raise ValueError(
            f"max_unpool2d: switches from {switches.min()} to {switches.max()} are not all inside "
            f"a plane of {H}x{W} = {H * W} pixels"
        )


def _unpool(y: Tensor, switches: np.ndarray, g: PoolGeometry, collisions: str) -> Tensor:
    kernel = kernels.pick_for("max_unpool2d", y._array, g, collisions=collisions)
    x = kernel(y._array, switches.astype(np.int32, copy=False), g, collisions=collisions)
    saved = {"switches": switches, "geometry": g, "collisions": collisions}
    return record("max_unpool2d", x, (y,), **saved)


@gradient.rule("max_unpool2d")
def _max_unpool2d(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (y,), saved = node.inputs, node.saved
    gathered = _gather(gy, saved["switches"], saved["geometry"])
    if saved["collisions"] == "sum":
        return (gathered,)
    return (
        gathered * _winners(y._array, saved["switches"], saved["geometry"], saved["collisions"]),
    )


def _gather(x: Tensor, switches: np.ndarray, g: PoolGeometry) -> Tensor:
    kernel = kernels.pick_for("max_unpool2d_vjp", x._array, g)
    y = kernel(x._array, switches.astype(np.int32, copy=False), g)
    return record("max_unpool2d_vjp", y, (x,), switches=switches, geometry=g)


@gradient.rule("max_unpool2d_vjp")
def _gather_rule(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (_unpool(gy, node.saved["switches"], node.saved["geometry"], "sum"),)


def _winners(y: np.ndarray, switches: np.ndarray, g: PoolGeometry, collisions: str) -> np.ndarray:
    """1 for the window whose value is the result at its switch, else 0: (N,C,P,Q) of y's type.

    Of equal largest values, and of several NaN, the first in row order counts. The windows' numbers
    are unpooled and gathered like their values, and the number found at a switch is the winner's.
    """
    switches = switches.astype(np.int32, copy=False)
    number = np.arange(g.P * g.Q, dtype=np.float64).reshape(g.P, g.Q)  # (PQ,) -> (P,Q)
    number = device.like(number, y)
    numbers = np.broadcast_to(number if collisions == "last" else -number, y.shape)
    if collisions == "max":
        largest = _unpooled_and_gathered(y, switches, g, "max")
        stayed = (largest == y) | (np.isnan(largest) & np.isnan(y))
        numbers = np.where(stayed, numbers, -np.inf)
    placed = _unpooled_and_gathered(numbers, switches, g, collisions)
    return (placed == numbers).astype(y.dtype)


def _unpooled_and_gathered(
    y: np.ndarray, switches: np.ndarray, g: PoolGeometry, collisions: str
) -> np.ndarray:
    """y (N,C,P,Q) unpooled, then gathered at its switches: the result at each of them."""
    scatter = kernels.pick_for("max_unpool2d", y, g, collisions=collisions)
    x = scatter(y, switches, g, collisions=collisions)
    result: np.ndarray = kernels.pick_for("max_unpool2d_vjp", x, g)(x, switches, g)
    return result


def avg_pool2d(
    x: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window: x (N,C,H,W) -> (N,C,P,Q).

    With `count_include_pad` the padding's zeros count, as in PyTorch; otherwise only real pixels.
    The sum of a window is of x's type, and infinite where it passes its largest number: in float32
    from |x| of 3.4e38 over the window's pixels on.
    """
    arguments.tensor(x, "avg_pool2d", "x")
    g = PoolGeometry.of(
        x.shape, kernel_size, stride, padding, 1, ceil_mode, count_include_pad=count_include_pad
    )
    return _average(x, g)


def _average(x: Tensor, g: PoolGeometry) -> Tensor:
    kernel = kernels.pick_for("avg_pool2d", x._array, g)
    return record("avg_pool2d", kernel(x._array, g), (x,), geometry=g)


@gradient.rule("avg_pool2d")
def _average_rule(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (_spread(gy, node.saved["geometry"]),)


def _spread(gy: Tensor, g: PoolGeometry) -> Tensor:
    kernel = kernels.pick_for("avg_pool2d_vjp", gy._array, g)
    return record("avg_pool2d_vjp", kernel(gy._array, g), (gy,), geometry=g)


@gradient.rule("avg_pool2d_vjp")
def _spread_rule(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (_average(gy, node.saved["geometry"]),)
