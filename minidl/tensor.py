"""Tensors, and the tape of the operations that computed them.

A Tensor is an array (`stored.py`) and the node that computed it (`tape.py`). A node has the name of
its operation, its inputs, and the values that the operation saved. `backward` visits the nodes from
the last to the first. For each it looks up the operation's rule in a table; the rule maps the
cotangent of the node's output to cotangents of its inputs. The table of the gradient is
`rules.gradient`. With another table the same pass is another method: the deconvnet. Operators and
methods are in `methods/`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import DTypeLike

from minidl import device as devices
from minidl.methods import Methods
from minidl.methods.operators import Axis
from minidl.stored import float_array
from minidl.tape import TapeNode, for_tape, is_recorded

__all__ = [
    "Axis", "Functions", "Node", "Operand", "Rule", "RuleTable", "Tensor",
    "for_tape", "plain", "record", "record_view",
]  # fmt: skip


class Node(TapeNode["Tensor"]):
    """One operation on the tape: its name, its inputs, the values saved for the backward pass."""

    __slots__ = ()


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


class Tensor(Methods["Tensor"]):
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

    __slots__ = ("grad", "node", "requires_grad")
    __array_priority__ = 1000.0  # in mixed expressions Tensor's operators take precedence

    def __init__(
        self, data: Any, requires_grad: bool = False, *, dtype: DTypeLike | None = None
    ) -> None:
        self._array = float_array(data, dtype)
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self.node: Node | None = None
        self._guard = None
        self._replaced = 0

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

    def detach(self) -> Tensor:
        """The same data off the tape."""
        return plain(self._array)._guarded_as(self)

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


Operand = Tensor | np.ndarray | float
Rule = Callable[[Node, Tensor, tuple[bool, ...]], Sequence[Tensor | None]]
"""From a node, its output's cotangent, and a flag for each input that needs one, to cotangents of
the inputs."""


def record(operation: str, data: np.ndarray, inputs: Sequence[Tensor], **saved: Any) -> Tensor:
    """An operation's result as a tensor; on the tape if an input is and recording is on."""
    out = plain(data if devices.is_array(data) else np.asarray(data))
    if is_recorded(inputs):
        out.requires_grad = True
        out.node = Node(operation, tuple(inputs), saved)
    return out


def plain(array: np.ndarray) -> Tensor:
    """A tensor off the tape with an array of any type: integers and bools too."""
    out = Tensor.__new__(Tensor)
    out._array, out._guard, out._replaced = array, None, 0
    out.requires_grad, out.grad, out.node = False, None, None
    return out


def record_view(operation: str, data: np.ndarray, x: Tensor, **saved: Any) -> Tensor:
    """The same for an operation whose result may be a view of its input x."""
    return record(operation, data, (x,), **saved)._guarded_as(x)
