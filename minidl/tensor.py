"""Tensors, and the tape of the operations that computed them.

A Tensor is an array and the node that computed it. A node has the name of its operation, its
inputs, and the values that the operation saved. `backward` visits the nodes from the last to the
first. For each it looks up the operation's rule in a table; the rule maps the cotangent of the
node's output to cotangents of its inputs. The table of the gradient is `rules.gradient`. With
another table the same pass is another method: the deconvnet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import DTypeLike

from kernels.contract import memory
from minidl import device as devices
from minidl import versions
from minidl.recording import is_recording


class Node:
    """One operation on the tape: its name, its inputs, the values saved for the backward pass."""

    __slots__ = ("inputs", "operation", "order", "saved")

    def __init__(self, operation: str, inputs: tuple[Tensor, ...], saved: dict[str, Any]) -> None:
        self.operation = operation
        self.inputs = inputs
        self.saved = saved
        self._look()
        self.order = versions.tick()

    def with_saved(self, **changed: Any) -> Node:
        """A copy of the node, off the tape, with other saved values."""
        return Node(self.operation, self.inputs, {**self.saved, **changed})

    def check_unchanged(self) -> None:
        """RuntimeError if memory of an input or a saved array was written to after this node."""
        self._look()
        if versions.unchanged_since(self.order):
            return
        for position, tensor in enumerate(self.inputs):
            if tensor.changed > self.order:
                raise self._stale(f"input {position}", tensor.shape)
        for name, value in self.saved.items():
            for array in value if isinstance(value, tuple) else (value,):
                if devices.is_array(array) and versions.last_write(array) > self.order:
                    raise self._stale(f"the saved {name}", array.shape)

    def _look(self) -> None:
        for tensor in self.inputs:
            if tensor._guard is not None:
                tensor._guard.look()

    def _stale(self, what: str, shape: tuple[int, ...]) -> RuntimeError:
        return RuntimeError(
            f"backward: {what} of {self.operation}, shape {shape}, was changed in place after the "
            "forward pass; run the forward pass again first"
        )


class RuleTable(Protocol):
    """A rule for each operation, by the operation's name: `minidl.rules.Rules`."""

    def __getitem__(self, operation: str, /) -> Rule: ...


@dataclass(frozen=True)
class Functions:
    """The functions that Tensor's operators and methods call.

    They are built on Tensor, so this module cannot import them. `minidl/operators.py` imports both
    and installs them.
    """

    add: Callable[[Operand, Operand], Tensor]
    subtract: Callable[[Operand, Operand], Tensor]
    multiply: Callable[[Operand, Operand], Tensor]
    divide: Callable[[Operand, Operand], Tensor]
    negate: Callable[[Tensor], Tensor]
    power: Callable[[Tensor, float], Tensor]
    matmul: Callable[[Tensor, Tensor], Tensor]
    relu: Callable[[Tensor], Tensor]
    sum: Callable[[Tensor, Axis, bool], Tensor]
    mean: Callable[[Tensor, Axis, bool], Tensor]
    reshape: Callable[[Tensor, Sequence[int]], Tensor]
    transpose: Callable[[Tensor, Sequence[int] | None], Tensor]
    getitem: Callable[[Tensor, Any], Tensor]
    to: Callable[[Tensor, str], Tensor]
    backward: Callable[..., tuple[Tensor, ...]]


