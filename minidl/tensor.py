"""Tensors, and the tape that remembers how each was computed.

A Tensor is an array and the node that made it. A node names its operation and keeps its inputs and
what the operation saved. `backward` walks the nodes from the last to the first and hands each to a
table of rules, which turns the cotangent of the node's output into cotangents of its inputs. The
table of calculus is `rules.gradient`; another table gives another walk: the deconvnet.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

import kernels
from minidl import rules as rules_module

if TYPE_CHECKING:
    from minidl.rules import Rules

_recording: ContextVar[bool] = ContextVar("recording", default=True)
_order = itertools.count()


class Node:
    """One operation on the tape: its name, its inputs, what it saved for the way back."""

    __slots__ = ("inputs", "operation", "order", "saved", "versions")

    def __init__(self, operation: str, inputs: tuple[Tensor, ...], saved: dict[str, Any]) -> None:
        self.operation = operation
        self.inputs = inputs
        self.saved = saved
        self.versions = tuple(t.version for t in inputs)
        self.order = next(_order)

    def check_unchanged(self) -> None:
        """RuntimeError if an input was written to after this node used it."""
        for position, (tensor, version) in enumerate(zip(self.inputs, self.versions, strict=True)):
            if tensor.version != version:
                raise RuntimeError(
                    f"backward: input {position} of {self.operation}, shape {tensor.shape}, was "
                    "changed in place after the forward pass; run the forward pass again first"
                )


class Tensor:
    """An array of float32 or float64 on a tape.

    data:          the array; of any shape and strides.
    requires_grad: whether `backward` leaves a gradient in `.grad` (same shape) when this is a leaf.
    Raises TypeError for data of another type.
    """

    __slots__ = ("__weakref__", "_version", "data", "grad", "node", "requires_grad")
    __array_priority__ = 1000.0  # NumPy's operators leave mixed expressions to ours

    def __init__(
        self, data: Any, requires_grad: bool = False, *, dtype: DTypeLike | None = None
    ) -> None:
        self.data = _as_float_array(data, dtype)
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self.node: Node | None = None
        self._version = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def size(self) -> int:
        return self.data.size

    @property
    def dtype(self) -> np.dtype:
        return self.data.dtype

    @property
    def device(self) -> str:
        return kernels.device_of(self.data)

    @property
    def version(self) -> int:
        """How often the data was changed in place; the tape refuses stale values."""
        return self._version

    @property
    def T(self) -> Tensor:
        return F.transpose(self)

    def assign(self, data: np.ndarray) -> None:
        """Overwrite the values in place; ValueError if the shape differs."""
        if data.shape != self.shape:
            raise ValueError(f"assign: {data.shape} does not fit the tensor's {self.shape}")
        self.data[...] = data
        self._version += 1

    def detach(self) -> Tensor:
        """The same data off the tape."""
        return Tensor(self.data)

    def numpy(self) -> np.ndarray:
        return self.data

    def item(self) -> float:
        return float(self.data.item())

    def __repr__(self) -> str:
        made = f", made by {self.node.operation}" if self.node else ""
        return f"Tensor({self.data!r}{made})"

    def __len__(self) -> int:
        return len(self.data)

    def backward(
        self,
        cotangent: Tensor | np.ndarray | None = None,
        *,
        rules: Rules | None = None,
        inputs: Sequence[Tensor] | None = None,
        create_graph: bool = False,
    ) -> tuple[Tensor, ...]:
        """Walk the tape backward from this tensor; see `minidl.tensor.backward`."""
        return backward(self, cotangent, rules=rules, inputs=inputs, create_graph=create_graph)

    def __add__(self, other: Operand) -> Tensor:
        return F.add(self, other)

    def __radd__(self, other: Operand) -> Tensor:
        return F.add(other, self)

    def __sub__(self, other: Operand) -> Tensor:
        return F.subtract(self, other)

    def __rsub__(self, other: Operand) -> Tensor:
        return F.subtract(other, self)

    def __mul__(self, other: Operand) -> Tensor:
        return F.multiply(self, other)

    def __rmul__(self, other: Operand) -> Tensor:
        return F.multiply(other, self)

    def __truediv__(self, other: Operand) -> Tensor:
        return F.divide(self, other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return F.divide(other, self)

    def __neg__(self) -> Tensor:
        return F.negate(self)

    def __pow__(self, exponent: float) -> Tensor:
        return F.power(self, exponent)

    def __matmul__(self, other: Tensor) -> Tensor:
        return F.matmul(self, other)

    def __getitem__(self, index: Any) -> Tensor:
        return F.getitem(self, index)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return F.sum(self, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return F.mean(self, axis, keepdims)

    def reshape(self, *shape: int) -> Tensor:
        return F.reshape(self, shape)

    def transpose(self, *axes: int) -> Tensor:
        return F.transpose(self, axes or None)

    def relu(self) -> Tensor:
        return F.relu(self)


Operand = Tensor | np.ndarray | float
Axis = int | tuple[int, ...] | None


def record(operation: str, data: np.ndarray, inputs: Sequence[Tensor], **saved: Any) -> Tensor:
    """The tensor that an operation returns; on the tape if an input is and recording is on."""
    out = Tensor(data)
    if _recording.get() and any(t.requires_grad for t in inputs):
        out.requires_grad = True
        out.node = Node(operation, tuple(inputs), saved)
    return out


def is_recording() -> bool:
    return _recording.get()


@contextmanager
def no_grad() -> Iterator[None]:
    """Within it, nothing is put on the tape."""
    with _record(False):
        yield


@contextmanager
def _record(on: bool) -> Iterator[None]:
    token = _recording.set(on)
    try:
        yield
    finally:
        _recording.reset(token)


def backward(
    output: Tensor,
    cotangent: Tensor | np.ndarray | None = None,
    *,
    rules: Rules | None = None,
    inputs: Sequence[Tensor] | None = None,
    create_graph: bool = False,
) -> tuple[Tensor, ...]:
    """Carry `cotangent` from `output` back to the leaves, or to `inputs` only.

    cotangent:    same shape as `output`; may be left out for a scalar (then 1).
    rules:        the table that each node is handed to; `minidl.rules.gradient` by default.
    inputs:       with it, only what leads to these tensors (leaves or not) is computed, their
                  cotangents are returned, zeros where nothing leads, and no `.grad` is touched.
    create_graph: put the walk itself on the tape, for derivatives of higher order.
    Raises ValueError for a cotangent of another shape, RuntimeError for a tensor off the tape.
    """
    table = rules_module.gradient if rules is None else rules
    start = _check_cotangent(output, cotangent)
    targets = None if inputs is None else {_key(t) for t in inputs}
    nodes, needed = _nodes_to_walk(output, targets)
    cotangents: dict[Any, Tensor] = {_key(output): start}
    with _record(create_graph):
        for node in reversed(nodes):
            keep = targets is not None and node in targets
            gy = cotangents.get(node) if keep else cotangents.pop(node, None)
            if gy is not None:
                _walk_node(node, gy, table, needed, cotangents)
    if inputs is None:
        _accumulate_leaves(cotangents)
        return ()
    return tuple(
        cotangents[_key(t)] if _key(t) in cotangents else Tensor(np.zeros_like(t.data))
        for t in inputs
    )


def _walk_node(
    node: Node, gy: Tensor, table: Rules, needed: set[Any], cotangents: dict[Any, Tensor]
) -> None:
    """Add what one node's rule makes of `gy` to the cotangents of the node's inputs."""
    node.check_unchanged()
    needs = tuple(_key(t) in needed for t in node.inputs)
    made = table[node.operation](node, gy, needs)
    for tensor, need, gx in zip(node.inputs, needs, made, strict=True):
        if need and gx is not None:
            key = _key(tensor)
            cotangents[key] = cotangents[key] + gx if key in cotangents else gx


def _nodes_to_walk(output: Tensor, targets: set[Any] | None) -> tuple[list[Node], set[Any]]:
    """The nodes between `output` and the targets in order, and the keys of all that lead there.

    Without targets the leaves that require a gradient are the targets.
    """
    if not output.requires_grad:
        raise RuntimeError(
            f"backward: the tensor of shape {output.shape} is not on the tape: nothing that it was "
            "computed from requires a gradient, or it was computed under no_grad"
        )
    seen: set[Node] = set()
    stack = [output.node] if output.node else []
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(t.node for t in node.inputs if t.node is not None)
    nodes = sorted(seen, key=lambda node: node.order)
    needed: set[Any] = set(targets or ())
    for node in nodes:
        for tensor in node.inputs:
            if targets is None and tensor.node is None and tensor.requires_grad:
                needed.add(tensor)
        if any(_key(t) in needed for t in node.inputs):
            needed.add(node)
    if targets is None and output.node is None:
        needed.add(output)
    return [node for node in nodes if any(_key(t) in needed for t in node.inputs)], needed


def _key(tensor: Tensor) -> Any:
    """What cotangents are kept under: a node has one output, a leaf is its own."""
    return tensor.node or tensor


def _accumulate_leaves(cotangents: dict[Any, Tensor]) -> None:
    for leaf, g in cotangents.items():
        if isinstance(leaf, Tensor):
            leaf.grad = g if leaf.grad is None else leaf.grad + g


def _check_cotangent(output: Tensor, cotangent: Tensor | np.ndarray | None) -> Tensor:
    if cotangent is None:
        if output.size != 1:
            raise ValueError(
                f"backward: a tensor of shape {output.shape} needs a cotangent of that shape; "
                "only a scalar may go without"
            )
        return Tensor(np.ones_like(output.data))
    given = cotangent if isinstance(cotangent, Tensor) else Tensor(cotangent)
    if given.shape != output.shape or given.dtype != output.dtype:
        raise ValueError(
            f"backward: the cotangent is {given.dtype} {given.shape}, the tensor "
            f"{output.dtype} {output.shape}; they must be alike"
        )
    return given


def _as_float_array(data: Any, dtype: DTypeLike | None) -> np.ndarray:
    if isinstance(data, np.ndarray | np.generic) and dtype is None:
        array = np.asarray(data)
    else:
        array = np.asarray(data, dtype=np.float32 if dtype is None else dtype)
    if array.dtype not in kernels.memory.FLOATS:
        raise TypeError(
            f"Tensor: holds float32 or float64, got {array.dtype} of shape {array.shape}; "
            "convert it with .astype(np.float32)"
        )
    return array


# At the bottom: the functions are built on the class above, its operators on the functions.
from minidl import functional as F  # noqa: E402
