"""Properties of CUDA kernels in any schedule of their blocks and threads."""

from __future__ import annotations

from hypothesis import strategies as st

from kernels.contract.registry import Kernel
from kernels.cuda import emulator
from kernels.cuda.grids import few_blocks
from kernels.verify.calls import Call
from kernels.verify.properties.every import exactly
from kernels.verify.property import assume, holds


@holds("any schedule", optional=True, large=None, applies=lambda kernel: kernel.device == "cuda",
       order=st.integers(1, 2**32 - 1))  # fmt: skip
def any_schedule_gives_the_same_bits(kernel: Kernel, call: Call, order: int) -> None:
    """Blocks and threads in a random order give the same bits as in index order, also with a grid
    smaller than the work, where threads iterate in strides of the grid. A run on a GPU tries only
    the order that the GPU takes."""
    assume(call.device == "emulator")
    natural = call.run(kernel)
    with emulator.schedule(order), few_blocks(1):
        exactly(call.run(kernel), natural, f"in the order of blocks and threads {order}")
