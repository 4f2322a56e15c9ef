"""Alignment of arrays that compiled code allocates: to a cache line.

Numba aligns to 32 bytes, the width of AVX's vectors. Half of all arrays would then have every
AVX-512 vector across two cache lines, by chance: sums and packed operands would cost twice as much
in one run and not in the next.
"""

from __future__ import annotations

from typing import Any

from numba.core.cpu import CPUContext

from kernels.contract.machine import CACHE_LINE


def _a_line(context: Any, element: Any) -> int:
    return CACHE_LINE


CPUContext.get_preferred_array_alignment = _a_line  # type: ignore[method-assign]
