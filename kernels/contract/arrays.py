"""Device arrays: CuPy arrays, emulated arrays, and transfers from and to the host.

On a GPU they are CuPy's. In the emulator they are `Emulated`, a marked subclass of NumPy's array,
so that CUDA kernels are picked for them and nothing falls back to the CPU by accident. An
`Emulated` keeps the rules of a CuPy array whose violation would only fail on a GPU: it does not mix
with plain NumPy arrays, and the results of computations with it, 0-d reductions too, are
`Emulated`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.contract import devices

KINDS = ("cpu", "emulator", "cuda")


@dataclass
class Transfers:
    """Counts of arrays copied to a device and back to the host, and the bytes copied back."""

    to_device: int = 0
    to_host: int = 0
    to_host_bytes: int = 0


transfers = Transfers()


class Emulated(np.ndarray):
    """An array of the emulator's device; created by `emulated`, copied back by `host`."""

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        """NumPy's result, marked; TypeError if an operand is a plain array, as with CuPy."""
        _refuse_plain(ufunc.__name__, (*inputs, *(out or ())))
        if out is not None:
            options["out"] = _unmarked(out)
        result = getattr(ufunc, method)(*_unmarked(inputs), **_unmarked(options))
        if out is None:
            return _marked(result)
        return out[0] if len(out) == 1 else out

    def __array_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Any, kwargs: Any
    ) -> Any:
        """The same for NumPy's functions, which CuPy overrides too."""
        if any(kind is np.ndarray for kind in types):
            raise TypeError(_mixed(func.__name__))
        result = func(*_unmarked(args), **_unmarked(kwargs))
        return _marked(result) if kwargs.get("out") is None else kwargs["out"]


def _refuse_plain(what: str, values: Iterable[Any]) -> None:
    if any(isinstance(v, np.ndarray) and not isinstance(v, Emulated) for v in values):
        raise TypeError(_mixed(what))


def _mixed(what: str) -> str:
    return (
        f"{what} of an array of the emulator and a plain NumPy array, which a GPU could not reach: "
        "kernels.cuda.emulated(x) moves it there, kernels.cuda.host(x) the other one back"
    )


def _unmarked(value: Any) -> Any:
    """`value` with plain arrays, in tuples, lists and dictionaries too."""
    if isinstance(value, Emulated):
        return value.view(np.ndarray)
    if isinstance(value, tuple | list) and type(value) in (tuple, list):
        return type(value)(_unmarked(v) for v in value)
    if isinstance(value, dict):
        return {key: _unmarked(v) for key, v in value.items()}
    return value


def _marked(value: Any) -> Any:
    """`value` with its arrays and NumPy scalars as the emulator's."""
    if isinstance(value, np.generic):
        return np.asarray(value).view(Emulated)
    if isinstance(value, np.ndarray):
        return value.view(Emulated)
    if isinstance(value, tuple | list) and type(value) in (tuple, list):
        return type(value)(_marked(v) for v in value)
    return value


def device_kind(x: object) -> str | None:
    """The device of an array: "cpu", "emulator" or "cuda"; None if it is no array."""
    if isinstance(x, Emulated):
        return "emulator"
    if isinstance(x, np.ndarray):
        return "cpu"
    cupy = devices.loaded()
    return "cuda" if cupy is not None and isinstance(x, cupy.ndarray) else None


def address(x: Any) -> int:
    """The address of the first element of a device array."""
    return int(x.data.ptr) if device_kind(x) == "cuda" else int(x.ctypes.data)


def emulated(x: Any) -> Emulated:
    """A copy of x on the emulator's device, in the same memory order."""
    transfers.to_device += 1
    return np.array(host_view(x), order="K", copy=True).view(Emulated)


def gpu(x: Any) -> Any:
    """A copy of x on the GPU, a cupy.ndarray; NoGPU if there is none."""
    cupy = devices.cupy()
    transfers.to_device += 1
    return _transferred(cupy.array, host_view(x))


def host(x: Any) -> np.ndarray:
    """A copy of x as a plain NumPy array, in the same memory order; TypeError for no array."""
    kind, plain = device_kind(x), host_view(x)
    if kind == "cuda" or kind == "emulator":
        transfers.to_host += 1
        transfers.to_host_bytes += plain.nbytes
    return plain if kind == "cuda" else plain.copy(order="K")


def host_view(x: Any) -> np.ndarray:
    """x as a plain NumPy array, sharing memory if the host can access it."""
    kind = device_kind(x)
    if isinstance(x, np.generic):
        return np.asarray(x)
    if kind is None:
        raise TypeError(f"expected an array of NumPy, CuPy or the emulator, got {_name(x)}")
    if kind != "cuda":
        return x.view(np.ndarray)
    return _transferred(devices.loaded().asnumpy, x)


def _transferred(transfer: Callable[[Any], Any], x: Any) -> Any:
    """`transfer`, which copies row-major arrays, applied to x with its memory order kept.

    The axes are sorted from the largest stride to the smallest, so that channels-last memory, for
    example, is copied in its own order.
    """
    axes = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
    back = sorted(range(x.ndim), key=axes.__getitem__)
    return transfer(x.transpose(axes)).transpose(back)


def place(x: Any, device: str) -> Any:
    """A copy of x on "cpu", "emulator" or "cuda"; ValueError for another name, NoGPU for no GPU."""
    movers: dict[str, Callable[[Any], Any]] = {"cpu": host, "emulator": emulated, "cuda": gpu}
    if device not in movers:
        raise ValueError(f"device must be one of {', '.join(KINDS)}, got {device!r}")
    return movers[device](x)


def _name(x: object) -> str:
    return f"{type(x).__module__}.{type(x).__qualname__}"
