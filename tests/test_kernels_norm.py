"""Local contrast normalisation against its definition, and the properties that the paper wants.

The bounds are first-order: every rounding is at most eps times the largest magnitude that enters
its sum, and reaches the result through derivatives that are majorised by absolute values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernels import all_kernels, memory, pick
from kernels import reference_norm as reference
from kernels.norm_geometry import LCNGeometry
from kernels.registry import Kernel

EPS = float(np.finfo(np.float64).eps)
quick = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)
dtypes = st.sampled_from([np.float32, np.float64])
planes = st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 5), st.integers(1, 6))
contrasts = st.builds(
    LCNGeometry.of,
    planes,
    size=st.sampled_from([1, 3, 5, 9]),
    sigma=st.floats(0.5, 3),
    border=st.sampled_from(["corrected", "zero"]),
    floor=st.sampled_from([1e-4, 0.5]),
)


def kernels_of(operation: str) -> Any:
    on_cpu = [k for k in all_kernels(operation) if k.device == "cpu"]
    return pytest.mark.parametrize("kernel", on_cpu, ids=[k.name for k in on_cpu])


def draw(g: Any, seed: int, dtype: Any = np.float64, offset: float = 0.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(g.x_shape) + offset).astype(dtype)


def contrast(x: np.ndarray, g: LCNGeometry) -> Any:
    return pick("local_contrast_norm", "cpu", g)(x, g)


def contrast_vjp(
    gy: np.ndarray, x: np.ndarray, g: LCNGeometry, kernel: Kernel | None = None
) -> Any:
    kernel = kernel or pick("local_contrast_norm_vjp", "cpu", g)
    return kernel(gy, x, contrast(x, g)[1], g)


def within(result: np.ndarray, expected: np.ndarray, bound: np.ndarray) -> bool:
    """The result is off by at most the bound and the rounding to its own type; never with NaN."""
    unit, tiny = np.finfo(result.dtype).eps, np.finfo(result.dtype).tiny
    return bool((np.abs(result - expected) <= bound + unit * np.abs(expected) + tiny).all())


class Contrast:
    """The definition's parts for x (N,C,H,W), and what rounding in float64 can do to them."""

    def __init__(self, x: np.ndarray, g: LCNGeometry) -> None:
        self.g, self.weights = g, reference.window_weights(g)
        x = x.astype(np.float64)
        parts = [reference.contrast_parts(sample, g, self.weights) for sample in x]
        self.v, sigma = np.stack([p[0] for p in parts]), np.stack([p[1] for p in parts])
        self.sigma = sigma[:, None]  # (N,1,H,W)
        self.c = self.sigma.mean(axis=(2, 3), keepdims=True)
        self.d = np.maximum(np.maximum(self.c, self.sigma), g.floor)
        self.largest = np.abs(x).max(axis=(1, 2, 3), keepdims=True)
        # Chains of the kernel and the reference: channels, window, coverage, mean of sigma.
        terms = 2 * (g.C + g.size**2 + 4 * g.size + g.H * g.W + 8)
        self.rounding = terms * EPS * self.largest  # of v; sigma, c and d move at most 3 times it

    def forward_bound(self) -> np.ndarray:
        """y = v / d: v is off by `rounding`, d by 3 times as much, a relative |y| / d each."""
        y = np.abs(self.v / self.d)
        return self.rounding / self.d * (1 + 3 * y) + 4 * EPS * y

    def gap(self) -> float:
        """The least distance between the largest and the second of sigma, c and the floor."""
        rivals = [self.sigma, np.full_like(self.sigma, self.g.floor)]
        rivals += [self.c + 0 * self.sigma] * (self.g.H * self.g.W > 1)
        first, second = np.sort(np.stack(rivals), axis=0)[[-1, -2]]
        return float((first - second).min())

    def condition(self) -> np.ndarray:
        """How far a relative error of sigma or d exceeds one of x, (N,1,1,1)."""
        least = np.where(self.sigma > 0, np.minimum(self.sigma, self.d), self.d)
        return 1 + self.largest / least.min(axis=(2, 3), keepdims=True)

    def vjp_bound(self, gy: np.ndarray) -> np.ndarray:
        """All terms of the reverse sweep by absolute value, |v| as 2 max|x|, times their error.

        A term holds v at most twice, d twice and sigma once, the latter off by a relative
        3 rounding / sigma: 12 in all, and as much again for what is second-order.
        """
        g, v = self.g, 2 * self.largest
        a = np.abs(gy.astype(np.float64)).sum(axis=1, keepdims=True)
        gd = a * v / self.d**2
        gs = gd + gd.mean(axis=(2, 3), keepdims=True)
        root = np.divide(gs, 2 * self.sigma, out=np.zeros_like(gs), where=self.sigma > 0)
        slope = 2 / g.C * np.einsum("jkab,nijk->niab", self.weights, root)
        shift = np.einsum("jkab,nijk->niab", self.weights, a / self.d + g.C * slope * v) / g.C
        total = np.abs(gy) / self.d + slope * v + shift
        return 24 * self.rounding / self.largest * self.condition() * total


