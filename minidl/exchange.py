"""Arrays shared with other libraries without copies, by the DLPack protocol.

    torch.from_dlpack(tensor)              a Tensor's data in PyTorch
    minidl.from_dlpack(torch.ones(2, 3))   PyTorch's data in a Tensor

The protocol is that of the array API standard, `__dlpack__` and `__dlpack_device__`. A Tensor that
requires a gradient is not handed out: what others compute of it would not be on the tape.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract.devices import cupy
from minidl.tensor import Tensor

CPU, CUDA = 1, 2
"""Numbers of DLPack's DLDeviceType."""


def from_dlpack(source: Any) -> Tensor:
    """A Tensor that shares the memory of another library's array, of float32 or float64.

    On the CPU, or on a CUDA GPU with CuPy. TypeError for what has no `__dlpack__` or another dtype,
    BufferError, from the other library, for an array that it does not hand out (one that requires a
    gradient), ValueError for another device.
    """
    if not hasattr(source, "__dlpack__") or not hasattr(source, "__dlpack_device__"):
        raise TypeError(
            f"from_dlpack: takes an array with __dlpack__, as PyTorch's, NumPy's and JAX's have, "
            f"got a {type(source).__name__}"
        )
    kind, number = source.__dlpack_device__()
    if kind == CPU:
        return Tensor(np.from_dlpack(source))
    if kind == CUDA:
        return Tensor(cupy().from_dlpack(source))
    raise ValueError(
        f"from_dlpack: the array is on DLPack's device {int(kind)}, number {number}; arrays of the "
        f"CPU ({CPU}) and of CUDA ({CUDA}) can be shared"
    )
