"""Local response normalisation against its definition, its slope, and PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import all_kernels, memory, pick
from kernels import reference_norm as reference
from kernels.norm_geometry import LRNGeometry
from kernels.registry import Kernel

quick = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)
dtypes = st.sampled_from([np.float32, np.float64])


def geometries(size: Any) -> st.SearchStrategy[LRNGeometry]:
    axes = [st.integers(1, most) for most in (2, 9, 3, 3)]
    return st.builds(
        LRNGeometry.of,
        st.tuples(*axes),
        size=size,
        alpha=st.floats(0, 2),
        beta=st.sampled_from([0.5, 0.75, 1.0, 1.3]),
        k=st.floats(0.5, 2),
    )


any_size, odd_size = st.integers(1, 12), st.sampled_from([1, 3, 5, 7])


def kernels_of(operation: str) -> Any:
    on_cpu = [k for k in all_kernels(operation) if k.device == "cpu"]
    return pytest.mark.parametrize("kernel", on_cpu, ids=[k.name for k in on_cpu])


def draw(g: LRNGeometry, seed: int, dtype: Any = np.float64) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(g.x_shape).astype(dtype)


def relative(x: np.ndarray, g: LRNGeometry) -> float:
    """The relative error of t^-beta and of t^-(beta + 1) in x's type.

    t is a sum of positive terms: size squares and additions, the scale (rounded twice), k and its
    addition. A power multiplies that by beta + 1, rounds beta, which costs |log t| times as much,
    and itself takes 6: two roots, three products or one `pow`, a quotient.
    """
    most = g.k + g.alpha * float((x.astype(np.float64) ** 2).max())
    logarithm = abs(g.beta) * max(abs(np.log(g.k)), abs(np.log(most)))
    return float(np.finfo(x.dtype).eps * ((abs(g.beta) + 1) * (g.size + 6) + logarithm + 6))


def within(result: np.ndarray, expected: np.ndarray, bound: np.ndarray) -> bool:
    """Off by at most the bound; never with NaN."""
    return bool((np.abs(result - expected) <= bound).all())


def forward_bound(x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    return relative(x, g) * np.abs(reference.local_response_norm(x, g))


def vjp_bound(gy: np.ndarray, x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    """Both terms of the gradient by absolute value, times their error: the power's, size + 8 more.

    For positive gy and x the gradient is first - second, so first + second is 2 first - gradient.
    """
    gy, x = np.abs(gy), np.abs(x)
    first = gy * (reference.local_response_norm(x, g) / x)
    both = 2 * first - reference.local_response_norm_vjp(gy, x, g)
    return (relative(x, g) + (g.size + 8) * np.finfo(x.dtype).eps) * both


@kernels_of("local_response_norm")
@quick
@given(g=geometries(any_size), seed=seeds, dtype=dtypes)
def test_local_response_norm_is_its_definition(
    kernel: Kernel, g: LRNGeometry, seed: int, dtype: Any
) -> None:
    x = draw(g, seed, dtype)
    with memory.poisoned():
        y = kernel(x, g)
    assert y.dtype == dtype
    assert within(y, reference.local_response_norm(x, g), forward_bound(x, g))


@kernels_of("local_response_norm_vjp")
@quick
@given(g=geometries(any_size), seed=seeds, dtype=dtypes)
def test_local_response_norm_vjp_is_its_definition(
    kernel: Kernel, g: LRNGeometry, seed: int, dtype: Any
) -> None:
    x, gy = draw(g, seed, dtype), draw(g, seed + 1, dtype)
    with memory.poisoned():
        gx = kernel(gy, x, g)
    assert gx.dtype == dtype
    assert within(gx, reference.local_response_norm_vjp(gy, x, g), vjp_bound(gy, x, g))


@quick
@given(g=geometries(any_size), seed=seeds)
def test_local_response_norm_vjp_is_the_slope_of_the_definition(g: LRNGeometry, seed: int) -> None:
    x, gy, u = draw(g, seed), draw(g, seed + 1), draw(g, seed + 2)
    h = float(np.finfo(np.float64).eps ** (1 / 3))

    def slope(step: float) -> float:
        ahead, behind = (reference.local_response_norm(x + s * u, g) for s in (step, -step))
        return float((gy * (ahead - behind)).sum() / (2 * step))

    # The error of slope(h) falls with h^2, so slope(2h) - slope(h) is three times it.
    tolerance = abs(slope(2 * h) - slope(h)) + (np.abs(gy) * forward_bound(x, g)).sum() / h
    gx = pick("local_response_norm_vjp", "cpu", g)(gy, x, g)
    assert abs((gx * u).sum() - slope(h)) <= tolerance


@quick
@given(g=geometries(odd_size), seed=seeds, dtype=dtypes)
def test_local_response_norm_and_its_gradient_are_those_of_pytorch(
    g: LRNGeometry, seed: int, dtype: Any
) -> None:
    torch = pytest.importorskip("torch")
    x, gy = draw(g, seed, dtype), draw(g, seed + 1, dtype)
    theirs = torch.tensor(x, requires_grad=True)
    y = torch.nn.functional.local_response_norm(theirs, g.size, g.alpha, g.beta, g.k)
    y.backward(torch.tensor(gy))
    ours = pick("local_response_norm", "cpu", g)(x, g)
    gx = pick("local_response_norm_vjp", "cpu", g)(gy, x, g)
    assert within(ours, y.detach().numpy(), 2 * forward_bound(x, g))
    assert within(gx, theirs.grad.numpy(), 2 * vjp_bound(gy, x, g))


def test_a_loud_channel_leaves_no_rounding_in_channels_beyond_its_window() -> None:
    g = LRNGeometry.of((1, 12, 1, 1), alpha=1.0)
    x = draw(g, 0, np.float32)
    loud = x.copy()
    loud[0, 2] = 1e6
    kernel = pick("local_response_norm", "cpu", g)
    assert (kernel(loud, g)[0, 5:] == kernel(x, g)[0, 5:]).all()


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 0, 4, 4)])
def test_nothing_in_gives_nothing_out(shape: tuple[int, int, int, int]) -> None:
    g = LRNGeometry.of(shape)
    x = draw(g, 0)
    assert pick("local_response_norm", "cpu", g)(x, g).shape == shape
    assert pick("local_response_norm_vjp", "cpu", g)(x, x, g).shape == shape


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((3, 4), {}, r"\(3, 4\)"),
        ((1, 3, 4, 4), {"size": 0}, "size must be an integer of at least 1, got 0"),
        ((1, 3, 4, 4), {"alpha": -1.0}, "alpha must be finite and at least 0, got -1.0"),
        ((1, 3, 4, 4), {"beta": float("inf")}, "beta must be finite, got inf"),
        ((1, 3, 4, 4), {"k": 0.0}, "k must be finite and above 0, got 0.0"),
    ],
)
def test_bad_settings_are_named_with_their_numbers(
    shape: tuple[int, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        LRNGeometry.of(shape, **options)