@kernels_of("local_contrast_norm")
@quick
@given(g=contrasts, seed=seeds, dtype=dtypes, offset=st.sampled_from([0.0, 100.0]))
def test_local_contrast_norm_is_its_definition(
    kernel: Kernel, g: LCNGeometry, seed: int, dtype: Any, offset: float
) -> None:
    x = draw(g, seed, dtype, offset)
    with memory.poisoned():
        y, _ = kernel(x, g)
    assert y.dtype == dtype
    assert within(y, reference.local_contrast_norm(x, g), Contrast(x, g).forward_bound())


@kernels_of("local_contrast_norm_vjp")
@quick
@given(g=contrasts, seed=seeds, dtype=dtypes, offset=st.sampled_from([0.0, 100.0]))
def test_local_contrast_norm_vjp_is_its_definition(
    kernel: Kernel, g: LCNGeometry, seed: int, dtype: Any, offset: float
) -> None:
    x, gy = draw(g, seed, dtype, offset), draw(g, seed + 1, dtype)
    parts = Contrast(x, g)
    assume(parts.gap() > 8 * parts.rounding.max())  # at a tie the derivative jumps
    assume((parts.condition() * parts.rounding / parts.largest).max() < 1e-3)
    with memory.poisoned():
        gx = contrast_vjp(gy, x, g, kernel)
    assert gx.dtype == dtype
    assert within(gx, reference.local_contrast_norm_vjp(gy, x, g), parts.vjp_bound(gy))


@quick
@given(g=contrasts, seed=seeds)
def test_local_contrast_norm_vjp_is_the_slope_of_the_definition(g: LCNGeometry, seed: int) -> None:
    x, gy, u = draw(g, seed), draw(g, seed + 1), draw(g, seed + 2)
    parts, h = Contrast(x, g), EPS ** (1 / 3)
    assume(parts.gap() > 16 * h * np.abs(u).max())  # sigma and c move at most 2 |step| each
    assume(parts.condition().max() < 1e3)

    def slope(step: float) -> float:
        ahead, behind = (reference.local_contrast_norm(x + s * u, g) for s in (step, -step))
        return float((gy * (ahead - behind)).sum() / (2 * step))

    # The error of slope(h) falls with h^2, so slope(2h) - slope(h) is three times it.
    tolerance = abs(slope(2 * h) - slope(h)) + (np.abs(gy) * parts.forward_bound()).sum() / h
    assert abs((contrast_vjp(gy, x, g) * u).sum() - slope(h)) <= tolerance


@quick
@given(shape=planes, seed=seeds, offset=st.integers(-1000, 1000))
def test_an_offset_leaves_local_contrast_norm_unchanged_with_the_corrected_border(
    shape: tuple[int, int, int, int], seed: int, offset: int
) -> None:
    g = LCNGeometry.of(shape)
    x = np.round(draw(g, seed) * 1024) / 1024  # with an integer added still exact
    shifted = Contrast(x + offset, g)
    assert within(contrast(x + offset, g)[0], contrast(x, g)[0], shifted.forward_bound())


