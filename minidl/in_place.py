"""In-place operations: a tensor's memory is overwritten, and the tape goes on from there.

The values are written into the tensor's own memory, so every view of it shows them. If the result
belongs on the tape, the tensor's place on it moves: it is now the output of the operation, whose
input is what the tensor was before. A view that was computed before, and the tensor that a view is
of, keep their old place, where their gradient would be wrong: whoever computes with them on the
tape gets an error (`versions.moved`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import device as devices
from minidl import versions
from minidl.functional import arguments
from minidl.functional.reduction import sum_to
from minidl.functional.shape import getitem
from minidl.recording import is_recording
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, for_tape, plain, record

Needs = tuple[bool, ...]


def change(
    x: Tensor, function: Callable[..., Tensor], what: str, *others: Any, needs_old: bool = True
) -> Tensor:
    """x <- function(x, *others), in x's memory; x itself is returned.

    needs_old: the operation's rule reads the old values, which are then kept in a copy.
    RuntimeError for a leaf that requires a gradient while recording is on, TypeError if the result
    is of another type, ValueError if it is of another shape.
    """
    recorded = is_recording() and (
        x.requires_grad or any(isinstance(t, Tensor) and t.requires_grad for t in others)
    )
    if not recorded:
        _write(x, _fitting(x, function(x.detach(), *others), what))
        return x
    _check_may_move(x, what)
    alone = all(other is not x for other in others)
    before = _before(x, copied=needs_old or not alone)
    given = (before if other is x else other for other in others)
    result = _fitting(x, function(before, *given), what)
    if not needs_old and alone:
        _forget_values(before)
    _write(x, result)
    _move(x, result)
    return x


def assign_item(x: Tensor, index: Any, value: Any) -> None:
    """x[index] = value, for all that `getitem` reads and a value that broadcasts to it."""
    if not isinstance(value, Tensor):
        dtypes_fit = arguments.is_number(value) or devices.is_array(value)
        given = value if dtypes_fit else np.asarray(value)
        value = plain(devices.like(np.asarray(given).astype(x.dtype, casting="unsafe"), x._array))
    elif value.dtype != x.dtype:
        value = value.to(x.dtype)
    recorded = is_recording() and (x.requires_grad or value.requires_grad)
    place = devices.index(index, x._array)
    if recorded:
        _check_may_move(x, "x[index] = value")
    shape = x._array[place].shape
    try:
        values = np.broadcast_to(devices.like(value._array, x._array), shape)
    except ValueError:
        raise ValueError(
            f"x[index] = value: the value {value.shape} does not broadcast to the selected {shape}"
        ) from None
    before = _before(x, copied=False) if recorded else None
    x._array[place] = values
    x._wrote()
    if before is not None:
        _forget_values(before)
        result = Tensor(x._array)
        result.requires_grad = True
        kept = for_tape(index, before, value)
        result.node = Node("replace", (before, value), {"index": kept, "shape": shape})
        _move(x, result)


def _replace(x: Tensor, index: Any, value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A copy of x with `value` at `index`."""
    data = x._array.copy()
    data[devices.index(index, data)] = value._array
    return record("replace", data, (x, value), index=index, shape=shape)


@gradient.rule("replace")
def _replace_rule(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor | None, ...]:
    (_, value), index, shape = node.inputs, node.saved["index"], node.saved["shape"]
    gx = gv = None
    if needs[0]:
        zero = Tensor(np.zeros_like(gy._array, shape=()))
        gx = _replace(gy, index, zero, shape)
    if needs[1]:
        gv = sum_to(getitem(gy, index), value.shape)
    return gx, gv


def _before(x: Tensor, *, copied: bool) -> Tensor:
    """x as it was: its place on the tape, with a copy of its values or its memory."""
    before = Tensor(x._array.copy(order="K") if copied else x._array, x.requires_grad)
    before.node = x.node
    return before


def _forget_values(before: Tensor) -> None:
    """Keep shape and type alone: the rule reads no more, and the memory is written to."""
    zero = np.zeros_like(before._array, shape=())
    before._array = np.broadcast_to(zero, before.shape)


def _fitting(x: Tensor, result: Tensor, what: str) -> Tensor:
    if result.dtype != x.dtype:
        if result.dtype.kind == "f" and x.dtype.kind != "f":
            raise TypeError(
                f"{what}: the result is {result.dtype}, and cannot be kept in a Tensor of "
                f"{x.dtype} {x.shape}"
            )
        result = result.to(x.dtype)
    if result.shape != x.shape:
        raise ValueError(f"{what}: the result is {result.shape}, the tensor itself {x.shape}")
    return result


def _write(x: Tensor, result: Tensor) -> None:
    if result._array is not x._array and x._array.size:  # (an empty array may be read-only)
        x._array[...] = result._array
    x._wrote()


def _check_may_move(x: Tensor, what: str) -> None:
    if x.requires_grad and x.node is None:
        raise RuntimeError(
            f"{what}: a leaf of shape {x.shape} that requires a gradient cannot be changed in "
            "place on the tape; change it within minidl.no_grad(), or compute a new tensor"
        )
    if not x.requires_grad and _is_part(x._array):
        raise RuntimeError(
            f"{what}: the tensor of shape {x.shape} is a view of memory that is off the tape; "
            "clone() it first, or write x[index] = value into the whole tensor"
        )


def _is_part(array: Any) -> bool:
    """True for a view of less or more than itself: not all memory of its owner."""
    base, size = versions.base_of(array), array.nbytes
    while isinstance(base, np.ndarray):
        if base.nbytes != size:
            return isinstance(base, np.ndarray) and base.dtype == array.dtype
        base = versions.base_of(base)
    return False


def _move(x: Tensor, result: Tensor) -> None:
    """Give x the result's place on the tape, after the write into its memory."""
    assert result.node is not None
    x.node, x.requires_grad = result.node, True
    versions.moved(x._array)
    x.node.order = versions.tick()
