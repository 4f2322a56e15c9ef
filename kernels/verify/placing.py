"""Where a kernel computes: plain arrays go in and come out here, and nowhere else in the suite.

Arrays arrive on the device as they lie in the host's memory, strides, gaps and all, so that what is
tried on the CPU's door is tried on the device's too. What a kernel does to its inputs is seen on
the host afterwards: the emulator's arrays are views of the host's, a GPU's are brought back.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kernels.contract import devices
from kernels.contract.arrays import device_kind, host_view
from kernels.contract.registry import Kernel
from kernels.cuda import Emulated
from kernels.verify.verdicts import Violation

DEVICES = ("cpu", "emulator", "cuda")


def served_on(kernel: Kernel, device: str) -> bool:
    """Does this device run the kernel? "cuda" and "emulator" run the same ones."""
    return kernel.device == ("cpu" if device == "cpu" else "cuda")


def run_on(device: str, kernel: Kernel, *arguments: Any, **options: Any) -> Any:
    """What the kernel makes of plain arrays on `device`, as plain arrays."""
    if kernel.device != "cuda":
        return kernel(*arguments, **options)
    there = _There(device)
    result = kernel(*there.placed(arguments), **there.placed(options))
    there.bring_inputs_back()
    return there.brought(result)


def prepared_on(device: str, kernel: Kernel, w: np.ndarray, g: Any) -> Any:
    """What the kernel prepares of plain weights, left where it computes: an option of `run_on`."""
    return kernel.prepared(w if kernel.device != "cuda" else _There(device).placed(w), g)


class _There:
    """The device's side of one call."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.inputs: list[tuple[np.ndarray, Any]] = []

    def placed(self, value: Any) -> Any:
        """The same with every array on the device, those in tuples too."""
        if isinstance(value, np.floating):
            value = np.asarray(value)  # what arithmetic makes of an array without axes
        if device_kind(value) == "cpu":
            array = value.view(Emulated) if self.device == "emulator" else _as_it_lies(value)
            self.inputs.append((value, array))
            return array
        return _each(self.placed, value)

    def bring_inputs_back(self) -> None:
        """What the GPU's arrays hold now into the host's."""
        for plain, array in self.inputs if self.device == "cuda" else ():
            if plain.flags.writeable:
                plain[...] = host_view(array)

    def brought(self, value: Any) -> Any:
        """The same with every array on the host; Violation if one has been there all along."""
        kind = device_kind(value)
        if kind is None:
            return _each(self.brought, value)
        if kind != self.device:
            raise Violation(
                f"the kernel returns an array of {kind!r}, and its inputs are on {self.device!r}: "
                "memory.empty(..., like=x) makes one there"
            )
        return host_view(value)


def _each(change: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(change(v) for v in value)
    if isinstance(value, Mapping):
        return {key: change(v) for key, v in value.items()}
    return value


def _as_it_lies(x: np.ndarray) -> Any:
    """x on the GPU with the same strides: all the bytes that it spans are copied."""
    cupy = devices.cupy()
    if not x.dtype.isnative:  # CuPy knows no other order of bytes
        x = x.astype(x.dtype.newbyteorder("="))
    low, high = np.lib.array_utils.byte_bounds(x)
    if low == high:
        return cupy.empty(x.shape, x.dtype)
    spanned = np.ctypeslib.as_array((ctypes.c_uint8 * (high - low)).from_address(low))
    first = cupy.array(spanned).data + (x.ctypes.data - low)
    return cupy.ndarray(x.shape, x.dtype, first, x.strides)
