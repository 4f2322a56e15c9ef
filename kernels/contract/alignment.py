"""Where compiled code puts arrays of its own: at the beginning of a cache line.

Numba asks for 32 bytes, the width of AVX's vectors. Of AVX-512's every one would then lie in two
lines in half of all arrays, by chance: sums and packed operands that are read and written at twice
the price, in one run and not in the next.
"""

from __future__ import annotations

from typing import Any

from numba.core.cpu import CPUContext

from kernels.contract.machine import CACHE_LINE


def _a_line(context: Any, element: Any) -> int:
    return CACHE_LINE


CPUContext.get_preferred_array_alignment = _a_line  # type: ignore[method-assign]
