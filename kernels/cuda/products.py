"""Matrix products on the device, by cuBLAS; by NumPy in the emulator."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract.arrays import device_kind


def product(a: Any, b: Any, out: Any = None) -> Any:
    """a (...,M,K) x b (...,K,N) -> (...,M,N), batches broadcast; into `out` if it is given.

    Both are device arrays of one type, of any strides: cuBLAS reads a transposed matrix in place.
    It accumulates in the arrays' own type, float32 in full. TypeError for a host array.
    """
    arrays = [a, b] if out is None else [a, b, out]
    kinds = {device_kind(x) for x in arrays}
    if len(kinds) != 1 or not kinds <= {"cuda", "emulator"}:
        found = ", ".join(str(device_kind(x)) for x in arrays)
        raise TypeError(f"product takes arrays of one device, cuda or the emulator; got {found}")
    # NumPy's function: CuPy and the emulator's arrays each override it.
    return np.matmul(a, b) if out is None else np.matmul(a, b, out=out)
