"""Gradients as values, and functions of the user's, as in PyTorch's `autograd`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.backward_pass import backward
from minidl.custom import Function as Function
from minidl.tensor import Tensor


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
) -> tuple[Tensor, ...]:
    """The gradients of the outputs, weighted with `grad_outputs`, with respect to each input.

    only_inputs and allow_unused change nothing: an input on which no output depends has zeros.
    create_graph: record them on the tape, for derivatives of higher order. No `.grad` is changed.
    """
    listed = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    many = isinstance(grad_outputs, list | tuple)
    given = list(grad_outputs) if many else [grad_outputs] * len(listed)
    if len(given) != len(listed):
        raise ValueError(f"grad: {len(listed)} outputs and {len(given)} grad_outputs")
    found: tuple[Tensor, ...] = ()
    for output, cotangent in zip(listed, given, strict=True):
        each = backward(output, cotangent, inputs=inputs, create_graph=create_graph)
        found = each if not found else tuple(a + b for a, b in zip(found, each, strict=True))
    return found
