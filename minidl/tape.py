"""Node of the tape: one operation, its inputs, and the values saved for the backward pass.

A node refuses to be used once memory of its inputs or of its saved values was overwritten: the rule
would compute with other values than the forward pass.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, Generic, Self, TypeVar

from minidl import device as devices
from minidl import versions
from minidl.recording import is_recording

Tensor = TypeVar("Tensor", bound=Any)
"""`minidl.tensor.Tensor`, whose module imports this one."""

VIEWS = frozenset({"getitem", "reshape", "transpose", "broadcast_to"})
"""Operations of whose inputs the rules read the shape alone."""


class TapeNode(Generic[Tensor]):
    """One operation on the tape: its name, its inputs, the values saved for the backward pass."""

    __slots__ = ("inputs", "keys", "operation", "order", "retained", "saved")

    retained: weakref.ref[Tensor]
    """The tensor whose gradient is kept (`retain_grad`); not set without one."""

    def __init__(self, operation: str, inputs: tuple[Tensor, ...], saved: dict[str, Any]) -> None:
        self.operation = operation
        self.inputs = inputs
        # Whose outputs the inputs were then: an operation in place gives a tensor another node.
        self.keys: tuple[Self | Tensor, ...] = tuple([t.node or t for t in inputs])
        self.saved = saved
        self._look()
        if versions.any_moved():
            self._check_places()
        self.order = versions.tick()

    def with_saved(self, **changed: Any) -> Self:
        """A copy of the node, off the tape, with other saved values."""
        return type(self)(self.operation, self.inputs, {**self.saved, **changed})

    def check_unchanged(self) -> None:
        """RuntimeError if memory of an input or a saved array was written to after this node."""
        self._look()
        if versions.unchanged_since(self.order):
            return
        for position, tensor in enumerate(self.inputs):
            if tensor.changed > self.order and not self._may_move(tensor):
                raise self._stale(f"input {position}", tensor.shape)
        for name, value in self.saved.items():
            for array in value if isinstance(value, tuple) else (value,):
                if devices.is_array(array) and versions.last_write(array) > self.order:
                    raise self._stale(f"the saved {name}", array.shape)

    def _may_move(self, tensor: Tensor) -> bool:
        """True for the input of a view that an operation in place gave another place on the tape:
        the rule reads its shape alone."""
        moved = versions.any_moved() and versions.last_move(tensor._array) > self.order
        return moved and self.operation in VIEWS and bool(tensor._replaced <= self.order)

    def _look(self) -> None:
        for tensor in self.inputs:
            if tensor._guard is not None:
                tensor._guard.look()

    def _check_places(self) -> None:
        """RuntimeError if an input's memory was changed in place by another tensor on the tape."""
        for position, tensor in enumerate(self.inputs):
            known = 0 if tensor.node is None else tensor.node.order
            if tensor.requires_grad and versions.last_move(tensor._array) > known:
                raise RuntimeError(
                    f"{self.operation}: input {position}, shape {tensor.shape}, shares its memory "
                    "with a tensor that was changed in place on the tape after it was computed; "
                    "compute it again from that tensor"
                )

    def _stale(self, what: str, shape: tuple[int, ...]) -> RuntimeError:
        return RuntimeError(
            f"backward: {what} of {self.operation}, shape {shape}, was changed in place after the "
            "forward pass; run the forward pass again first"
        )


def is_recorded(inputs: Sequence[Any]) -> bool:
    """True if an operation of these tensors belongs on the tape."""
    return is_recording() and any(t.requires_grad for t in inputs)


def for_tape(value: Any, *inputs: Any) -> Any:
    """A copy of the caller's arrays, which an operation of these inputs saves on the tape, so that
    the caller may change his own; `value` itself if nothing is recorded. Tuples and lists too."""
    return _copied(value) if is_recorded(inputs) else value


def _copied(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(_copied(part) for part in value)
    return value.copy() if devices.is_array(value) else value
