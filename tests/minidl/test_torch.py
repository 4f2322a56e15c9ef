"""Tests against PyTorch on drawn shapes: forward, backward and double backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import PoolGeometry
from kernels.bounds import eps, rounding, within
from kernels.verify.arrays import dtypes, integers, normal, rngs
from kernels.verify.geometries import pool_geometries
from minidl import Tensor, backward
from minidl import functional as F

torch = pytest.importorskip("torch")

from tests.minidl import (  # noqa: E402  (they need torch, and fill CASES)
    torch_moves,  # noqa: F401
    torch_planes,  # noqa: F401
)
from tests.minidl.torch_calls import TORCH  # noqa: E402
from tests.minidl.torch_cases import CASES, Case  # noqa: E402
from tests.minidl.torch_elements import COMPARED, ONES_OF_ITS_OWN  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread", "one_torch_thread")
Arrays = Sequence[np.ndarray]
ROOT = Path(__file__).resolve().parents[2]
UNARY = {"absolute", "clip", "exp", "log", "negate", "power", "relu", "sigmoid", "sqrt", "tanh"}
PYTORCH_HAS_NOT = {
    "depth_to_space", "dropout", "dropout_mask", "fill_outside", "local_contrast_norm", "resize",
    "space_to_depth", "standardise", "sum_to",
}  # fmt: skip
ELSEWHERE = {
    "adaptive_avg_pool2d", "adaptive_max_pool2d", "batch_norm", "binary_cross_entropy_with_logits",
    "conv1d", "embedding", "l1_loss", "mse_loss", "nll_loss", "one_hot",
}  # fmt: skip
"""Compared in tests/habits/test_expressions.py, by their use."""
NAMES = "minidl/test_torch_names.py"
"""Where those of `torch_calls` are compared, to second order."""
PIECEWISE = {"conv_relu_pool"}
"""Compared with its own steps in test_fused.py: here a rounding could change a maximum's index."""


@pytest.fixture(scope="module")
def one_torch_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def ours(function: Callable[..., Any], arrays: Arrays, gy: np.ndarray, vs: Arrays) -> list[Any]:
    """y; its gradients under gy; and the gradients of <vs, these> for the arrays and for gy."""
    inputs, cotangent = [Tensor(a, True) for a in arrays], Tensor(gy, True)
    y = function(*inputs)
    firsts = backward(y, cotangent, inputs=inputs, create_graph=True)
    mixed = [F.sum(g * v) for g, v in zip(firsts, vs, strict=True)]
    seconds = backward(sum(mixed[1:], mixed[0]), inputs=(*inputs, cotangent))
    return [t.data for t in (y, *firsts, *seconds)]


def theirs(function: Callable[..., Any], arrays: Arrays, gy: np.ndarray, vs: Arrays) -> list[Any]:
    """The same values by PyTorch."""
    inputs = [torch.tensor(a, requires_grad=True) for a in arrays]
    cotangent = torch.tensor(gy, requires_grad=True)
    y = function(*inputs)
    firsts = torch.autograd.grad(y, inputs, cotangent, create_graph=True)
    mixed = sum((g * torch.tensor(v)).sum() for g, v in zip(firsts, vs, strict=True))
    leaves = (*inputs, cotangent)
    seconds = torch.autograd.grad(mixed, leaves, materialize_grads=True)
    return [t.detach().numpy(force=True) for t in (y, *firsts, *seconds)]


def majorants(case: Case, gy: np.ndarray, vs: Arrays) -> list[np.ndarray]:
    function = case.theirs if case.majorant is None else case.majorant
    arrays = [np.asarray(a, np.float64) for a in case.arrays]
    if case.at_magnitudes:
        arrays = [np.abs(a) for a in arrays]
    positive = [np.abs(np.asarray(v, np.float64)) for v in (gy, *vs)]
    return [np.abs(m) for m in theirs(function, arrays, positive[0], positive[1:])]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(CASES))
@given(data=st.data(), rng=rngs)
def test_values_and_two_orders_of_gradients_equal_pytorchs(
    name: str, dtype: Any, data: st.DataObject, rng: np.random.Generator
) -> None:
    case = CASES[name](data.draw, rng, dtype)
    gy = normal(case.ours(*map(Tensor, case.arrays)).shape, rng, dtype)
    vs = [normal(a.shape, rng, dtype) for a in case.arrays]
    results = ours(case.ours, case.arrays, gy, vs)
    expected = theirs(case.theirs, case.arrays, gy, vs)
    for result, reference, majorant in zip(results, expected, majorants(case, gy, vs), strict=True):
        assert result.dtype == reference.dtype == dtype
        bound = 2 * rounding(case.units, majorant, dtype)  # both round
        assert within(result, reference, bound)


