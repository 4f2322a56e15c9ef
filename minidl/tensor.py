"""Tensors, and the tape of the operations that computed them.

A Tensor is an array and the node that computed it. A node has the name of its operation, its
inputs, and the values that the operation saved. `backward` visits the nodes from the last to the
first. For each it looks up the operation's rule in a table; the rule maps the cotangent of the
node's output to cotangents of its inputs. The table of the gradient is `rules.gradient`. With
another table the same pass is another method: the deconvnet.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import DTypeLike

from kernels.contract import memory
from minidl import device as devices
from minidl import dtypes, printing, versions
from minidl.handed_array import Count, handed, is_view_of
from minidl.methods import Methods
from minidl.recording import is_recording


class Node:
    """One operation on the tape: its name, its inputs, the values saved for the backward pass."""

    __slots__ = ("inputs", "keys", "operation", "order", "retained", "saved")

    retained: weakref.ref[Tensor]
    """The tensor whose gradient is kept (`retain_grad`); not set without one."""

    def __init__(self, operation: str, inputs: tuple[Tensor, ...], saved: dict[str, Any]) -> None:
        self.operation = operation
        self.inputs = inputs
        # Whose outputs the inputs were then: an operation in place gives a tensor another node.
        self.keys: tuple[Node | Tensor, ...] = tuple([t.node or t for t in inputs])
        self.saved = saved
        self._look()
        if versions.any_moved():
            self._check_places()
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
        return moved and self.operation in VIEWS and tensor._replaced <= self.order

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


VIEWS = frozenset({"getitem", "reshape", "transpose", "broadcast_to"})
"""Operations of whose inputs the rules read the shape alone."""


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
    setitem: Callable[[Tensor, Any, Any], None]
    in_place: Callable[..., Tensor]
    clone: Callable[[Tensor], Tensor]
    cast: Callable[[Tensor, np.dtype], Tensor]
    plain: Callable[[np.ndarray], Tensor]
    library: Any
    """The module `minidl.functional`, for PyTorch's methods (`minidl/methods`)."""
    to: Callable[[Tensor, str], Tensor]
    backward: Callable[..., tuple[Tensor, ...]]


