"""Matrix products."""

from __future__ import annotations

import math

import numpy as np

import kernels
from kernels.contract import memory
from kernels.contract.geometry import ConvGeometry
from minidl.functional import arguments
from minidl.functional.arithmetic import add
from minidl.functional.reduction import sum_to
from minidl.functional.shape import reshape, transpose
from minidl.prepared_weights import choose
from minidl.recording import is_recording
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, plain, record

Needs = tuple[bool, ...]


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """The matrix product of the last two axes, for batches that broadcast, as numpy.matmul.

    a (...,M,K) times b (...,K,N) -> (...,M,N). A tensor with one axis is a row on the left, a
    column on the right, and its axis is not in the result. ValueError names both shapes if they do
    not fit, TypeError two types.
    """
    arguments.tensor(a, "matmul", "a")
    arguments.tensor(b, "matmul", "b")
    if a.ndim == 1 or b.ndim == 1:
        return _vectors(a, b)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise _misfit(a, b)
    if a.ndim > 2 and b.ndim == 2:
        rows = reshape(a, (math.prod(a.shape[:-1]), a.shape[-1]))  # (...,M,K) -> (...M,K)
        return reshape(matmul(rows, b), (*a.shape[:-1], b.shape[1]))  # (...M,N) -> (...,M,N)
    if a.ndim > 2 or b.ndim > 2:
        return record("matmul", _batched(a, b), (a, b))
    shape = (a.shape[0], b.shape[1], a.shape[1])
    data = kernels.pick_for("matmul", a._array, shape)(a._array, b._array, shape)
    return record("matmul", data, (a, b))


def _vectors(a: Tensor, b: Tensor) -> Tensor:
    if 0 in (a.ndim, b.ndim) or a.shape[-1] != b.shape[max(b.ndim - 2, 0)]:
        raise _misfit(a, b)
    left = reshape(a, (1, -1)) if a.ndim == 1 else a  # (K,) -> (1,K)
    right = reshape(b, (-1, 1)) if b.ndim == 1 else b  # (K,) -> (K,1)
    batch = (a if b.ndim == 1 else b).shape[:-2]
    sizes = a.shape[-2:-1] if a.ndim > 1 else (), b.shape[-1:] if b.ndim > 1 else ()
    return reshape(matmul(left, right), (*batch, *sizes[0], *sizes[1]))  # without the 1


def _misfit(a: Tensor, b: Tensor) -> ValueError:
    return ValueError(
        f"matmul: {a.shape} and {b.shape} do not fit; expected (..., M, K) and (..., K, N) with "
        "one K, or one axis (K,), and batches that broadcast"
    )


def _batched(a: Tensor, b: Tensor) -> np.ndarray:
    """a (...,M,K) x b (...,K,N) -> (...,M,N), by one kernel for all products."""
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise _misfit(a, b) from None
    M, N, K = sizes = a.shape[-2], b.shape[-1], a.shape[-1]
    count = math.prod(batch)
    # (...,M,K) -> (B,M,K), (...,K,N) -> (B,K,N)
    left = np.broadcast_to(a._array, (*batch, M, K)).reshape(count, M, K)
    right = np.broadcast_to(b._array, (*batch, K, N)).reshape(count, K, N)
    if count == 1:  # the kernels of one product have more threads for it
        data = kernels.pick_for("matmul", a._array, sizes)(left[0], right[0], sizes)
    else:
        shape = count, *sizes
        data = kernels.pick_for("batched_matmul", a._array, shape)(left, right, shape)
    product: np.ndarray = data.reshape(*batch, M, N)  # (B,M,N) -> (...,M,N)
    return product


@gradient.rule("matmul")
def _matmul(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor | None, ...]:
    a, b = node.inputs
    return (
        sum_to(matmul(gy, _swapped(b)), a.shape) if needs[0] else None,  # (M,N) x (N,K) -> (M,K)
        sum_to(_of_right(a, b, gy), b.shape) if needs[1] else None,
    )


def _of_right(a: Tensor, b: Tensor, gy: Tensor) -> Tensor:
    """The cotangent of b, in the memory order of b, so that an update reads both contiguously."""
    if b.ndim > 2 or b._array.flags.c_contiguous:
        return matmul(_swapped(a), gy)  # (K,M) x (M,N) -> (K,N)
    return _swapped(matmul(_swapped(gy), a))  # (N,M) x (M,K) -> (N,K) -> (K,N)


def _swapped(x: Tensor) -> Tensor:
    """(...,M,K) -> (...,K,M)."""
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


ROWS, LARGE = 32, 1 << 24
"""Rows from which, and elements of weights up to which, packed weights are kept in inference."""


def as_convolution(x: np.ndarray, weight: Tensor) -> ConvGeometry | None:
    """The 1 x 1 convolution of x (...,F) with a layer's weight (K,F) in inference, or None.

    Its kernel packs the weights once, where a matrix product packs them in every call.
    """
    if is_recording() or not weight.is_parameter or type(x) is not np.ndarray:
        return None
    (K, F), rows = weight.shape, x.size // max(1, x.shape[-1])
    if x.dtype != weight.dtype or rows < ROWS or not 0 < K * F <= LARGE:
        return None
    return ConvGeometry.of((1, F, rows, 1), (K, F, 1, 1))


def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None, g: ConvGeometry) -> Tensor:
    """x weight^T + bias by that convolution."""
    kernel, kept = choose("conv2d", weight, g)
    rows = np.ascontiguousarray(x._array).reshape(1, g.H, 1, g.C)  # (...,F) -> (1,M,1,F)
    w = weight._array.reshape(g.w_shape)  # (K,F) -> (K,F,1,1), the same memory
    b = None if bias is None else bias._array
    y = memory.nhwc(kernel(memory.nchw(rows), w, g, bias=b, **kept))
    return plain(y.reshape(*x.shape[:-1], g.K))  # (1,M,1,K) -> (...,K)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (...,F), weight (K,F), bias (K,) -> x weight^T + bias, (...,K)."""
    arguments.tensor(x, "linear", "x")
    arguments.tensor(weight, "linear", "weight")
    if bias is not None:
        arguments.tensor(bias, "linear", "bias")
    if x.ndim < 1 or weight.ndim != 2 or x.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear: x {x.shape} and weight {weight.shape} do not fit; expected (N, F), (K, F); "
            "x may have other axes before its last"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(
            f"linear: bias {bias.shape} must have one value for each of the {weight.shape[0]} rows "
            f"of the weight {weight.shape}"
        )
    g = as_convolution(x._array, weight)
    if g is not None:
        return _convolved(x, weight, bias, g)
    y = matmul(x, transpose(weight))  # (...,F) x (F,K) -> (...,K)
    return y if bias is None else add(y, bias)
