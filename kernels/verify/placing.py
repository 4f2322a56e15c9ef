"""Placement of a call's arrays on the device and back; the only place in the suite that does it.

Arrays keep their strides and gaps on the device, so that canonicalising operands is tested there as
on the CPU. Changes that a kernel makes to its inputs are seen on the host afterwards: the
emulator's arrays are views of the host's, a GPU's are copied back.
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
    """True if this device runs the kernel. "cuda" and "emulator" run the same kernels."""
    return kernel.device == ("cpu" if device == "cpu" else "cuda")


def run_on(device: str, kernel: Kernel, *arguments: Any, **options: Any) -> Any:
    """The kernel's results for NumPy arrays, computed on `device`, as NumPy arrays."""
    if kernel.device != "cuda":
        return kernel(*arguments, **options)
    there = _There(device)
    result = kernel(*there.placed(arguments), **there.placed(options))
    there.bring_inputs_back()
    return there.brought(result)


def prepared_on(device: str, kernel: Kernel, w: np.ndarray, g: Any) -> Any:
    """The weights prepared by the kernel on its device, for the option `prepared` of `run_on`."""
    return kernel.prepared(w if kernel.device != "cuda" else _There(device).placed(w), g)


class _There:
    """The device's side of one call."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.inputs: list[tuple[np.ndarray, Any]] = []

    def placed(self, value: Any) -> Any:
        """The value with every array moved to the device, also within tuples."""
        if isinstance(value, np.floating):
            value = np.asarray(value)  # NumPy's arithmetic returns scalars for arrays without axes
        if device_kind(value) == "cpu":
            array = value.view(Emulated) if self.device == "emulator" else _with_strides(value)
            self.inputs.append((value, array))
            return array
        return _each(self.placed, value)

    def bring_inputs_back(self) -> None:
        """Copies the GPU's inputs back into the host's arrays."""
        for plain, array in self.inputs if self.device == "cuda" else ():
            if plain.flags.writeable:
                plain[...] = host_view(array)

    def brought(self, value: Any) -> Any:
        """The value with every array on the host; Violation if one was not on the device."""
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


def _with_strides(x: np.ndarray) -> Any:
    """x on the GPU with the same strides: all bytes that it spans are copied."""
    cupy = devices.cupy()
    if not x.dtype.isnative:  # CuPy supports no other byte order
        x = x.astype(x.dtype.newbyteorder("="))
    low, high = np.lib.array_utils.byte_bounds(x)
    if low == high:
        return cupy.empty(x.shape, x.dtype)
    spanned = np.ctypeslib.as_array((ctypes.c_uint8 * (high - low)).from_address(low))
    first = cupy.array(spanned).data + (x.ctypes.data - low)
    return cupy.ndarray(x.shape, x.dtype, first, x.strides)