@quick
@given(g=contrasts, seed=seeds, exponent=st.integers(0, 40))
def test_a_power_of_two_above_the_floor_changes_no_bit_of_local_contrast_norm(
    g: LCNGeometry, seed: int, exponent: int
) -> None:
    x = draw(g, seed)
    assume(Contrast(x, g).c.min() > 2 * g.floor)
    assert (contrast(x * 2.0**exponent, g)[0] == contrast(x, g)[0]).all()


def test_below_the_floor_local_contrast_norm_is_linear() -> None:
    g = LCNGeometry.of((1, 3, 12, 12))
    x = draw(g, 0) * 2.0**-30
    assert (contrast(x / 2, g)[0] * 2 == contrast(x, g)[0]).all()


@pytest.mark.parametrize("border", ["corrected", "zero"])
@pytest.mark.parametrize("level", [0.0, 0.1, -1e6])
@pytest.mark.parametrize("flat_columns", [12, 24])
def test_flat_regions_give_finite_values_and_gradients(
    border: str, level: float, flat_columns: int
) -> None:
    g = LCNGeometry.of((2, 5, 24, 24), border=border)
    x, gy = draw(g, 0, offset=level), draw(g, 1)
    x[:, :, :, :flat_columns] = level
    assert all(np.isfinite(result).all() for result in (contrast(x, g)[0], contrast_vjp(gy, x, g)))


@quick
@given(channels=st.integers(1, 300), level=st.floats(-1e6, 1e6), size=st.sampled_from([1, 5, 9]))
def test_the_deviation_of_a_flat_region_is_zero_and_not_its_rounding(
    channels: int, level: float, size: int
) -> None:
    """Else the gradient there would be that of the rounding, and change with the level."""
    g = LCNGeometry.of((1, channels, 20, 24), size=size)
    x = draw(g, 0)
    x[:, :, :, :12] = level
    sigma = contrast(x, g)[1][1]
    assert (sigma[:, :, : 12 - 2 * (size // 2)] == 0).all()


def test_one_pixel_changes_every_output_of_its_image_and_of_no_other() -> None:
    g = LCNGeometry.of((3, 2, 30, 30))
    x = draw(g, 0)
    x[:, :, 14:17, 14:17] *= 1000  # a loud spot: elsewhere c, not sigma, divides
    changed = x.copy()
    changed[1, 0, 15, 15] += 100
    differs = contrast(changed, g)[0] != contrast(x, g)[0]
    assert differs[1].all() and not differs[[0, 2]].any()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_reach_every_output_of_their_image_and_of_no_other(bad: float) -> None:
    g = LCNGeometry.of((2, 3, 20, 20))
    x, gy = draw(g, 0), draw(g, 1)
    x[1, 2, 3, 4] = bad
    for result in (contrast(x, g)[0], contrast_vjp(gy, x, g)):
        assert np.isfinite(result[0]).all() and np.isnan(result[1]).all()


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 0, 4, 4)])
def test_nothing_in_gives_nothing_out(shape: tuple[int, int, int, int]) -> None:
    x, g = np.zeros(shape), LCNGeometry.of(shape)
    assert contrast(x, g)[0].shape == contrast_vjp(x, x, g).shape == shape


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((1, 3, 0, 4), {}, r"\(1, 3, 0, 4\)"),
        ((1, 3, 4, 4), {"size": 4}, "got 4, 3 or 5 would do"),
        ((1, 3, 4, 4), {"sigma": 0}, "sigma must be finite and above 0, got 0"),
        ((1, 3, 4, 4), {"floor": float("nan")}, "floor must be finite and above 0, got nan"),
        ((1, 3, 4, 4), {"border": "same"}, "'zero'.*got 'same'"),
    ],
)
def test_bad_settings_are_named_with_their_numbers(
    shape: tuple[int, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        LCNGeometry.of(shape, **options)
