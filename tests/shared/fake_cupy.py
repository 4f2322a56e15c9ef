"""Stand-in for CuPy: the part of its interface that `kernels` uses, on the host's memory.

As in CuPy, its arrays are not NumPy arrays and are not converted implicitly. Its RawModule runs the
source in the emulator. So the calls of CuPy and their arguments are tested on machines without a
GPU; whether NVRTC and a driver accept them is not.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kernels.cuda import emulator


class Memory:
    """A pointer into the memory of a fake device."""

    def __init__(self, held: np.ndarray, offset: int = 0) -> None:
        self.held, self.offset = held, offset

    @property
    def ptr(self) -> int:
        return self.held.ctypes.data + self.offset

    def __add__(self, offset: int) -> Memory:
        return Memory(self.held, self.offset + offset)


class FakeArray:
    """cupy.ndarray(shape, dtype, memptr, strides): the part that `kernels` uses."""

    def __init__(self, shape: Any, dtype: Any, memptr: Memory, strides: Any = None) -> None:
        held = memptr.held.reshape(-1).view(np.uint8)
        self.plain: np.ndarray = np.ndarray(shape, dtype, held, memptr.offset, strides)

    @classmethod
    def of(cls, plain: np.ndarray) -> FakeArray:
        made = cls.__new__(cls)
        made.plain = plain
        return made

    def __getattr__(self, name: str) -> Any:
        if name not in ("shape", "dtype", "ndim", "size", "nbytes", "strides", "flags"):
            raise AttributeError(f"the stand-in for cupy.ndarray has no {name}")
        return getattr(self.plain, name)

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    @property
    def data(self) -> Memory:
        return Memory(self.plain)

    def transpose(self, *axes: Any) -> FakeArray:
        return FakeArray.of(self.plain.transpose(*axes))

    def reshape(self, *shape: int) -> FakeArray:
        return FakeArray.of(self.plain.reshape(*shape))

    def astype(self, dtype: Any, order: str, copy: bool) -> FakeArray:
        return FakeArray.of(self.plain.astype(dtype, order=order, copy=copy))  # type: ignore[call-overload]

    def fill(self, value: Any) -> None:
        self.plain.fill(value)


class RawModule:
    """cupy.RawModule, run in the emulator; `made` lists all instances."""

    made: list[RawModule] = []  # noqa: RUF012

    def __init__(self, code: str, options: tuple[str, ...], name_expressions: Any) -> None:
        self.code, self.options, self.names = code, options, tuple(name_expressions)
        self.launched: list[tuple[str, Any, Any, int]] = []
        self.functions = {name: RawKernel(self, name) for name in self.names}
        RawModule.made.append(self)

    def get_function(self, name: str) -> RawKernel:
        return self.functions[name]


class RawKernel:
    max_dynamic_shared_size_bytes = 48 << 10

    def __init__(self, module: RawModule, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self, grid: Any, block: Any, args: Any, *, shared_mem: int) -> None:
        assert shared_mem <= self.max_dynamic_shared_size_bytes
        self.module.launched.append((self.name, grid, block, shared_mem))
        path = Path(self.module.code.splitlines()[0].split('"')[1])
        given = [_by_value(a) for a in args]
        emulator.launch(path, self.name, grid, block, given, shared_mem)


def _by_value(argument: Any) -> Any:
    if isinstance(argument, FakeArray):
        return argument.plain
    return argument[0] if isinstance(argument, np.ndarray) else argument


class CUDARuntimeError(RuntimeError):
    pass


def module(count: int = 1, capability: str = "80", broken: bool = False) -> Any:
    """The module `cupy` with this number of GPUs; `broken`: without a driver."""

    def devices() -> int:
        if broken:
            raise CUDARuntimeError("cudaErrorInsufficientDriver")
        return count

    runtime = SimpleNamespace(getDeviceCount=devices, CUDARuntimeError=CUDARuntimeError)
    device = SimpleNamespace(compute_capability=capability)
    return SimpleNamespace(
        ndarray=FakeArray,
        array=lambda x: FakeArray.of(np.array(x, order="A")),
        empty=lambda shape, dtype: FakeArray.of(np.empty(math.prod(shape), dtype).reshape(shape)),
        asnumpy=lambda x: np.array(x.plain, order="C"),
        RawModule=RawModule,
        cuda=SimpleNamespace(runtime=runtime, Device=lambda: device),
    )


@contextmanager
def installed(**settings: Any) -> Iterator[Any]:
    """Within the block `import cupy` finds the stand-in."""
    with pytest.MonkeyPatch.context() as patch:
        made = module(**settings)
        patch.setitem(sys.modules, "cupy", made)
        patch.delenv("CUPY_TF32", raising=False)
        yield made
