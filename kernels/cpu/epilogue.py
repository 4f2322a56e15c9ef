"""Epilogues of convolutions: y = f(y + residual) of each block of results while it is in cache.

A layer's sum is often followed by the residual of its block and an activation. As calls of their
own these read and write y once more each, from the last cache or from memory. Here a kernel calls
a compiled function, by its address, for every block that it has finished. So a kernel is compiled
once, whatever follows it, and each function once for all kernels. The values are those of the
calls one after the other, bit for bit: rounded after the sum, then after the activation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

from kernels.contract import freshness as freshness  # the stamp of cached code
from kernels.contract.compilation import entry_point, inlined
from kernels.cpu.activations import (
    clipped,
    gelu,
    hardsigmoid,
    hardswish,
    leaky_relu,
    rectified,
    sigmoid,
    silu,
)
from kernels.cpu.lines import copy_run
from kernels.cpu.vector import Emitter, pointer


class Epilogue(NamedTuple):
    """What follows each block of results y; an argument of compiled code."""

    address: int
    """Of the compiled function; 0 if nothing follows."""
    residual: np.ndarray
    """What is added, flat and in the order of y's memory; without elements if nothing is."""
    alpha: float
    beta: float
    """The function's parameters."""


@lru_cache(2)
def nothing(dtype: np.dtype) -> Epilogue:
    """The epilogue that leaves y as it is."""
    return Epilogue(0, np.empty(0, dtype), 0.0, 0.0)


def epilogue(
    function: str,
    dtype: np.dtype,
    residual: np.ndarray | None = None,
    alpha: float = 0.0,
    beta: float = 0.0,
) -> Epilogue:
    """y = function(y + residual); residual flat in the order of y's memory, or None.

    function: a name in `FUNCTIONS`; of "clip" alpha and beta are the least and the largest result,
    of "leaky_relu" alpha is the slope below 0. ValueError for another name.
    """
    if function not in FUNCTIONS:
        raise ValueError(f"no epilogue {function!r}; there are {', '.join(FUNCTIONS)}")
    if residual is None:
        residual = nothing(dtype).residual
    return Epilogue(_compiled(function, dtype).address, residual, alpha, beta)


@inlined
def apply(epilogue, y, at, rows, row, width):  # type: ignore[no-untyped-def]
    """Apply it to `rows` runs of `width` elements of y, flat, from `at` on, `row` elements apart.
    The residual is at the same place."""
    if epilogue.address != 0:
        _call(epilogue.address, y, at, epilogue.residual, rows, row, width, epilogue.alpha,
              epilogue.beta)  # fmt: skip


def _emit_call(typingctx, address, y, at, residual, rows, row, width, alpha, beta):  # type: ignore[no-untyped-def]
    """Call the function at the address."""
    i64, f64 = types.int64, types.float64

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit, i = Emitter(builder, sig.args[1].dtype), ir.IntType(64)
        there = emit.scalar.as_pointer()
        shape = ir.FunctionType(
            ir.VoidType(), [there, there, ir.IntType(8), i, i, i, ir.DoubleType(), ir.DoubleType()]
        )
        table = context.make_array(sig.args[3])(context, builder, args[3])
        size = builder.extract_value(table.shape, 0)
        add = builder.icmp_signed(">", size, i(0))
        places = pointer(emit, context, sig, args, 1), emit.at(table.data, args[2])
        function = builder.inttoptr(args[0], shape.as_pointer())
        flag = builder.zext(add, ir.IntType(8))
        builder.call(function, [*places, flag, *args[4:]])
        return context.get_dummy_value()

    return types.void(i64, y, i64, residual, i64, i64, i64, f64, f64), generate


_call: Any = intrinsic(_emit_call)


@lru_cache(64)
def _compiled(function: str, dtype: np.dtype) -> Any:
    """The C function of this name for this type, compiled at its first use and then cached."""
    element = numba.from_dtype(np.dtype(dtype))
    there, i64, f64 = types.CPointer(element), types.int64, types.float64
    signature = types.void(there, there, types.boolean, i64, i64, i64, f64, f64)
    compiled = numba.cfunc(signature, cache=True, error_model="numpy", fastmath={"contract"})
    return compiled(FUNCTIONS[function])


