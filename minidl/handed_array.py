"""NumPy array of a Tensor's data, which has Tensor's methods too: `layer.weight.data.normal_()`.

`data` is an array in whatever NumPy does with it. What a NumPy array does not have (`normal_`,
`zero_`, `add_`, `clone`, `numel`, `norm`) is the method of the Tensor of the same memory, as
scripts for PyTorch call it. Results of arithmetic are plain arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np


class Count(int):
    """The number of elements, which called as in PyTorch is the shape: `x.size`, `x.size()`,
    `x.size(0)`."""

    shape: tuple[int, ...]

    def __call__(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]


class HandedArray(np.ndarray):
    """A view of a Tensor's memory, as `data` and `state_dict` hand it out."""

    tensor_of: ClassVar[Callable[[np.ndarray], Any]]
    """A Tensor of an array's memory; `minidl/operators.py` installs it."""
    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        tensor = None if name.startswith("_") else HandedArray.tensor_of(self.view(np.ndarray))
        if tensor is None or not hasattr(type(tensor), name):
            raise AttributeError(f"neither an array nor a Tensor has an attribute {name!r}")
        return getattr(tensor, name)

    @property
    def size(self) -> Count:
        """The number of elements; `size()` is the shape, as of a Tensor."""
        count = Count(math.prod(self.shape))
        count.shape = self.shape
        return count

    def __array_wrap__(
        self, array: np.ndarray, context: Any = None, return_scalar: bool = False
    ) -> Any:
        if array is self:  # written in place
            return self
        result = array.view(np.ndarray)
        return result[()] if return_scalar else result

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).__reduce__()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.view(np.ndarray).__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))


def handed(array: Any) -> Any:
    """The same memory with Tensor's methods; arrays of devices as they are."""
    return array.view(HandedArray) if type(array) is np.ndarray else array


def is_view_of(handed_out: Any, array: Any) -> bool:
    """True for all of the array, as it was handed out."""
    if type(handed_out) is not HandedArray or type(array) is not np.ndarray:
        return False
    names = ("data", "shape", "strides", "typestr")
    one, other = handed_out.__array_interface__, array.__array_interface__
    return all(one[name] == other[name] for name in names)
