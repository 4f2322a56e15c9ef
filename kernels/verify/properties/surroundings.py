"""Property of the process around a call: what the caller shares with the kernel stays as it was."""

from __future__ import annotations

from hypothesis import strategies as st

from kernels.contract.process_state import changes, restored, state, unlike_the_default
from kernels.contract.registry import Kernel
from kernels.verify.calls import Call
from kernels.verify.property import holds, require


@holds("process state", optional=True, large=None, threads=True, share=0.25,
       seed=st.integers(0, 2**31 - 1))  # fmt: skip
def changes_nothing_beside_its_result(kernel: Kernel, call: Call, seed: int) -> None:
    """A call leaves the process as it was: the global random generators, the numbers of threads,
    NumPy's print options and its handling of errors, the working directory, the environment, the
    filters of warnings, and how numbers are rounded."""
    with restored():
        call.run(kernel)  # which may import and compile
    with restored():
        unlike_the_default(seed)
        before = state()
        call.run(kernel)
        changed = changes(before, state())
    require(not changed, f"a call changes {' and '.join(changed)}")