class Tensor:
    """An array of float32 or float64 on a tape.

    data:          the array; of any shape and strides, on any device (`minidl.device`). It is
                   shared, not copied.
    requires_grad: with it `backward` accumulates a gradient in `.grad` (same shape) of a leaf.
    Raises TypeError for data of another type.

    A write that the tape has to know of is one through `assign` or `data = ...` (`data *= 2` too)
    of any tensor that shares the memory: the backward pass then refuses values that were saved
    before it. NumPy's writes into the array itself are noticed for parameters (`minidl.versions`).
    """

    functions: ClassVar[Functions]
    is_parameter: ClassVar[bool] = False
    """True for `nn.Parameter`, whose every change is noticed."""

    __slots__ = ("__weakref__", "_array", "_guard", "_replaced", "grad", "node", "requires_grad")
    __array_priority__ = 1000.0  # in mixed expressions Tensor's operators take precedence

    def __init__(
        self, data: Any, requires_grad: bool = False, *, dtype: DTypeLike | None = None
    ) -> None:
        self._array = _as_float_array(data, dtype)
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self.node: Node | None = None
        self._guard: versions.Guard | None = None
        self._replaced = 0

    @property
    def data(self) -> np.ndarray:
        return self._array if self._guard is None else self._handed_out()

    @data.setter
    def data(self, data: np.ndarray) -> None:
        if self._is_own(data):
            self._wrote()
            return
        self._array, self._guard = _as_float_array(data, None), None
        self._replaced = versions.changed()
        self._guard_memory()

    def _guard_memory(self) -> None:
        """Nothing: only a parameter's memory has a guard."""

    def _handed_out(self) -> np.ndarray:
        """The array, of whose memory the guard knows from here on that others may write to it.

        The engine's own functions, which note their writes, use `_array`.
        """
        assert self._guard is not None
        handed: np.ndarray = self._guard.handed(self._array)
        if self._array is not self._guard.array:
            self._array = handed
        return handed

    def _is_own(self, array: object) -> bool:
        return array is self._array or (self._guard is not None and array is self._guard.owner)

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, whose memory is their own."""
        return {
            "array": self.data, "requires_grad": self.requires_grad, "grad": self.grad,
            "node": self.node, "replaced": self._replaced,
        }  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._array, self._guard = state["array"], None
        self.requires_grad, self.grad, self.node = (
            state[name] for name in ("requires_grad", "grad", "node")
        )
        self._replaced = state["replaced"]
        self._guard_memory()

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def size(self) -> int:
        return self._array.size

    @property
    def dtype(self) -> np.dtype:
        return self._array.dtype

    @property
    def device(self) -> str:
        """The device of the data: "cpu", "cuda" or "emulator"."""
        return devices.of(self._array)

    @property
    def changed(self) -> int:
        """The time of the last change that was noted, on the clock of `minidl.versions`."""
        if self._guard is None:
            return max(self._replaced, versions.last_write(self._array))
        return max(self._replaced, self._guard.last_write())

    @property
    def version(self) -> int:
        """A number that every change of the values raises: the time of the last one.

        Of a parameter NumPy's writes count too; of another tensor only those that are noted.
        """
        if self._guard is not None:
            self._guard.look()
        return self.changed

    @property
    def T(self) -> Tensor:
        return self.transpose()

    def assign(self, data: np.ndarray) -> None:
        """Overwrite the values in place, from any device; ValueError if the shape differs.

        With the tensor's own array, already changed, this only counts the change.
        """
        if not devices.is_array(data):
            raise TypeError(f"assign: takes an array, got a {type(data).__name__}")
        if data.shape != self.shape:
            raise ValueError(f"assign: {data.shape} does not fit the tensor's {self.shape}")
        if not self._is_own(data):
            self._array[...] = devices.like(data, self._array)
        self._wrote()

    def _wrote(self) -> None:
        """Note a write into the memory, for all tensors that share it."""
        if self._guard is None:
            versions.wrote(self._array)
        else:
            self._guard.wrote()

    def detach(self) -> Tensor:
        """The same data off the tape."""
        return _relative(Tensor(self._array), self)

    def to(self, device: str) -> Tensor:
        """The same values on `device`, on the tape; this tensor itself if it is there already."""
        return self.functions.to(self, device)

    def numpy(self) -> np.ndarray:
        """The data on the CPU: the tensor's own array if it is there already, else a copy."""
        return devices.host(self.data)

    def item(self) -> float:
        """The one value as a number; ValueError if there are several."""
        return float(devices.host(self._array).item())

    def __repr__(self) -> str:
        made = f", made by {self.node.operation}" if self.node else ""
        return f"Tensor({self._array!r}{made})"

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        """The rows x[0], x[1], ...; TypeError without an axis."""
        if self.ndim == 0:
            raise TypeError("a Tensor without axes has no rows; .item() is its value")
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        """Whether the one value is not 0; ValueError if there are several or none."""
        if self.size != 1:
            raise ValueError(
                f"a Tensor of shape {self.shape} is neither true nor false: it has {self.size} "
                "values; .data.any() and .data.all() are bools"
            )
        return bool(self.item())

    def __eq__(self, other: object) -> Any:
        """Elementwise, an array of bool, as in PyTorch; `is` compares the tensors themselves."""
        return self._compared(other, np.equal)

    def __ne__(self, other: object) -> Any:
        """Elementwise, an array of bool."""
        return self._compared(other, np.not_equal)

    def __hash__(self) -> int:
        """By identity: two tensors of one value are two keys of a dictionary."""
        return id(self)

    def __contains__(self, value: object) -> bool:
        """Whether an element equals the value."""
        equal = self == value
        return bool(equal.any())

    def _compared(self, other: object, comparison: np.ufunc) -> Any:
        values = other._array if isinstance(other, Tensor) else other
        if not devices.is_array(values) and not isinstance(values, int | float | np.generic):
            return NotImplemented
        return comparison(self._array, values)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        """The data for NumPy's functions, which know no tape and no device.

        TypeError for a tensor that is on the tape or requires a gradient, or on another device.
        """
        if self.requires_grad or self.device != "cpu":
            why = "requires a gradient" if self.requires_grad else f"is on {self.device!r}"
            raise TypeError(
                f"a Tensor of shape {self.shape} that {why} is no array for NumPy: use the "
                "functions of minidl, or its values by .numpy()"
            )
        return np.array(self.data, dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        """The data for other libraries, without a copy (`minidl.exchange`); the options are the
        array API standard's. BufferError for a tensor that requires a gradient, or emulated."""
        if self.requires_grad or self.device == "emulator":
            why = "requires a gradient" if self.requires_grad else "is on the emulator"
            raise BufferError(
                f"a Tensor of shape {self.shape} that {why} is not handed out: share .detach(), or "
                "its values by .numpy()"
            )
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """DLPack's kind and number of the data's device."""
        kind, number = self._array.__dlpack_device__()
        return int(kind), int(number)

    def backward(
        self,
        cotangent: Tensor | np.ndarray | None = None,
        *,
        rules: RuleTable | None = None,
        inputs: Sequence[Tensor] | Tensor | None = None,
        create_graph: bool = False,
    ) -> tuple[Tensor, ...]:
        """The backward pass from this tensor; see `minidl.backward_pass.backward`."""
        return self.functions.backward(
            self, cotangent, rules=rules, inputs=inputs, create_graph=create_graph
        )

    def __add__(self, other: Operand) -> Tensor:
        return self.functions.add(self, other)

    def __radd__(self, other: Operand) -> Tensor:
        return self.functions.add(other, self)

    def __sub__(self, other: Operand) -> Tensor:
        return self.functions.subtract(self, other)

    def __rsub__(self, other: Operand) -> Tensor:
        return self.functions.subtract(other, self)

    def __mul__(self, other: Operand) -> Tensor:
        return self.functions.multiply(self, other)

    def __rmul__(self, other: Operand) -> Tensor:
        return self.functions.multiply(other, self)

    def __truediv__(self, other: Operand) -> Tensor:
        return self.functions.divide(self, other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return self.functions.divide(other, self)

    def __neg__(self) -> Tensor:
        return self.functions.negate(self)

    def __pow__(self, exponent: float) -> Tensor:
        return self.functions.power(self, exponent)

    def __matmul__(self, other: Tensor) -> Tensor:
        return self.functions.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return self.functions.matmul(other, self)

    def __getitem__(self, index: Any) -> Tensor:
        return self.functions.getitem(self, index)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The sum over `axis` (all axes by default), accumulated in float64."""
        return self.functions.sum(self, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The mean over `axis` (all axes by default)."""
        return self.functions.mean(self, axis, keepdims)

    def reshape(self, *shape: int) -> Tensor:
        """The elements in row-major order as another shape; one size may be -1."""
        return self.functions.reshape(self, shape)

    def transpose(self, *axes: int) -> Tensor:
        """The tensor with its axes in another order, reversed by default."""
        return self.functions.transpose(self, axes or None)

    def relu(self) -> Tensor:
        """max(x, 0), elementwise."""
        return self.functions.relu(self)


Operand = Tensor | np.ndarray | float
Axis = int | tuple[int, ...] | None
Rule = Callable[[Node, Tensor, tuple[bool, ...]], Sequence[Tensor | None]]
"""From a node, its output's cotangent, and a flag for each input that needs one, to cotangents of
the inputs."""


def record(operation: str, data: np.ndarray, inputs: Sequence[Tensor], **saved: Any) -> Tensor:
    """An operation's result as a tensor; on the tape if an input is and recording is on."""
    out = Tensor(data)
    if _is_recorded(inputs):
        out.requires_grad = True
        out.node = Node(operation, tuple(inputs), saved)
    return out


def _is_recorded(inputs: Sequence[Tensor]) -> bool:
    return is_recording() and any(t.requires_grad for t in inputs)


def for_tape(value: Any, *inputs: Tensor) -> Any:
    """A copy of the caller's arrays, which an operation of these inputs saves on the tape, so that
    the caller may change his own; `value` itself if nothing is recorded. Tuples and lists too."""
    return _copied(value) if _is_recorded(inputs) else value


def _copied(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(_copied(part) for part in value)
    return value.copy() if devices.is_array(value) else value


def record_view(operation: str, data: np.ndarray, x: Tensor, **saved: Any) -> Tensor:
    """The same for an operation whose result may be a view of its input x."""
    return _relative(record(operation, data, (x,), **saved), x)


def _relative(view: Tensor, x: Tensor) -> Tensor:
    """`view`, with x's guard if it shares x's memory."""
    if x._guard is not None and x._guard.covers(view._array):
        view._guard = x._guard
    return view


def _as_float_array(data: Any, dtype: DTypeLike | None) -> np.ndarray:
    if isinstance(data, Tensor):
        raise TypeError(
            f"Tensor: got a Tensor of {data.dtype} {data.shape}; .detach() is one of the same data"
        )
    if devices.is_remote(data):
        array = data if dtype is None else data.astype(dtype, copy=False)
    elif isinstance(data, np.ndarray | np.generic) and dtype is None:
        array = np.asarray(data)
    else:
        given = np.asarray(data)
        if given.dtype.kind not in "biuf":  # None would become NaN, and "3" 3
            raise TypeError(f"Tensor: holds numbers, got {data!r:.100} ({type(data).__name__})")
        array = np.asarray(given, dtype=np.float32 if dtype is None else dtype)
    if array.dtype not in memory.FLOATS:
        raise TypeError(
            f"Tensor: holds float32 or float64, got {array.dtype} of shape {array.shape}; "
            "convert it with .astype(np.float32)"
        )
    return array
