"""NumPy array of a parameter, which has Tensor's methods too: `layer.weight.data.normal_(0, 0.02)`.

`data` of a parameter is an array in whatever NumPy does with it. What a NumPy array does not have
(`normal_`, `zero_`, `add_`, `clone`, `numel`) is the method of the Tensor of the same memory, as
scripts for PyTorch call it. Results of arithmetic are plain arrays.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.tensor import Count, Tensor, plain


def with_methods(array: Any) -> Any:
    """The same memory with Tensor's methods; arrays of devices as they are."""
    return array.view(ParameterArray) if type(array) is np.ndarray else array


class ParameterArray(np.ndarray):
    """A view of a parameter's memory, or a buffer's."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(Tensor, name):
            raise AttributeError(f"neither an array nor a Tensor has an attribute {name!r}")
        return getattr(plain(self.view(np.ndarray)), name)

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
