"""The GPU under PyTorch's name: whether one can be used."""

from __future__ import annotations

from kernels.contract import devices


def is_available() -> bool:
    """True if CuPy is installed and finds a GPU."""
    try:
        devices.cupy()
    except devices.NoGPU:
        return False
    return True


def device_count() -> int:
    """1 if a GPU can be used: more than one is not."""
    return int(is_available())


def synchronize() -> None:
    """Wait until the GPU has done its work."""
    devices.cupy().cuda.Device().synchronize()
