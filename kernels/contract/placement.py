"""Device of an array, and the check that a kernel runs on arrays of its own device."""

from __future__ import annotations

from typing import Any

from kernels.contract.arrays import device_kind

_DEVICES = {"cpu": "cpu", "emulator": "cuda", "cuda": "cuda"}
"""Kind of array -> device of its kernels: the emulator runs those of CUDA."""


def device_of(array: object) -> str:
    """The device whose kernels compute on an array of this type: "cpu" or "cuda"."""
    kind = device_kind(array)
    if kind is None:
        raise TypeError(
            f"no kernels compute on a {type(array).__name__}; expected a numpy.ndarray, a "
            "cupy.ndarray or an array of the emulator"
        )
    return _DEVICES[kind]


def check_place(array: Any, device: str, kernel: str) -> None:
    """TypeError, with the call that would copy it, if the array is not on the device of `kernel`.

    Arrays of devices that this project does not know are not checked.
    """
    if device not in ("cpu", "cuda") or device_of(array) == device:
        return
    if device == "cuda":
        raise TypeError(
            f"{kernel} computes on 'cuda', and this array {array.shape} is a plain NumPy array: "
            'kernels.cuda.place(x, "cuda") moves it to the GPU, place(x, "emulator") to the '
            "emulator"
        )
    where = "the GPU" if device_kind(array) == "cuda" else "the emulator"
    raise TypeError(
        f"{kernel} computes on the CPU, and this array {array.shape} lies on {where}: "
        "kernels.cuda.host(x) brings it back, and kernels for device 'cuda' take it as it is"
    )
