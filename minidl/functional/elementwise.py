"""Kernels of activation functions on arrays of any memory order."""

from __future__ import annotations

from typing import Any

import numpy as np

import kernels
from kernels.contract import memory
from kernels.contract.activation_geometry import ActivationGeometry


def activated(function: str, x: np.ndarray, alpha: float | None = None) -> np.ndarray:
    """f(x) in x's memory order, row-major if it has gaps.

    Kernels take four axes for (N,C,H,W) in channels-last memory, and would copy others.
    """
    plain = memory.nhwc(x) if x.ndim == 4 and not x.flags.c_contiguous else x
    flat = plain.reshape(-1)  # any shape -> (size,)
    y: np.ndarray = _run("activation", function, alpha, flat).reshape(plain.shape)  # and back
    return y if plain is x else memory.nchw(y)


def activated_vjp(
    function: str, gy: np.ndarray, x: np.ndarray, alpha: float | None = None
) -> np.ndarray:
    """gy f'(x), in the memory order of x, row-major if it has gaps."""
    channels_last = x.ndim == 4 and not x.flags.c_contiguous
    pair = [memory.nhwc(a) if channels_last else a for a in (gy, x)]
    # any shape -> (size,) and back; a copy of gy if its order is another
    flat = _run("activation_vjp", function, alpha, *(a.reshape(-1) for a in pair))
    gx: np.ndarray = flat.reshape(pair[1].shape)
    return memory.nchw(gx) if channels_last else gx


def _run(operation: str, function: str, alpha: float | None, *flat: Any) -> Any:
    g = ActivationGeometry.of(function, flat[-1].shape, alpha)
    return kernels.pick_for(operation, flat[-1], g)(*flat, g)
