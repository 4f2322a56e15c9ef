"""Patches of planes on the tape, with a fill value outside of the plane."""

from __future__ import annotations

import numpy as np

import kernels
from kernels.contract.arguments import pair
from kernels.contract.plane_geometry import PatchGeometry
from minidl import device
from minidl.functional import arguments
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, for_tape, record

Needs = tuple[bool, ...]


def fill_outside(x: Tensor, at: np.ndarray, plane: tuple[int, int], value: float) -> Tensor:
    """The patches x (N,C,h,w), with `value` outside of the plane (H,W).

    at: (N,2) integers, the coordinates of each patch's first pixel in the plane.
    """
    _check(x, at)
    H, W = pair(plane, "fill_outside: plane", least=0)
    value = arguments.number(value, "fill_outside: value")
    if _inside(at, x.shape[2:], (H, W)):
        return x
    h, w = x.shape[2:]
    g = PatchGeometry.of((*x.shape[:2], H, W), len(x._array), (h, w))
    kernel = kernels.pick_for("patches_fill", x._array, g)
    filled = kernel(x._array, device.like(at, x._array), g, fill=value)
    return record("fill_outside", filled, (x,), at=for_tape(at, x), plane=(H, W))


def _check(x: Tensor, at: np.ndarray) -> None:
    arguments.tensor(x, "fill_outside", "x")
    arguments.switches(at, "fill_outside: at")
    if x.ndim != 4 or at.shape != (x.shape[0], 2):
        raise ValueError(
            f"fill_outside: x {x.shape} and at {at.shape} do not fit; expected (N, C, h, w) and "
            "(N, 2)"
        )


def _inside(at: np.ndarray, shape: tuple[int, ...], plane: tuple[int, int]) -> bool:
    """Does no patch of this shape reach outside of the plane (H,W)?"""
    return bool((at >= 0).all() and (at + shape <= plane).all())


@gradient.rule("fill_outside")
def _fill_outside(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (fill_outside(gy, node.saved["at"], node.saved["plane"], 0.0),)