def slopes(name: str, x: np.ndarray) -> tuple[Any, Any, Any, Any]:
    """PyTorch's function, and the magnitudes of the value, f' and f'' at x, summed by terms."""
    one, zero = np.ones_like(x), np.zeros_like(x)
    t, s = np.abs(np.tanh(x)), 1 / (1 + np.exp(-x))
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "absolute": (torch.abs, np.abs(x), one, zero),
            "clip": (lambda v: torch.clamp(v, -1, 1), one, one, zero),
            "exp": (torch.exp, np.exp(x), np.exp(x), np.exp(x)),
            "log": (torch.log, np.abs(np.log(x)), 1 / x, 1 / x**2),
            "negate": (torch.neg, np.abs(x), one, zero),
            "power": (lambda v: v**2.5, x**2.5, 2.5 * x**1.5, 3.75 * x**0.5),
            "relu": (torch.relu, np.abs(x), one, zero),
            "sigmoid": (torch.sigmoid, s, s * (1 + s), s * (1 + s) * (1 + 2 * s)),
            "sqrt": (torch.sqrt, x**0.5, 0.5 * x**-0.5, 0.25 * x**-1.5),
            "tanh": (torch.tanh, t, 1 + t**2, 2 * t * (1 + t**2)),
        }[name]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(UNARY))
@given(rng=rngs)
def test_elementwise_functions_equal_pytorchs_kinks_included(
    name: str, dtype: Any, rng: np.random.Generator
) -> None:
    x = integers((4, 5), rng, dtype) / dtype(2)
    x = np.abs(x) + dtype(0.5) if name in ("log", "power", "sqrt") else x
    gy, v = normal(x.shape, rng, dtype), normal(x.shape, rng, dtype)
    options = {"clip": (-1.0, 1.0), "power": (2.5,)}.get(name, ())
    function, value, first, second = slopes(name, x.astype(np.float64))
    results = ours(lambda t: getattr(F, name)(t, *options), [x], gy, [v])
    expected = theirs(function, [x], gy, [v])
    terms = value, np.abs(gy) * first, np.abs(gy * v) * second, np.abs(v) * first
    for result, reference, term in zip(results, expected, terms, strict=True):
        # At most three function values of 4 ulp and four products on either side.
        assert within(result, reference, 2 * rounding(16, term, dtype))


def test_everything_that_pytorch_has_is_compared() -> None:
    # A case of a second form of a function has several words as its name.
    named = {name for name in CASES if name.isidentifier()} | UNARY | COMPARED | ONES_OF_ITS_OWN
    assert named | PYTORCH_HAS_NOT | PIECEWISE | ELSEWHERE | TORCH.keys() == set(F.__all__)
    for names, file in ((ELSEWHERE, "habits/test_expressions.py"), (TORCH, NAMES)):
        text = (ROOT / "tests" / file).read_text("utf-8")
        assert not [name for name in names if f"{name}(" not in text]


@given(g=pool_geometries(torch=True), rng=rngs, dtype=dtypes)
def test_switches_are_pytorchs_indices(
    g: PoolGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    x, settings = integers(g.x_shape, rng, dtype), (g.stride, g.padding[::2], g.dilation)
    _, switches = F.max_pool2d(Tensor(x), (g.R, g.S), *settings, g.ceil_mode, return_switches=True)
    _, indices = torch.nn.functional.max_pool2d(
        torch.tensor(x), (g.R, g.S), *settings, g.ceil_mode, return_indices=True
    )
    assert np.array_equal(switches, indices.numpy())


@given(rng=rngs)
def test_large_logits_neither_overflow_nor_lose_the_loss(rng: np.random.Generator) -> None:
    logits = (1e4 * rng.standard_normal((3, 4))).astype(np.float32)
    labels = rng.integers(0, 4, 3)
    loss = F.cross_entropy(Tensor(logits), labels).data
    expected = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(labels))
    # Differences of logits are as large as twice the largest of them.
    bound = 8 * eps(np.float32) * 2 * float(np.abs(logits).max())
    assert within(loss, expected.numpy(), bound)
