"""Copies of a tensor: in memory of their own, and in another type."""

from __future__ import annotations

import numpy as np

from minidl import dtypes
from minidl.functional import arguments
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, plain, record

Needs = tuple[bool, ...]


def clone(x: Tensor) -> Tensor:
    """x's values in memory of their own; the derivative is 1."""
    arguments.tensor(x, "clone", "x")
    return record("clone", x._array.copy(order="K"), (x,))


@gradient.rule("clone")
def _clone(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (gy,)


def cast(x: Tensor, dtype: np.dtype) -> Tensor:
    """x's values in another type; x itself if it is of it already.

    Between float32 and float64 the derivative is 1; integers and bools have none. Fractions are cut
    off for an integer. TypeError for a type that no Tensor holds.
    """
    arguments.tensor(x, "cast", "x")
    target = dtypes.check(dtype, "cast")
    if x._array.dtype == target:
        return x
    data = x._array.astype(target)
    if target.kind != "f" or x._array.dtype.kind != "f":
        return plain(data)
    return record("cast", data, (x,))


@gradient.rule("cast")
def _cast(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (cast(gy, node.inputs[0].dtype),)
