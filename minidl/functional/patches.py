"""Patches of planes on the tape, with a fill value outside of the plane."""

from __future__ import annotations

import numpy as np

from kernels import patches
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]


def fill_outside(x: Tensor, at: np.ndarray, plane: tuple[int, int], value: float) -> Tensor:
    """The patches x (N,C,h,w), with `value` outside of the plane (H,W).

    at: (N,2) integers, the coordinates of each patch's first pixel in the plane.
    """
    if patches.lies_inside(at, x.shape[2:], plane):
        return x
    made = patches.fill_outside(x.data, at, plane, value)
    return record("fill_outside", made, (x,), at=at, plane=plane)


@gradient.rule("fill_outside")
def _fill_outside(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (fill_outside(gy, node.saved["at"], node.saved["plane"], 0.0),)
