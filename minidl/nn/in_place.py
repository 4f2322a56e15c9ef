"""Base class of activations that may overwrite their input, as PyTorch's `inplace=True` does."""

from __future__ import annotations

from minidl.functional import arguments
from minidl.nn.module import Module
from minidl.tensor import Tensor


class InPlace(Module):
    """An elementwise function; with `inplace` the result is written into the input's memory.

    A subclass defines `function`. Whoever needs the old values for a gradient keeps a copy
    (`minidl/in_place.py`), so that no result changes and little memory is saved.
    """

    inplace = False

    def __init__(self, inplace: bool = False) -> None:
        if arguments.flag(inplace, f"{type(self).__name__}: inplace"):
            self.inplace = True

    def function(self, x: Tensor) -> Tensor:
        """The activation of x, a new tensor."""
        raise NotImplementedError(f"{type(self).__name__} defines no function(x)")

    def forward(self, x: Tensor) -> Tensor:
        if self.inplace:
            return x._change(f"{type(self).__name__}(inplace=True)", self.function)
        return self.function(x)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""
