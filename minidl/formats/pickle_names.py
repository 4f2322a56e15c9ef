"""Names that a pickle of tensors may use, with inert objects in place of PyTorch's functions.

A pickle calls the objects that it gets by name, and sets the state of any object, also of a
function or a class. The objects here only hold their arguments. They refuse every state but the two
that dictionaries of tensors have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from operator import index
from typing import Any

import numpy as np

KINDS = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
"""NumPy's type for each storage; bfloat16 is the upper half of a float32."""


MOST_AXES = 64
"""As in NumPy and PyTorch."""


class Inert:
    """An object that a pickle may hold, and whose state it may not set."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise ValueError("sets the state of what has none: nothing was executed")


class Function(Inert):
    """A function of ours in place of one of PyTorch's."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def __call__(self, *arguments: Any) -> Any:
        return self.call(*arguments)


class Kind(Inert):
    """The type of a storage."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Storage(Inert):
    """A one-dimensional array of numbers, filled after the pickle is read."""

    __slots__ = ("kind", "numel", "values")

    def __init__(self, kind: str, numel: int) -> None:
        self.kind, self.numel = kind, numel
        self.values: np.ndarray | None = None

    @property
    def nbytes(self) -> int:
        return self.numel * np.dtype(KINDS[self.kind]).itemsize

    def fill(self, data: bytes) -> None:
        """Set the numbers from their bytes; ValueError for a wrong count."""
        if len(data) != self.nbytes:
            raise ValueError(f"a storage of {self.numel} numbers has {len(data)} bytes")
        values = np.frombuffer(data, KINDS[self.kind])
        if self.kind == "BFloat16Storage":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        self.values = values


class StoredTensor(Inert):
    """A view of a storage with a shape, strides and an offset, counted in numbers, not bytes."""

    __slots__ = ("offset", "shape", "storage", "strides")

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_rest: Any) -> None:
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def view(self) -> np.ndarray:
        """A read-only view of the numbers.

        ValueError for a tensor outside of its storage, or larger than it because it repeats
        numbers.
        """
        if not isinstance(self.storage, Storage) or self.storage.values is None:
            raise ValueError("a tensor without a storage")
        values, offset = self.storage.values, index(self.offset)
        if max(len(self.shape), len(self.strides)) > MOST_AXES:
            raise ValueError(f"a tensor of more than {MOST_AXES} axes")
        shape, strides = tuple(map(index, self.shape)), tuple(map(index, self.strides))
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        count = math.prod(shape)
        outside = min((offset, *shape, *strides)) < 0 or max(last + 1, count) > len(values)
        if count and outside:
            raise ValueError(
                f"a tensor of shape {shape} and strides {strides} from {offset} on is not inside "
                f"its storage of {len(values)} numbers"
            )
        if not count:
            return np.empty(shape, values.dtype)
        steps = tuple(s * values.itemsize for s in strides)
        return np.lib.stride_tricks.as_strided(values[offset:], shape, steps, writeable=False)


class Parameter(Inert):
    """A parameter of PyTorch before 0.4: made without arguments, with its tensor as its state."""

    __slots__ = ("tensor",)

    def __setstate__(self, state: Any) -> None:
        self.tensor = state[0]


class Dictionary(dict[Any, Any]):
    """An OrderedDict; its state, the versions of the modules that wrote it, is ignored."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Nothing."""


NAMES: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): Dictionary,
    ("torch._utils", "_rebuild_tensor"): Function(StoredTensor),
    ("torch._utils", "_rebuild_tensor_v2"): Function(StoredTensor),
    ("torch._utils", "_rebuild_parameter"): Function(lambda tensor, *_rest: tensor),
    ("torch.nn.parameter", "Parameter"): Parameter,
    **{("torch", name): Kind(name) for name in KINDS},
}
"""The object for each name that a pickle of tensors needs."""
