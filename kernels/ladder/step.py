"""Step of the ladder: its algorithm with its operations, roundings and supported geometries.

Every step file ends with a `Step`. `python -m bench ladder` and the tests need no more than this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.geometry import ConvGeometry


def direct_operations(g: ConvGeometry) -> int:
    """2 N K P Q C R S: a product and an addition for every tap."""
    return 2 * g.N * g.K * g.P * g.Q * g.C * g.R * g.S


def direct_roundings(g: ConvGeometry) -> float:
    """C R S: a sum of C R S products, in any order, rounds each of them at most that often."""
    return float(g.C * g.R * g.S)


@dataclass(frozen=True)
class Filters:
    """Filters in a step's layout, padded with zeros to whole tiles, and K without padding."""

    values: np.ndarray
    K: int


@dataclass(frozen=True)
class Step:
    """An algorithm for y (N,K,P,Q) from x (N,C,H,W), w (K,C,R,S) and a padding, with stride 1.

    idea:       the step's name in the table.
    removes:    the limit of the step before that this step removes.
    prepare:    w -> filters, in the layout of `run`; done once for a network, not timed.
    run:        (x, filters, padding) -> y. x and y are NHWC in memory.
    operations: floating-point operations of `run`; of a Winograd step those of its products.
    roundings:  of a product on the way into y, amplification included.
    norm_wise:  the bound is relative to the largest pixel of a channel, as Winograd's is.
    supports:   True for geometries that it computes.
    """

    idea: str
    removes: str
    prepare: Callable[[np.ndarray], Any]
    run: Callable[[np.ndarray, Any, int], np.ndarray]
    operations: Callable[[ConvGeometry], int] = direct_operations
    roundings: Callable[[ConvGeometry], float] = direct_roundings
    norm_wise: bool = False
    supports: Callable[[ConvGeometry], bool] = lambda g: True

    def convolve(self, x: np.ndarray, w: np.ndarray, padding: int) -> np.ndarray:
        """y (N,K,P,Q); ValueError for shapes that do not match."""
        if x.ndim != 4 or w.ndim != 4 or x.shape[1] != w.shape[1]:
            raise ValueError(f"x {x.shape} and w {w.shape} should be (N,C,H,W) and (K,C,R,S)")
        return self.run(x, self.prepare(w), padding)


def padded(x: np.ndarray, padding: int) -> np.ndarray:
    """x (N,C,H,W) as pixels (N,H+2 padding,W+2 padding,C) with zeros around, a copy."""
    N, C, H, W = x.shape
    pixels = np.zeros((N, H + 2 * padding, W + 2 * padding, C), x.dtype)
    pixels[:, padding : padding + H, padding : padding + W] = memory.nhwc(x)
    return pixels


def taps_first(w: np.ndarray) -> np.ndarray:
    """w (K,C,R,S) -> (R,S,C,K), contiguous."""
    return np.ascontiguousarray(w.transpose(2, 3, 1, 0))  # (K,C,R,S) -> (R,S,C,K)


def rounded_up(count: int, unit: int) -> int:
    """The smallest multiple of `unit` that is at least `count`."""
    return -(-count // unit) * unit


def unpadded(rows: np.ndarray, shape: tuple[int, int, int, int]) -> np.ndarray:
    """The first rows and columns of `rows` (NPQ',K') as y (N,K,P,Q), NHWC in memory, a copy."""
    N, K, P, Q = shape
    y = memory.empty(shape, rows.dtype, "NHWC")
    memory.nhwc(y)[...] = rows[: N * P * Q, :K].reshape(N, P, Q, K)  # (NPQ,K) -> (N,P,Q,K)
    return y
