"""Gradient check: `backward` against finite differences, for any function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from minidl.backward_pass import backward
from minidl.functional import concatenate, reshape
from minidl.functional import sum as tensor_sum
from minidl.tensor import Tensor


@dataclass(frozen=True)
class VjpCheck:
    """Result of a check: two values of <cotangent, derivative direction> and their bound."""

    analytic: float
    numeric: float
    bound: float

    @property
    def passed(self) -> bool:
        # `not >` would let NaN pass; `<=` rejects it.
        return bool(abs(self.analytic - self.numeric) <= self.bound)


def check_vjp(
    function: Callable[..., Tensor],
    *arrays: np.ndarray,
    rng: np.random.Generator,
    order: int = 1,
    step: float = 1e-4,
) -> VjpCheck:
    """Compare `backward` through `function` with finite differences, in float64.

    function: takes as many Tensors as there are `arrays` and returns one; smooth near them (keep
              kinks such as ReLU's further than `step` away).
    order:    1 checks the gradient, 2 the gradient of the gradient (`create_graph`).

    With a random direction d and a random cotangent u, <u, f(x + h d) - f(x - h d)> / 2h at h and
    h / 2 are combined so that the error in h^2 cancels (Richardson). The remaining error, of order
    h^4 and of rounding over h, is estimated from the difference of the two. Raises AssertionError
    with both numbers if they disagree, TypeError unless every array is float64, ValueError for
    another order.
    """
    if any(a.dtype != np.float64 for a in arrays):
        raise TypeError(f"check_vjp needs float64, got {[str(a.dtype) for a in arrays]}")
    if order not in (1, 2):
        raise ValueError(f"check_vjp: order must be 1 or 2, got {order}")
    for _ in range(order - 1):
        function, arrays = _gradient_of(function, arrays, rng)
    result = _compare(function, arrays, rng, step)
    if not result.passed:
        raise AssertionError(
            f"check_vjp (order {order}): backward gives {result.analytic!r}, finite differences "
            f"{result.numeric!r}; they may differ by {result.bound:.3g}"
        )
    return result


def _compare(
    function: Callable[..., Tensor],
    arrays: Sequence[np.ndarray],
    rng: np.random.Generator,
    step: float,
) -> VjpCheck:
    inputs = [Tensor(a.copy(), requires_grad=True) for a in arrays]
    y = function(*inputs)
    u = rng.standard_normal(y.shape)
    directions = [rng.standard_normal(a.shape) for a in arrays]
    gradients = (
        backward(y, u, inputs=inputs) if y.requires_grad else [Tensor(a * 0) for a in arrays]
    )
    terms = [g.data * d for g, d in zip(gradients, directions, strict=True)]

    def along(h: float) -> float:
        return float(np.sum(u * function(*_moved(arrays, directions, h)).data))

    def slope(h: float) -> float:
        return (along(h) - along(-h)) / (2 * h)

    coarse, fine = slope(step), slope(step / 2)
    numeric = (4 * fine - coarse) / 3
    # Rounding of f, multiplied by 1/h, and the h^4 term, bounded by a part of the h^2 term.
    scale = float(np.sum(np.abs(u * y.data))) + sum(float(np.abs(t).sum()) for t in terms)
    bound = 64 * np.finfo(np.float64).eps * scale / step + 0.1 * abs(fine - coarse)
    return VjpCheck(float(sum(t.sum() for t in terms)), numeric, bound)


def _moved(
    arrays: Sequence[np.ndarray], directions: Sequence[np.ndarray], h: float
) -> list[Tensor]:
    return [Tensor(a + h * d, requires_grad=True) for a, d in zip(arrays, directions, strict=True)]


def _gradient_of(
    function: Callable[..., Tensor], arrays: Sequence[np.ndarray], rng: np.random.Generator
) -> tuple[Callable[..., Tensor], tuple[np.ndarray, ...]]:
    """x, u -> the vjp's outputs, flat and concatenated: a function whose gradient is second order.

    If they were summed here they could cancel, and the bound would not include their size.
    """
    y = function(*(Tensor(a) for a in arrays))

    def vjp(*tensors: Tensor) -> Tensor:
        *inputs, u = tensors
        # The product adds a new node: a function may return its input itself.
        product = tensor_sum(function(*inputs) * u)
        gradients = backward(product, inputs=inputs, create_graph=True)
        return concatenate([reshape(g, (-1,)) for g in gradients], 0)

    return vjp, (*arrays, rng.standard_normal(y.shape))