class Tensor(Methods):
    """An array of float32 or float64 on a tape.

    data:          the array; of any shape and strides, on any device (`minidl.device`). It is
                   shared, not copied.
    requires_grad: with it `backward` accumulates a gradient in `.grad` (same shape) of a leaf.
    Raises TypeError for data of another type. Integers and bools, which have no gradient, are held
    by the Tensors that `minidl.tensor`, `from_numpy`, comparisons and argmax make.

    Methods under PyTorch's names are in `minidl/methods`.

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
        """The array, with Tensor's methods where NumPy has none of the name."""
        return handed(self._array) if self._guard is None else self._handed_out()

    @data.setter
    def data(self, data: np.ndarray | Tensor) -> None:
        if isinstance(data, Tensor):
            data = data._array
        if self._is_own(data):
            self._wrote()
            return
        held = devices.is_array(data) and data.dtype.kind in "biu" and self._array.dtype.kind != "f"
        self._array, self._guard = data if held else _as_float_array(data, None), None
        self._replaced = versions.changed()
        self._guard_memory()

    def _guard_memory(self) -> None:
        """Nothing: only a parameter's memory has a guard."""

    def _handed_out(self) -> np.ndarray:
        """The array, of whose memory the guard knows from here on that others may write to it.

        The engine's own functions, which note their writes, use `_array`.
        """
        assert self._guard is not None
        own: np.ndarray = self._guard.handed(self._array)
        if self._array is not self._guard.array:
            self._array = own
        return handed(own)

    def _is_own(self, array: object) -> bool:
        if array is self._array or is_view_of(array, self._array):
            return True
        return self._guard is not None and array is self._guard.owner

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
    def size(self) -> Count:
        """The number of elements; `size()` is the shape, `size(0)` its first number."""
        count = Count(self._array.size)
        count.shape = self._array.shape
        return count

    @property
    def dtype(self) -> np.dtype:
        return self._array.dtype

    @property
    def device(self) -> devices.Device:
        """The device of the data: "cpu", "cuda" or "emulator"."""
        return devices.NAMED[devices.of(self._array)]

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
        return _relative(plain(self._array), self)

    def item(self) -> Any:
        """The one value as Python's number; ValueError if there are several."""
        return devices.host(self._array).item()

    def __repr__(self) -> str:
        return printing.shown(devices.host(self._array), *self._notes())

    def _notes(self) -> Iterator[str]:
        """What is said after the values: the device, the place on the tape."""
        if self.device != "cpu":
            yield f"device={str(self.device)!r}"
        if self.node is not None:
            yield f"grad_fn=<{self.node.operation}>"
        elif self.requires_grad:
            yield "requires_grad=True"

    def __format__(self, spec: str) -> str:
        """The one value in this format; without a format what `str` gives of several."""
        if self.ndim == 0:
            return format(self.item(), spec)
        if not spec:
            return str(self)
        raise TypeError(
            f"a format {spec!r} is for one number, and the Tensor is of shape {self.shape}; "
            ".item() of an element is one"
        )

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("a Tensor without axes has no length; .item() is its value")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        """The rows x[0], x[1], ...; TypeError without an axis."""
        if self.ndim == 0:
            raise TypeError("a Tensor without axes has no rows; .item() is its value")
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        """Whether the one value is not 0; ValueError if there are several or none."""
        if self._array.size != 1:
            raise ValueError(
                f"a Tensor of shape {self.shape} is neither true nor false: it has "
                f"{self._array.size} values; .any() and .all() are one"
            )
        return bool(self.item())

    def __float__(self) -> float:
        return float(self._one_number("float"))

    def __int__(self) -> int:
        return int(self._one_number("int"))

    def __index__(self) -> int:
        """For an integer Tensor of one value: a place in a list, an end of a range."""
        if self.dtype.kind not in "iub" or self.ndim:
            raise TypeError(
                f"only an integer Tensor without axes is an index, got {self.dtype} {self.shape}"
            )
        return int(self.item())

    def _one_number(self, what: str) -> Any:
        if self._array.size != 1:
            raise ValueError(
                f"{what}() is of one value, and a Tensor of shape {self.shape} has "
                f"{self._array.size}; .tolist() has them all"
            )
        return self.item()

    def __eq__(self, other: object) -> Any:
        """Elementwise, a Tensor of bool, as in PyTorch; `is` compares the tensors themselves."""
        return self._compared(other, np.equal)

    def __ne__(self, other: object) -> Any:
        """Elementwise, a Tensor of bool."""
        return self._compared(other, np.not_equal)

    def __lt__(self, other: object) -> Any:
        return self._compared(other, np.less)

    def __le__(self, other: object) -> Any:
        return self._compared(other, np.less_equal)

    def __gt__(self, other: object) -> Any:
        return self._compared(other, np.greater)

    def __ge__(self, other: object) -> Any:
        return self._compared(other, np.greater_equal)

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
        return self._holding(comparison(self._array, values))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        """The data for NumPy's functions, which know no tape and no device.

        TypeError for a tensor that is on the tape or requires a gradient, or on another device.
        """
        if self.requires_grad or devices.is_remote(self._array):
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
        retain_graph: bool | None = None,
    ) -> tuple[Tensor, ...]:
        """The backward pass from this tensor; see `minidl.backward_pass.backward`.

        `retain_graph` is PyTorch's, and changes nothing: the graph lives as long as its output.
        """
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

    def __iadd__(self, other: Operand) -> Tensor:
        return self.functions.in_place(self, self.functions.add, "+=", other, needs_old=False)

    def __isub__(self, other: Operand) -> Tensor:
        return self.functions.in_place(self, self.functions.subtract, "-=", other, needs_old=False)

    def __imul__(self, other: Operand) -> Tensor:
        return self.functions.in_place(self, self.functions.multiply, "*=", other)

    def __itruediv__(self, other: Operand) -> Tensor:
        return self.functions.in_place(self, self.functions.divide, "/=", other)

    def __getitem__(self, index: Any) -> Tensor:
        return self.functions.getitem(self, _plain_index(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        """Overwrite a part in place; the tape notices (`minidl/in_place.py`)."""
        self.functions.setitem(self, _plain_index(index), value)

    def sum(
        self,
        dim: Axis = None,
        keepdim: bool = False,
        *,
        axis: Axis = None,
        keepdims: bool = False,
        dtype: DTypeLike | None = None,
    ) -> Tensor:
        """The sum over `dim` (all axes by default), accumulated in float64; of integers and bools
        in int64. `axis` and `keepdims` are NumPy's names."""
        x = self if dtype is None else self.to(dtype)
        dim, keepdim = dim if axis is None else axis, keepdim or keepdims
        if x._array.dtype.kind != "f":
            return plain(np.asarray(x._array.sum(axis=dim, keepdims=keepdim, dtype=np.int64)))
        return self.functions.sum(x, dim, keepdim)

    def mean(
        self,
        dim: Axis = None,
        keepdim: bool = False,
        *,
        axis: Axis = None,
        keepdims: bool = False,
    ) -> Tensor:
        """The mean over `dim` (all axes by default)."""
        self._require_float("mean")
        return self.functions.mean(self, dim if axis is None else axis, keepdim or keepdims)

    def reshape(self, *shape: Any) -> Tensor:
        """The elements in row-major order as another shape; one size may be -1."""
        sizes = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        return self.functions.reshape(self, sizes)

    def transpose(self, *axes: int) -> Tensor:
        """Two axes exchanged, as in PyTorch; or all in another order, reversed by default.

        Of a matrix `transpose(0, 1)` exchanges its axes.
        """
        if len(axes) == 2:
            order = list(range(self.ndim))
            first, second = self._axes(axes, "transpose")
            order[first], order[second] = order[second], order[first]
            return self.functions.transpose(self, tuple(order))
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
    out = plain(data if devices.is_array(data) else np.asarray(data))
    if _is_recorded(inputs):
        out.requires_grad = True
        out.node = Node(operation, tuple(inputs), saved)
    return out


def plain(array: np.ndarray) -> Tensor:
    """A tensor off the tape with an array of any type: integers and bools too."""
    out = Tensor.__new__(Tensor)
    out._array, out._guard, out._replaced = array, None, 0
    out.requires_grad, out.grad, out.node = False, None, None
    return out


def _plain_index(index: Any) -> Any:
    """The index with arrays in place of Tensors."""
    if isinstance(index, Tensor):
        return index._array
    if isinstance(index, tuple | list) and any(isinstance(part, Tensor) for part in index):
        return type(index)(_plain_index(part) for part in index)
    return index


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
        if dtype is None and given.dtype == np.float16:
            dtypes.check(given.dtype, "Tensor")
        if given.dtype.kind not in "biuf":  # None would become NaN, and "3" 3
            raise TypeError(f"Tensor: holds numbers, got {data!r:.100} ({type(data).__name__})")
        array = np.asarray(given, dtype=np.float32 if dtype is None else dtype)
    if array.dtype not in memory.FLOATS:
        raise TypeError(
            f"Tensor: holds float32 or float64, got {array.dtype} of shape {array.shape}; "
            "convert it with .astype(np.float32)"
        )
    return array
