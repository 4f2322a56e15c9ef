"""Tensor's methods under PyTorch's names.

Each calls the function of `minidl.functional` that does the work, so that one place defines it.
Methods that end in "_" change the tensor in place (`minidl/in_place.py`).
"""

from minidl.methods.base import Base, Extremes
from minidl.methods.elementwise import Elementwise
from minidl.methods.in_place import InPlace
from minidl.methods.operators import Operators, Tensor
from minidl.methods.protocols import Protocols
from minidl.methods.reductions import Reductions
from minidl.methods.shape import Shape
from minidl.methods.values import Values


class Methods(Operators[Tensor], Protocols, Shape, Reductions, Elementwise, Values, InPlace, Base):
    """PyTorch's methods, for Tensor alone to inherit."""

    __slots__ = ()


__all__ = ["Extremes", "Methods"]
