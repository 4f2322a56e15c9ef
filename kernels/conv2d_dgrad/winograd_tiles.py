"""Transposed convolution by Winograd's minimal filtering on tiles of gx.

    gx = A^T [sum over k of (G g' G^T) o (B^T gy B)] A        g' the flipped filters

With stride 1 it is the convolution of gy with the flipped filters, channels exchanged. With stride
s each phase of gx (every s-th row and column) is such a convolution with a phase of the filter; all
phases share the transform of gy. Passes, points and matrices are those of
`conv2d/winograd_tiles.py`: read that first. Operations, bytes and limit are those of its forward
convolution.
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
from kernels.winograd.plan import Plan, dgrad_plan, supports
from kernels.winograd.tiles import Filters, Sides, Weights, convolve, roundings, work_of
from kernels.winograd.tiles import prepare as prepare_filters


def plan_of(g: ConvGeometry) -> tuple[Plan, Sides]:
    return dgrad_plan(replace(g, N=1)), Sides(g.K // g.groups, g.C // g.groups)


def work(problem: Problem) -> Work:
    g = problem.geometry
    return work_of(*plan_of(g), g)


def amplified_roundings(g: ConvGeometry) -> float:
    """The norm-wise bound, from the matrices and a count of roundings (`winograd_tiles`)."""
    return roundings(*plan_of(g))


def weights(w: np.ndarray, g: ConvGeometry) -> Weights:
    """Where the taps lie in w."""
    C = g.C // g.groups
    return Weights(memory.flat(w), g.groups, (1, g.R * g.S * C, g.S * C, C))


def prepare(w: np.ndarray, g: ConvGeometry) -> Filters:
    """The flipped filters at every point, packed."""
    return prepare_filters(weights(w, g), *plan_of(g))


@kernel(
    "conv2d_dgrad",
    name="winograd_tiles",
    accuracy=Accuracy(
        exact=False,
        bound=amplified_roundings,
        norm_wise=True,
        amplification=lambda g: plan_of(g)[0].amplification,
        growth=lambda g: plan_of(g)[0].growth,
        spreads="plane",
    ),
    cost=Cost(work, "conv2d_dgrad winograd_tiles", operations=lambda g: of_tiles(*plan_of(g), g)),
    abilities=Abilities(
        supports=lambda problem: supports(problem.geometry),
        prepare=prepare,
        into=True,
        chunked=True,
    ),
)
def dgrad(
    gy: np.ndarray,
    w: np.ndarray,
    g: ConvGeometry,
    *,
    prepared: Filters | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """gy (N,K,P,Q), w (K,C/groups,R,S) -> gx (N,C,H,W); accumulates in their type."""
    gx = memory.empty(g.x_shape, gy.dtype, "NHWC") if out is None else out
    if 0 in (gx.size, gy.size, w.size):
        return without_products(gx)
    filters = weights(w, g) if prepared is None else prepared
    convolve(gy, filters, gx, *plan_of(g))
    return gx
