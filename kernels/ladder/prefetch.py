"""Software prefetch of the next panel of filters while the present one is multiplied.

    micro-kernel, for every 16 terms:
        prefetch a few cache lines of the next panel                   <- new
        16 outer products

The hardware prefetcher predicts the next cache line of a stream, but not beyond the end of a page,
and it cannot predict that the tiles of a block read one panel many times before the next panel. The
program can. While the MC / MR tiles multiply one panel, their micro-kernels prefetch all lines of
the next one, a share each. A prefetch instruction does not wait and writes no register; it costs
only the slot of a load (BLIS's micro-kernels prefetch in the same way: Van Zee, van de Geijn,
2015).

Operations: 2 N K P Q C R S, the same bits as before. Limited by: the multiply-adds of one core. The
other cores are idle.

Run it alone: python -m kernels.ladder prefetch
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
from kernels.contract.machine import CACHE_LINE
from kernels.cpu.vector import Emitter, pointer
from kernels.ladder.packing import MC, RUN, pack_windows, packed_run, prepare, write_sums
from kernels.ladder.register_block import MR, NR, zero_sums
from kernels.ladder.step import Filters, Step, padded, rounded_up, unpadded

REMOVES = "waiting for panels of filters: they arrive while the one before is multiplied"

LINE = CACHE_LINE // 4
SHARE = -(-RUN * NR // LINE // (MC // MR))
"""Cache lines to prefetch with every 16 terms, so that MC / MR tiles prefetch a whole panel."""


def _micro_kernel(typingctx, a, a_at, b, b_at, y, y_at, y_row, runs, add, distance):  # type: ignore[no-untyped-def]  # fmt: skip
    """The same, which prefetches lines `distance` elements behind those that it reads."""

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[0].dtype)
        a, b, y = (pointer(emit, context, sig, args, i) for i in (0, 2, 4))
        y_row, runs, add, distance = args[6:]
        sums = zero_sums(emit)
        with cgutils.for_range(builder, runs) as run:
            tile = emit.at(a, builder.mul(run.index, ir.IntType(64)(MR * RUN)))
            panel = emit.at(b, builder.mul(run.index, ir.IntType(64)(RUN * NR)))
            for line in range(SHARE):
                emit.fetch(emit.at(panel, distance, line * LINE))
            packed_run(emit, sums, tile, panel)
        write_sums(emit, sums, y, y_row, add)
        return context.get_dummy_value()

    i64 = types.int64
    return types.void(a, i64, b, i64, y, i64, i64, i64, types.boolean, i64), generate


micro_kernel: Any = intrinsic(_micro_kernel)


def run(x: np.ndarray, filters: Filters, padding: int) -> np.ndarray:
    """x (N,C,H,W), filters (R,S,K'/NR,C',NR) -> y (N,K,P,Q)."""
    pixels = padded(x, padding)
    (N, H, W, _), (R, S, panels, _, _) = pixels.shape, filters.values.shape
    P, Q = H - R + 1, W - S + 1
    rows = memory.empty((rounded_up(N * P * Q, MC), panels * NR), x.dtype)
    block = np.zeros((MC // MR, filters.values.shape[3] // RUN, MR, RUN), x.dtype)
    for first in range(0, len(rows), MC):
        one_block(pixels, filters.values, rows, P, Q, first, block)
    return unpadded(rows, (N, filters.K, P, Q))


@numba.njit(cache=True)
def one_block(x, filters, y, P, Q, first, block):  # type: ignore[no-untyped-def]
    """Rows `first` to `first + MC` of y (NPQ',K'); their windows are packed into `block`."""
    R, S, panels, C, _ = filters.shape
    K, tiles = panels * NR, len(block)
    a, b, flat_y = block.reshape(-1), filters.reshape(-1), y.reshape(-1)  # flat views
    for r in range(R):
        for s in range(S):
            pack_windows(x, block, first, r, s, P, Q)
            add = r + s > 0
            for panel in range(panels):
                here = ((r * S + s) * panels + panel) * C * NR
                for tile in range(tiles):
                    to = (first + tile * MR) * K + panel * NR
                    distance = C * NR + tile * SHARE * LINE
                    micro_kernel(a, tile * MR * C, b, here, flat_y, to, K, C // RUN, add, distance)


STEP = Step("prefetch", REMOVES, prepare, run)