@inlined
def _runs(rows, row, width):  # type: ignore[no-untyped-def]
    """(rows, width), as one run if they follow each other."""
    return (1, rows * width) if row == width else (rows, width)


@inlined
def _sum(y, residual, add, k):  # type: ignore[no-untyped-def]
    return y[k] + residual[k] if add else y[k]


def _identity(y, residual, add, rows, row, width, alpha, beta):  # type: ignore[no-untyped-def]
    count, length = _runs(rows, row, width)
    for i in range(count):
        for k in range(i * row, i * row + length):
            y[k] = _sum(y, residual, add, k)


def _relu(y, residual, add, rows, row, width, alpha, beta):  # type: ignore[no-untyped-def]
    count, length = _runs(rows, row, width)
    for i in range(count):
        for k in range(i * row, i * row + length):
            y[k] = rectified(_sum(y, residual, add, k))


def _sigmoid(y, residual, add, rows, row, width, alpha, beta):  # type: ignore[no-untyped-def]
    count, length = _runs(rows, row, width)
    for i in range(count):
        for k in range(i * row, i * row + length):
            y[k] = sigmoid(_sum(y, residual, add, k))


def _silu(y, residual, add, rows, row, width, alpha, beta):  # type: ignore[no-untyped-def]
    count, length = _runs(rows, row, width)
    for i in range(count):
        for k in range(i * row, i * row + length):
            y[k] = silu(_sum(y, residual, add, k))


def _gelu(y, residual, add, rows, row, width, alpha, beta):  # type: ignore[no-untyped-def]
    count, length = _runs(rows, row, width)
    for i in range(count):
        for k in range(i * row, i * row + length):
            y[k] = gelu(_sum(y, residual, add, k))


def _hardsigmoid(y, residual, add, rows, row, width, alpha, beta):  # type: ignore[no-untyped-def]
    count, length = _runs(rows, row, width)
    for i in range(count):
        for k in range(i * row, i * row + length):
            y[k] = hardsigmoid(_sum(y, residual, add, k))


def _hardswish(y, residual, add, rows, row, width, alpha, beta):  # type: ignore[no-untyped-def]
    count, length = _runs(rows, row, width)
    for i in range(count):
        for k in range(i * row, i * row + length):
            y[k] = hardswish(_sum(y, residual, add, k))


def _leaky_relu(y, residual, add, rows, row, width, alpha, beta):  # type: ignore[no-untyped-def]
    count, length = _runs(rows, row, width)
    for i in range(count):
        for k in range(i * row, i * row + length):
            y[k] = leaky_relu(_sum(y, residual, add, k), type(y[0])(alpha))


def _clip(y, residual, add, rows, row, width, alpha, beta):  # type: ignore[no-untyped-def]
    count, length = _runs(rows, row, width)
    for i in range(count):
        for k in range(i * row, i * row + length):
            y[k] = clipped(_sum(y, residual, add, k), type(y[0])(alpha), type(y[0])(beta))


FUNCTIONS = {
    "clip": _clip,
    "gelu": _gelu,
    "hardsigmoid": _hardsigmoid,
    "hardswish": _hardswish,
    "identity": _identity,
    "leaky_relu": _leaky_relu,
    "relu": _relu,
    "sigmoid": _sigmoid,
    "silu": _silu,
}
"""Loops by the name of the activation; each has one for y alone and one with the residual."""


PIECE = 1 << 13
"""Elements of a piece of an array: 32 KB of float32."""


def bind(x: np.ndarray, y: np.ndarray, epilogue: Epilogue) -> Callable[[], object]:
    """The call that writes y = f(x + residual); x, y flat, of one size, perhaps the same memory."""
    return partial(_in_pieces, x, y, epilogue)


@entry_point(parallel=True)
def _in_pieces(x, y, epilogue):  # type: ignore[no-untyped-def]
    """Each piece of x is copied, and the epilogue is applied to it while it is in cache."""
    for piece in numba.prange((x.size + PIECE - 1) // PIECE):
        first = np.int64(piece) * PIECE
        count = min(PIECE, x.size - first)
        copy_run(x, first, y, first, count)
        apply(epilogue, y, first, 1, count, count)
