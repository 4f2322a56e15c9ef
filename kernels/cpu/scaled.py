"""Channels times a factor, plus a term: y[n,h,w,c] = f(x[n,h,w,c] scale[n,c] + shift[c]).

Either may be missing, as in the bias of a linear layer.

An affine layer (batch normalisation with fixed statistics) has one factor a channel for all images,
squeeze-and-excitation one for each image. Both roundings are those of a product and a sum one after
the other. Pieces of some pixels are shared out among the threads; the epilogue (`epilogue.py`) is
applied to each while it is in cache. Limited by memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.cpu.epilogue import PIECE, Epilogue, apply


def bind(
    x: np.ndarray, scale: np.ndarray, shift: np.ndarray | None, y: np.ndarray, epilogue: Epilogue
) -> Callable[[], object]:
    """The call that writes y (N,C,H,W): x (N,C,H,W), scale (C,) or (N,C), shift (C,) or None.

    x and y are channels-last, perhaps the same memory.
    """
    N, C, H, W = x.shape
    each = H * W if scale.ndim == 2 else N * H * W
    pixels = memory.nhwc(x).reshape(-1, C)  # (N,H,W,C) -> (NHW,C), the same memory
    out = memory.nhwc(y).reshape(-1, C)  # (N,H,W,C) -> (NHW,C), the same memory
    terms = np.empty(0, x.dtype) if shift is None else shift
    return partial(_scale, pixels, scale.reshape(-1), terms, out, each, epilogue)


def bind_shift(
    x: np.ndarray, shift: np.ndarray, y: np.ndarray, epilogue: Epilogue
) -> Callable[[], object]:
    """The call that writes y = f(x + shift), x and y (M,C), perhaps the same memory; shift (C,)."""
    return partial(_scale, x, np.empty(0, x.dtype), shift, y, len(x), epilogue)


@entry_point(parallel=True)
def _scale(x, scale, shift, y, each, epilogue):  # type: ignore[no-untyped-def]
    """x, y (NHW,C); `each` pixels share a row of scale, flat; shift (C,). Either scale or shift may
    have no elements."""
    pixels, C = x.shape
    some = max(1, PIECE // C)
    out = y.reshape(-1)  # (NHW,C) -> (NHWC,), the same memory
    for piece in numba.prange((pixels + some - 1) // some):
        first = np.int64(piece) * some
        end = min(first + some, pixels)
        for pixel in range(first, end):
            row = pixel // each * C
            if not scale.size:
                for c in range(C):
                    y[pixel, c] = x[pixel, c] + shift[c]
            elif shift.size:
                for c in range(C):
                    y[pixel, c] = x[pixel, c] * scale[row + c] + shift[c]
            else:
                for c in range(C):
                    y[pixel, c] = x[pixel, c] * scale[row + c]
        apply(epilogue, out, first * C, 1, (end - first) * C, (end - first) * C)
