"""Creation of tensors under PyTorch's names.

Values from Python are float32, int64 or bool, as in PyTorch; NumPy's arrays keep their type.
`requires_grad` makes a leaf of the tape. Random ones are drawn from `generator`, or from the
generator that `minidl.manual_seed` seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minidl import device as devices
from minidl import dtypes
from minidl.functional import arguments
from minidl.randomness import given_or_default
from minidl.tensor import Tensor, plain

Generator = np.random.Generator
_PYTHON: dict[str, np.dtype] = {
    "f": dtypes.float32, "i": dtypes.int64, "u": dtypes.int64, "b": dtypes.bool_,
}  # fmt: skip


def tensor(
    data: Any, dtype: DTypeLike | None = None, device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A copy of numbers, nested lists of them, an array or a Tensor.

    TypeError for what is no number, and for float16 without a `dtype`.
    """
    if isinstance(data, Tensor):
        array: Any = data._array.copy()
    elif devices.is_array(data) or isinstance(data, np.generic):
        array = np.asarray(data).copy() if isinstance(data, np.generic) else data.copy()
    else:
        array = _of_python(data)
    return _made(array, dtype, device, requires_grad)


def as_tensor(data: Any, dtype: DTypeLike | None = None, device: str | None = None) -> Tensor:
    """`tensor`, without a copy of a Tensor or an array that fits."""
    if isinstance(data, Tensor):
        return data.to(dtype=dtype, device=device)
    if isinstance(data, np.ndarray):
        return from_numpy(data).to(dtype=dtype, device=device)
    return tensor(data, dtype, device)


def from_numpy(array: np.ndarray) -> Tensor:
    """A Tensor that shares the array's memory, of its type."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: takes an array of NumPy's, got {arguments.shown(array)}")
    dtypes.check(array.dtype, "from_numpy")
    return plain(array)


def zeros(*size: Any, dtype: DTypeLike | None = None, device: str | None = None,
          requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Zeros of a shape, given as numbers or as one sequence."""
    return full(_shape(size), 0.0, dtype=dtype, device=device, requires_grad=requires_grad)


