"""Functions with a backward pass of the user's, under PyTorch's name `autograd.Function`."""

from __future__ import annotations

from typing import Any

from minidl.recording import no_grad
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record


class Context:
    """What a forward pass keeps for its backward pass: tensors, and any attributes."""

    saved_tensors: tuple[Any, ...] = ()
    needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs or the output; others as attributes."""
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Nothing: tensors of integers have no gradient."""


class Function:
    """A subclass has static methods `forward(ctx, *arguments)`, which returns one Tensor, and
    `backward(ctx, gy)`, which returns a gradient, or None, for each argument. `apply` calls it.

    `backward` is computed with the functions of this package: of tensors that were saved the
    derivative of any order follows.
    """

    @staticmethod
    def forward(ctx: Any, *arguments: Any, **named: Any) -> Tensor:
        """The result; recording is off meanwhile."""
        raise NotImplementedError("a subclass of Function defines forward(ctx, ...)")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradients of the arguments."""
        raise NotImplementedError("a subclass of Function defines backward(ctx, gy)")

    @classmethod
    def apply(cls, *arguments: Any) -> Tensor:
        """The function's result, on the tape; TypeError unless it is one Tensor."""
        ctx = Context()
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in arguments)
        with no_grad():
            result = cls.forward(ctx, *arguments)
        if not isinstance(result, Tensor):
            raise TypeError(
                f"{cls.__name__}.apply: forward must return one Tensor, got {type(result).__name__}"
            )
        inputs = [a for a in arguments if isinstance(a, Tensor)]
        out = record("function", result._array, inputs, call=_Call(cls, ctx, arguments))
        ctx.saved_tensors = tuple(out if t is result else t for t in ctx.saved_tensors)
        return out


class _Call:
    """A function's backward pass, and which of its arguments are tensors."""

    def __init__(self, kind: type[Function], ctx: Context, arguments: tuple[Any, ...]) -> None:
        self.kind, self.ctx = kind, ctx
        self.tensors = [isinstance(a, Tensor) for a in arguments]

    def __call__(self, gy: Tensor) -> list[Any]:
        found = self.kind.backward(self.ctx, gy)
        given = list(found) if isinstance(found, tuple | list) else [found]
        if len(given) < len(self.tensors):
            raise ValueError(
                f"{self.kind.__name__}.backward: returned {len(given)} gradients for "
                f"{len(self.tensors)} arguments; None stands for one without"
            )
        return [g for g, is_tensor in zip(given, self.tensors, strict=False) if is_tensor]


@gradient.rule("function")
def _function(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> list[Tensor | None]:
    made = node.saved["call"](gy)
    for g, x, need in zip(made, node.inputs, needs, strict=True):
        if need and g is not None and g.shape != x.shape:
            raise ValueError(
                f"{node.saved['call'].kind.__name__}.backward: the gradient {g.shape} is not of "
                f"its argument's shape {x.shape}"
            )
    return [g if need else None for g, need in zip(made, needs, strict=True)]
