"""Writing past the caches what is too large for them.

A store to a line that no cache holds first fetches the line, to overwrite it whole: a large
transform is moved twice, and the caches lose what they held. A streaming store sends whole vectors
to memory (the `nontemporal` hint; `Emitter.stream`). It pays where the result is larger than the
caches near a core and is read much later; its places must be aligned to vectors. Streamed vectors
may overtake others on their way: a thread that streamed ends with `fence`.
"""

from __future__ import annotations

from typing import Any

import numba
from numba import types
from numba.core.extending import intrinsic

from kernels.contract.machine import MACHINE, NEAR_CACHES

WIDTH = MACHINE.width


@numba.njit(cache=True)
def past_caches(array):  # type: ignore[no-untyped-def]
    """Whether to stream to a flat array: it is large, and its first element aligned."""
    return array.nbytes > NEAR_CACHES and array.ctypes.data % WIDTH == 0


def _fence(typingctx):  # type: ignore[no-untyped-def]
    """What this thread streamed before is seen by all threads that go on after."""

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


fence: Any = intrinsic(_fence)