def ones(*size: Any, dtype: DTypeLike | None = None, device: str | None = None,
         requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Ones of a shape."""
    return full(_shape(size), 1.0, dtype=dtype, device=device, requires_grad=requires_grad)


def empty(*size: Any, dtype: DTypeLike | None = None, device: str | None = None,
          requires_grad: bool = False) -> Tensor:  # fmt: skip
    """A tensor to be filled; here of zeros."""
    return zeros(*size, dtype=dtype, device=device, requires_grad=requires_grad)


def full(size: Sequence[int], fill_value: Any, *, dtype: DTypeLike | None = None,
         device: str | None = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """One value in a shape."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    kind = _of_python(value).dtype if dtype is None else dtypes.check(dtype, "full")
    return _made(np.full(_shape((size,)), value, kind), None, device, requires_grad)


def arange(start: float, end: float | None = None, step: float = 1, *,
           dtype: DTypeLike | None = None, device: str | None = None,
           requires_grad: bool = False) -> Tensor:  # fmt: skip
    """start, start + step, ... below `end`; `arange(n)` is 0 to n - 1. Integers give int64."""
    first, last = (0, start) if end is None else (start, end)
    whole = all(isinstance(v, int | np.integer) for v in (first, last, step))
    count = max(math.ceil((last - first) / step), 0)
    numbers: Any = np.arange(count, dtype=np.int64 if whole else np.float64)
    values = numbers * step + first
    kind = (dtypes.int64 if whole else dtypes.float32) if dtype is None else dtype
    return _made(values, kind, device, requires_grad)


def linspace(start: float, end: float, steps: int, *, dtype: DTypeLike | None = None,
             device: str | None = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """`steps` equally spaced values, both ends among them."""
    values = np.linspace(start, end, steps)
    return _made(values, dtypes.float32 if dtype is None else dtype, device, requires_grad)


def eye(n: int, m: int | None = None, *, dtype: DTypeLike | None = None, device: str | None = None,
        requires_grad: bool = False) -> Tensor:  # fmt: skip
    """The identity matrix (n,n), or its first columns (n,m)."""
    kind = dtypes.float32 if dtype is None else dtypes.check(dtype, "eye")
    return _made(np.eye(n, m, dtype=kind), None, device, requires_grad)


def randn(*size: Any, generator: Generator | None = None, dtype: DTypeLike | None = None,
          device: str | None = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Normally distributed values, of mean 0 and variance 1."""
    kind = _float(dtype, "randn")
    values = given_or_default(generator).standard_normal(_shape(size), kind.type)
    return _made(np.asarray(values), None, device, requires_grad)


def rand(*size: Any, generator: Generator | None = None, dtype: DTypeLike | None = None,
         device: str | None = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Uniformly distributed values in [0, 1)."""
    kind = _float(dtype, "rand")
    values = given_or_default(generator).random(_shape(size), kind.type)
    return _made(np.asarray(values), None, device, requires_grad)


def normal(mean: float, std: float, size: Sequence[int], *,
           generator: Generator | None = None) -> Tensor:  # fmt: skip
    """Normally distributed values of this mean and standard deviation, in float32."""
    return randn(*_shape((size,)), generator=generator) * std + mean


def randint(low: int, high: Any = None, size: Any = None, *, generator: Generator | None = None,
            dtype: DTypeLike | None = None, device: str | None = None) -> Tensor:  # fmt: skip
    """Integers from `low` to `high` - 1, int64; `randint(high, size)` begins at 0."""
    if size is None or not isinstance(high, int | np.integer):
        low, high, size = 0, low, high if size is None else size
    values = given_or_default(generator).integers(low, high, _shape((size,)))
    return _made(np.asarray(values), dtype, device, False)


def randperm(n: int, *, generator: Generator | None = None, device: str | None = None) -> Tensor:
    """The integers from 0 to n - 1 in random order."""
    return _made(given_or_default(generator).permutation(n), None, device, False)


def zeros_like(x: Tensor, *, dtype: DTypeLike | None = None, device: str | None = None,
               requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Zeros of x's shape, type and device."""
    return full_like(x, 0, dtype=dtype, device=device, requires_grad=requires_grad)


def ones_like(x: Tensor, *, dtype: DTypeLike | None = None, device: str | None = None,
              requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Ones of x's shape, type and device."""
    return full_like(x, 1, dtype=dtype, device=device, requires_grad=requires_grad)


def full_like(x: Tensor, fill_value: Any, *, dtype: DTypeLike | None = None,
              device: str | None = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """One value in x's shape, type and device."""
    kind = x.dtype if dtype is None else dtypes.check(dtype, "full_like")
    data = np.full_like(x._array, fill_value, dtype=kind)
    return _made(data, None, device, requires_grad)


empty_like = zeros_like


def randn_like(x: Tensor, *, generator: Generator | None = None,
               requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Normally distributed values of x's shape, type and device."""
    return randn(x.shape, generator=generator, dtype=x.dtype, device=x.device,
                 requires_grad=requires_grad)  # fmt: skip


def rand_like(x: Tensor, *, generator: Generator | None = None,
              requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Uniformly distributed values of x's shape, type and device."""
    return rand(x.shape, generator=generator, dtype=x.dtype, device=x.device,
                requires_grad=requires_grad)  # fmt: skip


def _of_python(data: Any) -> np.ndarray:
    """Numbers and nested lists of them, Tensors of one value too, in PyTorch's type."""
    if isinstance(data, list | tuple) and any(isinstance(each, Tensor) for each in data):
        data = [each.tolist() if isinstance(each, Tensor) else each for each in data]
    try:
        array = np.asarray(data)
    except ValueError:
        raise ValueError("tensor: the nested lists are of unequal lengths") from None
    if array.dtype.kind not in _PYTHON:
        raise TypeError(f"tensor: holds numbers, got {data!r:.100} ({type(data).__name__})")
    if array.dtype == np.float16:
        dtypes.check(array.dtype, "tensor")
    return array.astype(_PYTHON[array.dtype.kind])


def _made(array: Any, dtype: DTypeLike | None, device: str | None, requires_grad: bool) -> Tensor:
    kind = dtypes.check(array.dtype if dtype is None else dtype, "tensor")
    made = plain(array.astype(kind, copy=False))
    if device is not None:
        made = plain(devices.move(made._array, devices.check(device)))
    return made.requires_grad_() if requires_grad else made


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    """The numbers of a shape, given one by one or as one sequence."""
    given = size[0] if len(size) == 1 and not isinstance(size[0], int | np.integer) else size
    return arguments.sizes(given, "size")


def _float(dtype: DTypeLike | None, what: str) -> np.dtype:
    found = dtypes.float32 if dtype is None else dtypes.check(dtype, what)
    if found.kind != "f":
        raise TypeError(f"{what}: draws float32 or float64, not {found}")
    return found
