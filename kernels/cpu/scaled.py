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

    x and y are channels-last, perhaps the same memory; x may be some channels of a wider array.
    """
    N, C, H, W = x.shape
    each = H * W if scale.ndim == 2 else N * H * W
    pixels, row = memory.rows(x)
    out = memory.nhwc(y).reshape(-1, C)  # (N,H,W,C) -> (NHW,C), the same memory
    terms = np.empty(0, x.dtype) if shift is None else shift
    return partial(_scale, pixels, row, scale.reshape(-1), terms, out, each, epilogue)


def bind_shift(
    x: np.ndarray, shift: np.ndarray, y: np.ndarray, epilogue: Epilogue
) -> Callable[[], object]:
    """The call that writes y = f(x + shift), x and y (M,C), perhaps the same memory; shift (C,)."""
    none, row = np.empty(0, x.dtype), x.shape[1]
    return partial(_scale, x.reshape(-1), row, none, shift, y, len(x), epilogue)  # (M,C) -> (MC,)


@entry_point(parallel=True)
def _scale(x, row, scale, shift, y, each, epilogue):  # type: ignore[no-untyped-def]
    """x, flat, its pixels `row` elements apart; y (NHW,C).

    `each` pixels share a row of scale, flat; shift (C,). Either of these may have no elements.
    """
    pixels, C = y.shape
    some = max(1, PIECE // C)
    out = y.reshape(-1)  # (NHW,C) -> (NHWC,), the same memory
    for piece in numba.prange((pixels + some - 1) // some):
        first = np.int64(piece) * some
        end = min(first + some, pixels)
        for pixel in range(first, end):
            at, of = pixel * row, pixel // each * C
            if not scale.size:
                for c in range(C):
                    y[pixel, c] = x[at + c] + shift[c]
            elif shift.size:
                for c in range(C):
                    y[pixel, c] = x[at + c] * scale[of + c] + shift[c]
            else:
                for c in range(C):
                    y[pixel, c] = x[at + c] * scale[of + c]
        apply(epilogue, out, first * C, 1, (end - first) * C, (end - first) * C)
