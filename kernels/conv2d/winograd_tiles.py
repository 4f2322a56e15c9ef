"""Convolution by Winograd's minimal filtering, with tiles that cover the plane exactly.

    y = A^T [sum over c of (G w G^T) o (B^T d B)] A

on tiles of up to 6x6 outputs of 3x3 taps: 64 products for 324 of the definition (Lavin, Gray 2015).
Smaller tiles, and filters of other sizes, use some of the same 64 points
(`kernels/winograd/toom_cook.py`), so no tile reaches over the plane: 13 = 5 + 4 + 4 rows take 19
products where three tiles of 6 take 24, and only 7 of the 8 points. Stride s is split into phases
(`kernels/winograd/plan.py`). The matrix products run over channels packed for the micro-kernel
(`kernels/winograd/passes.py`).

Limited by multiply-adds where there are many channels, else by the transforms, which touch each
pixel 64/36 times or more.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kernels.contract import memory
from kernels.contract.costs import Work
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.direct import without_products
from kernels.winograd.operations import of_tiles
from kernels.winograd.plan import Plan, fprop_plan, supports
from kernels.winograd.tiles import Filters, Sides, Weights, convolve, roundings, work_of
from kernels.winograd.tiles import prepare as prepare_filters


def plan_of(g: ConvGeometry) -> tuple[Plan, Sides]:
    return fprop_plan(replace(g, N=1)), Sides(g.C // g.groups, g.K // g.groups)


def work(problem: Problem) -> Work:
    g = problem.geometry
    return work_of(*plan_of(g), g)


def amplified_roundings(g: ConvGeometry) -> float:
    """The norm-wise bound, from the matrices and a count of roundings (`winograd_tiles`)."""
    return roundings(*plan_of(g))


def weights(w: np.ndarray, g: ConvGeometry) -> Weights:
    """Where the taps lie in w."""
    C = g.C // g.groups
    return Weights(memory.flat(w), g.groups, (g.R * g.S * C, 1, g.S * C, C))


def prepare(w: np.ndarray, g: ConvGeometry) -> Filters:
    """The filters at every point, packed."""
    return prepare_filters(weights(w, g), *plan_of(g))


@kernel(
    "conv2d",
    name="winograd_tiles",
    accuracy=Accuracy(
        exact=False,
        bound=amplified_roundings,
        norm_wise=True,
        amplification=lambda g: plan_of(g)[0].amplification,
        spreads="plane",
    ),
    cost=Cost(work, "conv2d winograd_tiles", operations=lambda g: of_tiles(*plan_of(g), g)),
    abilities=Abilities(
        supports=lambda problem: supports(problem.geometry),
        prepare=prepare,
        rectifies=True,
        chunked=True,
    ),
)
def forward(
    x: np.ndarray,
    w: np.ndarray,
    g: ConvGeometry,
    *,
    bias: np.ndarray | None = None,
    rectify: bool = False,
    prepared: Filters | None = None,
) -> np.ndarray:
    """x (N,C,H,W), w (K,C/groups,R,S), bias (K,) -> y (N,K,P,Q), max(y, 0) with `rectify`.

    Accumulates in their type. NaN and infinity come out as NaN in their whole tile.
    """
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    if 0 in (x.size, y.size, w.size):
        return without_products(y, bias, rectify)
    filters = weights(w, g) if prepared is None else prepared
    convolve(x, filters, y, *plan_of(g), bias, rectify)
    return y
