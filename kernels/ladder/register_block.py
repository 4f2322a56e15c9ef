"""Register block: a tile of MR x NR sums that stays in the vector registers.

    for each tile of y (MR,NR):
        sums = 0                                          MR x NR / L registers, L lanes each
        for t in range(RSC):                              the micro-kernel
            sums += columns[rows, t] outer filters[t, columns of the tile]
        y tile = sums

For each term, MR numbers and NR / L vectors are loaded, for MR NR / L fused multiply-adds. With
12 x 32 and AVX-512 that is 24 for 14 loads, where im2col's loop has one for two loads and a store.
The sums are stored once, at the end. The tile must be large enough that 2 units with a latency of 4
cycles always have an independent sum to work on, and small enough for 32 (AVX2: 16) registers
(Goto, van de Geijn: "Anatomy of High-Performance Matrix Multiplication", 2008; the names MR and NR
are those of BLIS: Van Zee, van de Geijn, 2015).

No compiler keeps such a tile of a plain loop in registers, so the micro-kernel is written in LLVM's
instructions. Edges: columns and filters are padded with zeros to whole tiles.

Operations: 2 N K P Q C R S. Limited by: cache and TLB misses of its operands. The NR filters of a
term are K elements behind those of the term before, on another page after a few terms, and
`columns` is read once for every NR filters.

Run it alone: python -m kernels.ladder register_block
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.extending import intrinsic

from kernels.contract import memory
from kernels.contract.machine import MACHINE
from kernels.cpu.vector import Emitter, pointer
from kernels.ladder.im2col import unfold
from kernels.ladder.step import Filters, Step, padded, rounded_up, taps_first, unpadded

REMOVES = "loads and stores of sums: they stay in registers, and each load serves many products"

VECTORS = 2
MR = 12 if MACHINE.registers >= 32 else 6
NR = VECTORS * MACHINE.width // 4


def outer_product(emit: Emitter, sums: list[ir.Value], a: list[ir.Value], b: ir.Value) -> None:
    """sums (MR,NR) += a (MR,) outer b (NR,): MR broadcast numbers times NR / L vectors."""
    row = [emit.load(emit.at(b, v * emit.lanes)) for v in range(VECTORS)]
    for m, place in enumerate(a):
        factor = emit.broadcast(emit.builder.load(place))
        for v, vector in enumerate(row):
            here = sums[m * VECTORS + v]
            emit.builder.store(emit.fma(factor, vector, emit.builder.load(here)), here)


def zero_sums(emit: Emitter) -> list[ir.Value]:
    """MR x NR / L local variables, which LLVM keeps in registers."""
    sums = [cgutils.alloca_once(emit.builder, emit.vector) for _ in range(MR * VECTORS)]
    for place in sums:
        emit.builder.store(emit.constant(0.0), place)
    return sums


def _micro_kernel(typingctx, a, a_at, a_row, b, b_at, b_row, y, y_at, y_row, terms):  # type: ignore[no-untyped-def]  # fmt: skip
    """y (MR,NR) = a (MR,terms) b (terms,NR), rows `a_row`, `b_row` and `y_row` elements apart."""

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[0].dtype)
        a, b, y = (pointer(emit, context, sig, args, i) for i in (0, 3, 6))
        a_row, b_row, y_row, terms = args[2], args[5], args[8], args[9]
        rows = [emit.at(a, builder.mul(a_row, ir.IntType(64)(m))) for m in range(MR)]
        sums = zero_sums(emit)
        with cgutils.for_range(builder, terms) as t:
            factors = [emit.at(row, t.index) for row in rows]
            outer_product(emit, sums, factors, emit.at(b, builder.mul(t.index, b_row)))
        for i, place in enumerate(sums):
            m, v = divmod(i, VECTORS)
            to = emit.at(y, builder.mul(y_row, ir.IntType(64)(m)), v * emit.lanes)
            emit.store(builder.load(place), to)
        return context.get_dummy_value()

    i64 = types.int64
    return types.void(a, i64, i64, b, i64, i64, y, i64, i64, i64), generate


micro_kernel: Any = intrinsic(_micro_kernel)


def prepare(w: np.ndarray) -> Filters:
    """w (K,C,R,S) -> (RSC,K'), K' = whole tiles of NR."""
    K, C, R, S = w.shape
    values = np.zeros((R, S, C, rounded_up(K, NR)), w.dtype)
    values[..., :K] = taps_first(w)
    return Filters(values, K)


def run(x: np.ndarray, filters: Filters, padding: int) -> np.ndarray:
    """x (N,C,H,W), filters (R,S,C,K') -> y (N,K,P,Q)."""
    pixels = padded(x, padding)
    (N, H, W, _), (R, S, C, columns) = pixels.shape, filters.values.shape
    P, Q = H - R + 1, W - S + 1
    a = memory.empty((rounded_up(N * P * Q, MR), R * S * C), x.dtype)
    a[N * P * Q :] = 0
    # (NPQ,RSC) -> (N,P,Q,R,S,C)
    unfold(pixels, a[: N * P * Q].reshape(N, P, Q, R, S, C))
    rows = memory.empty((len(a), columns), x.dtype)
    _product(a, filters.values.reshape(-1, columns), rows)  # (R,S,C,K') -> (RSC,K')
    return unpadded(rows, (N, filters.K, P, Q))


@numba.njit(cache=True)
def _product(a, b, y):  # type: ignore[no-untyped-def]
    """y (M',K') = a (M',T) b (T,K'), whole tiles."""
    M, T = a.shape
    K = b.shape[1]
    flat_a, flat_b, flat_y = a.reshape(-1), b.reshape(-1), y.reshape(-1)  # flat views
    for k in range(0, K, NR):
        for m in range(0, M, MR):
            micro_kernel(flat_a, m * T, T, flat_b, k, K, flat_y, m * K + k, K, T)


STEP = Step("register block", REMOVES, prepare, run)
