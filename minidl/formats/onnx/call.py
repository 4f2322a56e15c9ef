"""ONNX node with the values of its inputs, as the importer converts it to a layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.formats.onnx.model import Node
from minidl.nn import Module

Built = Module | tuple[Module, ...]
"""The layer of a node, or several in sequence."""


@dataclass(frozen=True)
class Activation:
    """A value computed from the image: its layer, and its shape for one image."""

    layer: str
    shape: tuple[int, ...]


Value = np.ndarray | Activation | None
"""A constant, an activation, or None for an omitted optional input."""


@dataclass(frozen=True, eq=False)
class Call:
    """A node and its inputs' values; `call["pads"]` is an attribute, None where it is absent.

    Methods raise ValueError with the reason for a node that does not fit; the importer adds its
    name.
    """

    node: Node
    opset: int
    inputs: tuple[Value, ...]

    def __getitem__(self, attribute: str) -> Any:
        return self.node.attributes.get(attribute)

    @property
    def activations(self) -> tuple[Activation, ...]:
        return tuple(value for value in self.inputs if isinstance(value, Activation))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first input, which must be computed from the image: (1, ...)."""
        first = self.inputs[0]
        if not isinstance(first, Activation):
            raise ValueError("its first input is a constant, not computed from the image")
        return first.shape

    @property
    def planes(self) -> tuple[int, int, int, int]:
        """The shape of the first input, which must have the four axes (N, C, H, W)."""
        if len(self.shape) != 4:
            raise ValueError(f"its input {self.shape} has not the four axes (N, C, H, W)")
        N, C, H, W = self.shape
        return N, C, H, W

    def has(self, at: int) -> bool:
        """True if input number `at` is given."""
        return at < len(self.inputs) and self.inputs[at] is not None

    def array(self, at: int) -> np.ndarray:
        """Input number `at`, which must be a constant, in its own type."""
        value = self.inputs[at] if at < len(self.inputs) else None
        if not isinstance(value, np.ndarray):
            state = "is left out" if value is None else "is computed from the image"
            raise ValueError(f"its input number {at} {state}; it must be a constant")
        return value

    def weights(self, at: int) -> np.ndarray:
        """Input number `at`, a constant of floats, as an array of float32 of its own."""
        array = self.array(at)
        if not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"its input number {at} holds {array.dtype}; floats can be imported")
        with np.errstate(over="ignore"):
            single = array.astype(np.float32)
        if array.itemsize > 4 and (np.isinf(single) & np.isfinite(array)).any():
            raise ValueError(f"its input number {at} has values too large for float32")
        return single

    def integers(self, at: int) -> tuple[int, ...]:
        """Input number `at`, constant integers, as a tuple."""
        array = self.array(at)
        if not np.issubdtype(array.dtype, np.integer):
            raise ValueError(f"its input number {at} holds {array.dtype}; it must hold integers")
        return tuple(int(value) for value in array.ravel())  # any shape -> (values,)

    def axis(self, axis: int) -> int:
        """An axis of the first input, counted from the front; never the batch's."""
        axes = len(self.shape)
        if not -axes <= axis < axes or axis % axes == 0:
            raise ValueError(
                f"axis {axis} of its input {self.shape} is the batch's, or there is none; images "
                "are computed each for itself"
            )
        return axis % axes


Builder = Callable[[Call], Built]
OPERATORS: dict[str, Builder] = {}


def operator(*names: str) -> Callable[[Builder], Builder]:
    """Decorator: register the function as the converter of the operators of these names."""

    def register(build: Builder) -> Builder:
        OPERATORS.update(dict.fromkeys(names, build))
        return build

    return register
