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
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core.extending import intrinsic

from kernels.contract import memory
from kernels.contract.compilation import entry_point, inlined
from kernels.cpu.epilogue import PIECE, Epilogue, apply
from kernels.cpu.vector import Emitter, lanes_of, pointer

RUN = 512
"""Elements of a loop, about."""


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
    pieces = (each + some - 1) // some
    out = y.reshape(-1)  # (NHW,C) -> (NHWC,), the same memory
    for unit in numba.prange(pixels // each * pieces):
        n = unit // pieces
        first = n * each + unit % pieces * some
        end = min(first + some, (n + 1) * each)
        # Short rows are processed several at a time, with the factors repeated: longer loops.
        group = min(end - first, max(1, RUN // C)) if row == C else 1
        # 1 and -0 for what is missing change no bit.
        factors, terms = np.ones(group * C, y.dtype), np.full(group * C, y.dtype.type(-0.0))
        for i in range(group * C):
            if scale.size:
                factors[i] = scale[n * C + i % C]
            if shift.size:
                terms[i] = shift[i % C]
        for pixel in range(first, end, group):
            count = min(group, end - pixel) * C
            _scale_run(x, pixel * row, factors, terms, out, pixel * C, count)
        apply(epilogue, out, first * C, 1, (end - first) * C, (end - first) * C)


@inlined
def _scale_run(x, at, factors, terms, y, to, count):  # type: ignore[no-untyped-def]
    """y[to..] = x[at..] factors + terms of `count` elements, whole vectors first."""
    lanes, i = lanes_of(y), 0
    while i + lanes <= count:  # a range with a step would divide
        _scale_vector(x, at + i, factors, i, terms, i, y, to + i)
        i += lanes
    while i < count:
        y[to + i] = x[at + i] * factors[i] + terms[i]
        i += 1


def _emit_scaled(typingctx, x, at, factors, f_at, terms, t_at, y, to):  # type: ignore[no-untyped-def]
    """One vector; product and sum are rounded one after the other."""
    i64 = types.int64

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[0].dtype)
        value, factor, term = (emit.load(pointer(emit, context, sig, args, i)) for i in (0, 2, 4))
        total = builder.fadd(builder.fmul(value, factor), term)
        emit.store(total, pointer(emit, context, sig, args, 6))
        return context.get_dummy_value()

    return types.void(x, i64, factors, i64, terms, i64, y, i64), generate


_scale_vector: Any = intrinsic(_emit_scaled)
