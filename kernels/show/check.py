"""Comparison of the kernel that `pick` selects with the result of the matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernels import reference
from kernels.bounds import eps, of_kernel
from kernels.contract.geometry import ConvGeometry
from kernels.contract.norm_geometry import LCNGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import Kernel, all_kernels, pick
from kernels.show.sheets import Sheet
from kernels.show.steps import contrast_steps

EPS = eps(np.float64)


@dataclass(frozen=True)
class Check:
    """The kernel that ran, its error, and the bound of its error.

    error, bound: the largest difference from the matrices' result, and the largest of the bounds.
    costs:        (kernel, its own estimate in nanoseconds or None where it cannot serve).
    """

    kernel: Kernel
    holds: bool
    error: float
    bound: float
    costs: list[tuple[Kernel, float | None]]


def check(sheet: Sheet, algorithm: str | None = None) -> Check:
    """Run the kernel on the sheet's arguments; ValueError if `algorithm` cannot serve them."""
    g = sheet.geometry
    problem = Problem(g, sheet.arguments[0].dtype)
    kernel = pick(sheet.operation, "cpu", problem, algorithm)
    result = kernel(*sheet.arguments, g)
    result = result[0] if isinstance(result, tuple) else result
    bound, error = allowed(kernel, sheet), np.abs(result - sheet.expected)
    worst, most = (float(np.max(a, initial=0.0)) for a in (error, bound))
    here = [k for k in all_kernels(sheet.operation) if k.device == "cpu"]
    others = [(k, k.cost(problem) if k.supports(problem) else None) for k in here]
    return Check(kernel, not bool((~(error <= bound)).any()), worst, most, others)


def allowed(kernel: Kernel, sheet: Sheet) -> np.ndarray:
    """The bound of each element's error: the kernel's plus that of the matrix product.

    Pooling only moves numbers, so its bound is 0.
    """
    g = sheet.geometry
    if isinstance(g, LCNGeometry):
        return _contrast(sheet.arguments[0], sheet.expected, g)
    if not isinstance(g, ConvGeometry):
        return np.zeros_like(sheet.expected)
    absolute = _absolute(kernel, sheet, g)
    longest = max(g.C * g.H * g.W, g.K * g.P * g.Q, g.N * g.P * g.Q)
    return of_kernel(kernel, g, absolute, np.float64, longest)


def _absolute(kernel: Kernel, sheet: Sheet, g: ConvGeometry) -> np.ndarray:
    """The sum of the absolute products of each result."""
    a, b = (np.abs(argument) for argument in sheet.arguments)
    if kernel.norm_wise:  # norm-wise: the largest |x| of a plane for every pixel, padding included
        largest = a.max(axis=(2, 3)).reshape(g.N, g.groups, 1, -1)  # (N,C,H,W) -> (N,G,1,C/G)
        filters = b.sum(axis=(2, 3)).reshape(g.groups, g.K // g.groups, -1)  # -> (G,K/G,C/G)
        sums = (largest * filters).sum(axis=-1).reshape(g.N, g.K, 1, 1)  # (N,G,K/G) -> (N,K,1,1)
        return np.broadcast_to(sums, g.y_shape)
    definition = getattr(reference, sheet.operation)
    return np.asarray(definition(a, b, g))


def _contrast(x: np.ndarray, y: np.ndarray, g: LCNGeometry) -> np.ndarray:
    """(N,C,H,W): the bound of the difference of two computations of y = v / d, with M = max |x|.

    m is a weighted mean with an error of at most u M, u = units eps; so that of v is 2 u M. sigma
    is a weighted norm of v: its error is that of v, and its own roundings add 2 u M, as |v| <= 2 M.
    So the error of d is 4 u M, that of y (2 u M + |y| 4 u M) / d, in each of the two computations.
    """
    u = (g.C + 4 * g.size**2 + g.H * g.W + 8) * EPS
    M = np.abs(x).max(axis=(1, 2, 3), keepdims=True)
    d = np.stack([contrast_steps(sample, g).divisor for sample in x])[:, None]  # (N,1,H,W)
    return 4 * u * M * (1 + 2 * np.abs(y)) / d
