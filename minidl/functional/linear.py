"""Matrix products."""

from __future__ import annotations

import kernels
from minidl.functional import arguments
from minidl.functional.arithmetic import add
from minidl.functional.shape import transpose
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """a (M,K) times b (K,N) -> (M,N); ValueError names both shapes if they do not fit."""
    arguments.tensor(a, "matmul", "a")
    arguments.tensor(b, "matmul", "b")
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError(
            f"matmul: {a.shape} and {b.shape} do not fit; expected (M, K) and (K, N) with one K"
        )
    shape = (a.shape[0], b.shape[1], a.shape[1])
    data = kernels.pick_for("matmul", a._array, shape)(a._array, b._array, shape)
    return record("matmul", data, (a, b))


@gradient.rule("matmul")
def _matmul(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor | None, ...]:
    a, b = node.inputs
    return (
        matmul(gy, transpose(b)) if needs[0] else None,  # (M,N) x (N,K) -> (M,K)
        _of_right(a, b, gy) if needs[1] else None,
    )


def _of_right(a: Tensor, b: Tensor, gy: Tensor) -> Tensor:
    """The cotangent of b, in the memory order of b, so that an update reads both contiguously."""
    if b._array.flags.c_contiguous:
        return matmul(transpose(a), gy)  # (K,M) x (M,N) -> (K,N)
    return transpose(matmul(transpose(gy), a))  # (N,M) x (M,K) -> (N,K) -> (K,N)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (N,F), weight (K,F), bias (K,) -> x weight^T + bias, (N,K)."""
    arguments.tensor(x, "linear", "x")
    arguments.tensor(weight, "linear", "weight")
    if bias is not None:
        arguments.tensor(bias, "linear", "bias")
    if x.ndim != 2 or weight.ndim != 2 or x.shape[1] != weight.shape[1]:
        raise ValueError(
            f"linear: x {x.shape} and weight {weight.shape} do not fit; expected (N, F) and (K, F)"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(
            f"linear: bias {bias.shape} must have one value for each of the {weight.shape[0]} rows "
            f"of the weight {weight.shape}"
        )
    y = matmul(x, transpose(weight))  # (N,F) x (F,K) -> (N,K)
    return y if bias is None else add(y, bias)
