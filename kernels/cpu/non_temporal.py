"""Non-temporal stores for results larger than the caches.

An ordinary store to a line that is in no cache first loads the line (write allocate): a large
result is moved twice, and evicts what the caches held. A non-temporal store sends whole vectors to
memory (LLVM's `nontemporal` metadata; `Emitter.stream`). It pays where the result is larger than
the caches of the cores and is read much later; addresses must be aligned to vectors. Such stores
are weakly ordered: a thread that used them ends with `fence`.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core.extending import intrinsic

from kernels.contract.compilation import entry_point
from kernels.contract.machine import MACHINE, NEAR_CACHES

WIDTH = MACHINE.width


@entry_point()
def use_non_temporal(array):  # type: ignore[no-untyped-def]
    """Whether non-temporal stores pay for a flat array: it is large, and aligned to vectors."""
    return array.nbytes > NEAR_CACHES and array.ctypes.data % WIDTH == 0


def _fence(typingctx):  # type: ignore[no-untyped-def]
    """Memory fence: orders the non-temporal stores of this thread before what follows."""

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


fence: Any = intrinsic(_fence)
