"""State of a module: arrays by name, copied into its parameters and buffers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from kernels.contract import memory
from minidl import device as devices
from minidl.tensor import Tensor


class Incompatible(NamedTuple):
    """What `load_state_dict` returns, under PyTorch's names."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys}"


def load(own: Mapping[str, Tensor], given: Any, strict: bool) -> Incompatible:
    """Copy the arrays into the tensors of the same names; raises before the first is changed."""
    arrays = _arrays(given)
    missing, unknown = sorted(own.keys() - arrays.keys()), sorted(arrays.keys() - own.keys())
    if strict and (missing or unknown):
        raise ValueError(
            f"load_state_dict: missing {missing or 'none'}, unknown {unknown or 'none'}; the "
            "weights belong to another architecture"
        )
    tensors = {name: tensor for name, tensor in own.items() if name in arrays}
    _check_alike(tensors, arrays)
    _check_one(tensors, arrays)
    for name, tensor in tensors.items():
        tensor.assign(arrays[name])
    return Incompatible(missing, unknown)


def _arrays(given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping):
        found = {n: t._array if isinstance(t, Tensor) else t for n, t in given.items()}
        if all(map(devices.is_array, found.values())):
            return found
    raise TypeError(
        f"load_state_dict: takes arrays by name, got a {type(given).__name__} of something else"
    )


def _check_alike(own: Mapping[str, Tensor], arrays: Mapping[str, Any]) -> None:
    unlike = [
        f"{name}: {arrays[name].dtype} {arrays[name].shape}, expected {t.dtype} {t.shape}"
        for name, t in own.items()
        if arrays[name].shape != t.shape or arrays[name].dtype != t.dtype
    ]
    if unlike:
        raise ValueError("load_state_dict: " + "; ".join(unlike))


def _check_one(own: Mapping[str, Tensor], arrays: Mapping[str, Any]) -> None:
    """ValueError for two names of one parameter whose arrays differ."""
    first = {id(t): name for name, t in reversed(list(own.items()))}
    for name, tensor in own.items():
        kept = first[id(tensor)]
        if kept != name and not _same_bits(arrays[kept], arrays[name]):
            raise ValueError(
                f"load_state_dict: {kept} and {name} are one parameter here, of shape "
                f"{tensor.shape}, and their arrays differ; give both names one array"
            )


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """True for arrays of one shape whose elements have the same bits, on any device."""
    return a is b or devices.host(a).tobytes() == devices.host(b).tobytes()


def converted(array: Any, device: str | None, dtype: np.dtype | None) -> Any:
    """The array on the device, in the type if it is one of floats; itself if nothing changes."""
    moved = array if device is None else devices.move(array, device)
    if dtype is None or array.dtype.kind != "f" or array.dtype == dtype:
        return moved
    return moved.astype(dtype)


def replace(tensor: Tensor, data: Any) -> None:
    """Use another array of the same values; the gradient is dropped.

    What the tape saved of the old memory counts as changed: its gradient would be another device's.
    """
    tensor._wrote()
    tensor.data, tensor.grad = memory.cache_aligned(data), None
