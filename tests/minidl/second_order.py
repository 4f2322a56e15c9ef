"""Comparison with PyTorch to second order: values, gradients, and gradients of their squares."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from minidl import Tensor
from minidl.backward_pass import backward


def pairs(*shapes: tuple[int, ...]) -> tuple[list[Tensor], list[Any]]:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    ours = [Tensor(a, requires_grad=True) for a in arrays]
    return ours, [torch.tensor(a, requires_grad=True) for a in arrays]


def same_to_second_order(ours: Any, theirs: Any, xs: list[Tensor], ts: list[Any]) -> None:
    """Values, first and second derivatives for a drawn cotangent."""
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-12, atol=1e-12)
    gy = np.random.default_rng(1).standard_normal(ours.shape)
    first = backward(ours, Tensor(gy), inputs=xs, create_graph=True)
    other = of_unused(
        torch.autograd.grad(theirs, ts, torch.tensor(gy), create_graph=True, allow_unused=True), ts
    )
    for a, b in zip(first, other, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-11, atol=1e-12)
    total = sum((g * g).sum() for g in first)
    squares = sum((g * g).sum() for g in other)
    if squares.grad_fn is None:
        return
    second = of_unused(torch.autograd.grad(squares, ts, allow_unused=True), ts)
    if not total.requires_grad:  # constant: nothing that the first derivative depends on
        assert not any(b.any() for b in second)
        return
    for a, b in zip(backward(total, inputs=xs), second, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-11)


def of_unused(gradients: Any, tensors: list[Any]) -> list[Any]:
    """Zeros in place of None, the gradient of a tensor that was not used."""
    pairs = zip(gradients, tensors, strict=True)
    return [torch.zeros_like(t) if g is None else g for g, t in pairs]
