"""The GPU under PyTorch's names: availability, seeds, memory."""

from __future__ import annotations

from kernels.contract import devices
from minidl.memory import empty_cache as empty_cache
from minidl.randomness import manual_seed as manual_seed

manual_seed_all = manual_seed
"""One generator draws for every device."""


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
