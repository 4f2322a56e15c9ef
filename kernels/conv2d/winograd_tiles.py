"""Convolution by Winograd's minimal filtering on tiles that cover the plane exactly.

For each tile d of n1 x n2 pixels, n = m + r - 1, and filters g of r1 x r2 taps:

    V = B^T d B        U = G g G^T        M[k] = sum over c of U[k,c] o V[c]        y = A^T M A

`o` multiplies element by element, so each of the n1 n2 elements ("points") is a matrix product over
channels, (tiles,C) x (C,K). F(6x6, 3x3) takes 64 products where the definition takes 324.
B, G and A evaluate and interpolate polynomials at the points 0, 1, -1, 2, -2, 1/2, -1/2 and
infinity (Toom-Cook, `winograd/toom_cook.py`).

Tiles of different sizes share the points and one transformed filter: 13 rows are 5 + 4 + 4, 19
products at 7 points, where three tiles of 6 would take 24. A stride s is split into phases, every
s-th pixel and tap, which are further channels (`winograd/plan.py`).

Operations: 2 C K (sum over tiles of n1 n2) for an image, plus the transforms. Bytes: V and M are
64 / 36 of x and y or more, each written and read once; chunks of tiles keep both in the last cache.
Limited by multiply-adds where there are many channels, else by the transforms.

Read on: `winograd/tiles.py` (the order of the passes), then `input_transform.py`, `filters.py`,
`products.py` and `output_transform.py` beside it, one pass each.

Sources: Winograd, "Arithmetic Complexity of Computations", 1980; Lavin, Gray, "Fast Algorithms for
Convolutional Neural Networks", 2016 (arXiv 1509.09308).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options
from kernels.contract.costs import Work
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.direct import without_products
from kernels.winograd.operations import of_tiles
from kernels.winograd.plan import Plan, fprop_plan, supports
from kernels.winograd.tiles import Filters, Sides, Weights, bind_tiles, roundings, work_of
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


def bind(x: np.ndarray, w: np.ndarray, g: ConvGeometry, y: np.ndarray, options: Options) -> Call:
    """The call of `forward` that writes this y."""
    if 0 in (x.size, y.size, w.size):
        return partial(without_products, y, options.bias, options.rectify)
    filters = weights(w, g) if options.prepared is None else options.prepared
    return bind_tiles(x, filters, y, *plan_of(g), options)


@kernel(
    "conv2d",
    name="winograd_tiles",
    accuracy=Accuracy(
        exact=False,
        bound=amplified_roundings,
        norm_wise=True,
        amplification=lambda g: plan_of(g)[0].amplification,
        growth=lambda g: plan_of(g)[0].growth,
        spreads="plane",
    ),
    cost=Cost(work, "conv2d winograd_tiles", operations=lambda g: of_tiles(*plan_of(g), g)),
    abilities=Abilities(
        supports=lambda problem: supports(problem.geometry),
        prepare=prepare,
        rectifies=True,
        chunked=True,
        bind=bind,
        wide=True,
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

    Accumulates in their type. NaN and infinity come out as NaN in their whole tile; so may
    numbers where the sum in the bound times `growth` passes the type's largest.
    """
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    bind(x, w, g, y, Options(bias, rectify, prepared))()
    return y
