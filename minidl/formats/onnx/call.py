"""ONNX node with the values of its inputs, as the importer converts it to layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.formats.onnx.batch import Activation, Batch
from minidl.formats.onnx.model import Node
from minidl.formats.onnx.sizes import depends
from minidl.nn import Module

Value = np.ndarray | Activation | None
"""A constant, an activation, or None for an omitted optional input."""


@dataclass(frozen=True, eq=False)
class Source:
    """An input of a layer that is made first: `modules` in sequence of an activation, or of the
    image alone where the layer is a constant."""

    modules: tuple[Module, ...]
    of: Activation | None = None


@dataclass(frozen=True, eq=False)
class Steps:
    """Layers of a node in sequence.

    sources: the inputs of the first one; the node's activations unless given.
    batch:   the batch's place in the result; that of the first activation unless given.
    """

    modules: tuple[Module, ...]
    sources: tuple[Activation | Source, ...] | None = None
    batch: Batch | None = None


Built = Module | tuple[Module, ...] | Steps | list[Steps]
"""The layer of a node, several in sequence, or a list with the layers of each of its outputs."""


@dataclass(frozen=True, eq=False)
class Call:
    """A node and its inputs' values; `call["pads"]` is an attribute, None where it is absent.

    written: the batch for which the file was written; None where it is open.
    Methods raise ValueError with the reason for a node that does not fit; the importer adds its
    name.
    """

    node: Node
    opset: int
    inputs: tuple[Value, ...]
    written: int | None = None

    @property
    def images(self) -> int:
        """The batch that constants of the file may have: 1 where it is open."""
        return self.written or 1

    def __getitem__(self, attribute: str) -> Any:
        return self.node.attributes.get(attribute)

    @property
    def activations(self) -> tuple[Activation, ...]:
        return tuple(value for value in self.inputs if isinstance(value, Activation))

    @property
    def first(self) -> Activation:
        """The first input, which must be computed from the image."""
        first = self.inputs[0]
        if not isinstance(first, Activation):
            raise ValueError("its first input is a constant, not computed from the image")
        return first

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first input for one image, as the file has it."""
        return self.first.shape

    @property
    def planes(self) -> tuple[int, int, int, int]:
        """The shape of the first input, which must have the four axes (N, C, H, W)."""
        if len(self.shape) != 4:
            raise ValueError(f"its input {self.shape} has not the four axes (N, C, H, W)")
        if self.first.batch.axis != 0 or self.first.batch.rows != 1:
            raise ValueError(
                f"its input {self.first.sizes} has not the images alone on its first axis"
            )
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
        if depends(array):
            raise ValueError(f"its input number {at}, {self.sizes(at)}, depends on the batch")
        if not np.issubdtype(array.dtype, np.integer):
            raise ValueError(f"its input number {at} holds {array.dtype}; it must hold integers")
        return tuple(int(value) for value in array.ravel())  # any shape -> (values,)

    def sizes(self, at: int) -> tuple[Any, ...]:
        """Input number `at`, constant integers or sizes that depend on the batch, as a tuple."""
        array = self.array(at)
        return tuple(array.ravel()) if depends(array) else self.integers(at)  # -> (values,)

    def axis(self, axis: int) -> int:
        """An axis of the first input as that of its layer's output; never the batch's."""
        return self.first.place(axis)


Builder = Callable[[Call], Built]
OPERATORS: dict[str, Builder] = {}


def operator(*names: str) -> Callable[[Builder], Builder]:
    """Decorator: register the function as the converter of the operators of these names."""

    def register(build: Builder) -> Builder:
        OPERATORS.update(dict.fromkeys(names, build))
        return build

    return register
