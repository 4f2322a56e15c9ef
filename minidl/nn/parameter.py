"""Parameter of a layer: a Tensor that is learnt, and whose every change is noticed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kernels.contract import memory
from minidl.handed_array import handed
from minidl.tensor import Tensor
from minidl.versions import Guard


class Parameter(Tensor):
    """A learnt tensor: a leaf that requires a gradient.

    Every way to change its values is noticed, NumPy's into `data`, or into the array that it was
    made of if that is shared, too (`minidl.versions`).
    """

    __slots__ = ()
    is_parameter = True

    def __init__(self, data: np.ndarray | Tensor, requires_grad: bool = True) -> None:
        array = data._array if isinstance(data, Tensor) else data
        if isinstance(array, np.ndarray) and not array.flags.writeable:
            array = array.copy()  # of a file's bytes: what is learnt is written to
        super().__init__(memory.cache_aligned(array), requires_grad=requires_grad)
        self._guard_memory()

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def _guard_memory(self) -> None:
        self._guard = Guard(handed(self._array))
        self._array = self._guard.array

    def change(self, function: Callable[[np.ndarray], object]) -> None:
        """Let `function` change the values in place; it gets the array, and must not keep it."""
        function(self._array)
        self._wrote()
