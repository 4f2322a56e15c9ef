"""Tests of elementwise functions against PyTorch, kinks included; comparisons and argmax."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from kernels.bounds import rounding, within
from kernels.verify.arrays import integers, normal, rngs
from minidl import Tensor, backward
from minidl import functional as F

torch = pytest.importorskip("torch")

from tests.minidl.torch_elements import ELEMENTS, ONES_OF_ITS_OWN, Element  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
FAR = [-60.0, -21.0, 19.0, 21.0, 60.0]


def points(dtype: Any, rng: np.random.Generator) -> np.ndarray:
    """Halves around 0, where the kinks and steps are, and values far from it; none is 0.5."""
    near = integers((20,), rng, dtype) / dtype(2)
    return np.concatenate([near, np.array([-3.0, 3.0, 6.0, 0.0, *FAR], dtype)])


def ours(element: Element, x: np.ndarray, gy: np.ndarray, v: np.ndarray) -> list[np.ndarray]:
    """y, its gradient under gy, and the gradient of <v, gradient>."""
    t = Tensor(x, True)
    y = element.ours(t)
    (first,) = backward(y, Tensor(gy), inputs=t, create_graph=True)
    if not first.requires_grad:
        return [y.data, first.data, np.zeros_like(x)]
    return [y.data, first.data, backward(F.sum(first * v), inputs=t)[0].data]


def theirs(element: Element, x: np.ndarray, gy: np.ndarray, v: np.ndarray) -> list[np.ndarray]:
    """The same by PyTorch; 0 for a second derivative that it has not."""
    t = torch.tensor(x, requires_grad=True)
    y = element.theirs(t)
    (first,) = torch.autograd.grad(y, t, torch.tensor(gy), create_graph=True)
    second = torch.zeros_like(t)
    if element.second and first.requires_grad:
        product = (first * torch.tensor(v)).sum()
        (second,) = torch.autograd.grad(product, t, materialize_grads=True)
    return [each.detach().numpy(force=True) for each in (y, first, second)]


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ELEMENTS)
@given(rng=rngs)
def test_elementwise_functions_equal_pytorchs(
    name: str, dtype: Any, rng: np.random.Generator
) -> None:
    element, x = ELEMENTS[name], points(dtype, rng)
    x = x[x != 0] if name == "reciprocal" else x
    gy, v = normal(x.shape, rng, dtype), normal(x.shape, rng, dtype)
    results, expected = ours(element, x, gy, v), theirs(element, x, gy, v)
    terms = element.magnitudes(x.astype(np.float64))
    scales = 1, np.abs(gy), np.abs(gy * v)
    for result, reference, term, scale in zip(results, expected, terms, scales, strict=True):
        assert result.dtype == reference.dtype == dtype
        # At most three function values of 4 ulp and four products on either side.
        absolute = term * scale + 0 * x
        bound = 2 * rounding(24, absolute, dtype) + element.least_eps * absolute
        assert within(result, reference, bound)


@pytest.mark.parametrize("name", sorted(ONES_OF_ITS_OWN - {"argmax"}))
@given(rng=rngs)
def test_comparisons_equal_pytorchs(name: str, rng: np.random.Generator) -> None:
    a, b = integers((3, 1, 4), rng, np.float32), integers((2, 1), rng, np.float32)
    a[0, 0, 0] = np.nan
    found = getattr(F, name)(Tensor(a), Tensor(b))
    assert found.dtype == bool
    assert np.array_equal(found, getattr(torch, name)(torch.tensor(a), torch.tensor(b)).numpy())
    assert np.array_equal(
        getattr(F, name)(Tensor(a), 1.0), getattr(torch, name)(torch.tensor(a), 1.0)
    )


@pytest.mark.parametrize("dim", [None, 0, -1])
@pytest.mark.parametrize("keepdim", [False, True])
@given(rng=rngs)
def test_argmax_equals_pytorchs(dim: int | None, keepdim: bool, rng: np.random.Generator) -> None:
    x = rng.permutation(12).reshape(3, 4).astype(np.float32)  # (12,) -> (3,4), all different
    found = F.argmax(Tensor(x), dim, keepdim)
    expected = torch.argmax(torch.tensor(x), dim, keepdim).numpy()
    assert np.array_equal(found, expected) and found.shape == expected.shape
    x[1, 2] = np.nan
    assert np.array_equal(F.argmax(Tensor(x), dim), torch.argmax(torch.tensor(x), dim).numpy())
