"""Values near the largest number of their type, and those that are no number."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import minidl
from kernels import ConvGeometry, all_kernels
from kernels.winograd.plan import MOST_TAPS
from kernels.winograd.toom_cook import MOST, growth
from minidl import Tensor
from minidl import functional as F

LARGEST = float(np.finfo(np.float32).max)

CONV = {"stride": 1, "padding": 1}
POOL = {"kernel_size": 2}


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers of magnitude 0.5 to 1, of either sign."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], shape)
    return (signs * rng.uniform(0.5, 1, shape)).astype(np.float32)


X, W, GY = drawn(2, 16, 26, 26), drawn(16, 16, 3, 3, seed=1), drawn(2, 16, 26, 26, seed=2)


def results(x: np.ndarray, w: np.ndarray, gy: np.ndarray) -> dict[str, np.ndarray]:
    """A convolution, its gradients, the transposed one, and the fused one."""
    tensors = [Tensor(a, requires_grad=True) for a in (x, w)]
    y = F.conv2d(*tensors, **CONV)  # type: ignore[arg-type]
    gx, gw = y.backward(gy, inputs=tensors)
    transposed = F.conv_transpose2d(Tensor(gy), Tensor(w), padding=1)
    pooled = F.conv_relu_pool(*tensors, None, CONV, POOL)
    named = {"y": y, "gx": gx, "gw": gw, "transposed": transposed, "pooled": pooled}
    return {name: np.asarray(t.data) for name, t in named.items()}


def in_float64(*arrays: np.ndarray) -> dict[str, np.ndarray]:
    return results(*(a.astype(np.float64) for a in arrays))


@pytest.mark.parametrize("large", [0, 1, 2])
def test_exact_kernels_overflow_only_where_the_definition_does(large: int) -> None:
    """Absolute products that sum to just below the largest number, by each operand in turn."""
    arrays = [X, W, GY]
    with minidl.exact():
        absolute = in_float64(*map(np.abs, arrays))
        concerned = [("y", "pooled", "gw"), ("y", "pooled", "gx", "transposed"),
                     ("gx", "transposed", "gw")][large]  # fmt: skip
        most = max(float(absolute[name].max()) for name in concerned)
        factor = 2.0 ** np.floor(np.log2(LARGEST / most))
        arrays[large] = arrays[large] * np.float32(factor)
        found, expected = results(*arrays), in_float64(*arrays)
    for name in concerned:
        bound = 2000 * np.finfo(np.float32).eps * float(absolute[name].max()) * factor
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=bound)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_with_exact_kernels_what_is_no_number_reaches_only_its_windows(value: float) -> None:
    x, gy = X.copy(), GY.copy()
    x[1, 3, 10, 12] = gy[0, 5, 20, 0] = value
    with minidl.exact(), np.errstate(invalid="ignore"):
        of_x, of_gy = results(x, W, GY), results(X, W, gy)
    window = np.zeros((2, 16, 26, 26), bool)
    window[1, :, 9:12, 11:14] = True
    np.testing.assert_array_equal(~np.isfinite(of_x["y"]), window)
    channel = np.zeros(W.shape, bool)
    channel[:, 3] = True
    np.testing.assert_array_equal(~np.isfinite(of_x["gw"]), channel)
    around = np.zeros((2, 16, 26, 26), bool)
    around[0, :, 19:22, 0:2] = True
    for name in ("gx", "transposed"):
        np.testing.assert_array_equal(~np.isfinite(of_gy[name]), around)
    lost = ~np.isfinite(of_gy["gw"])
    assert lost[5, :, :, 1:].all(), "column 0 of the taps has the padding there"
    assert not np.delete(lost, 5, axis=0).any()
    reached = np.zeros((2, 16, 13, 13), bool)
    reached[1, :, 4:6, 5:7] = True
    assert not (~np.isfinite(of_x["pooled"]) & ~reached).any()


def test_the_own_choice_holds_up_to_the_magnitude_that_is_documented() -> None:
    """2e35 for 3x3 in float32: largest pixels times the sums of |w|, added up."""
    sums = float((np.abs(X).max((2, 3)) @ np.abs(W).sum((2, 3)).T).max())
    x = (X * np.float32(2e35 / sums)).astype(np.float32)
    y = F.conv2d(Tensor(x), Tensor(W), **CONV).data  # type: ignore[arg-type]
    assert np.isfinite(y).all()
    with minidl.exact():
        exact = F.conv2d(Tensor(x), Tensor(W), **CONV).data  # type: ignore[arg-type]
    np.testing.assert_allclose(y, exact, rtol=0, atol=2e35 * 1e-4)


def test_no_kernel_grows_more_than_is_documented() -> None:
    taps = [
        (m, r) for m, r in product(range(1, MOST), range(2, MOST_TAPS + 1)) if m + r - 1 <= MOST
    ]
    assert max(growth(m, r) for m, r in taps) ** 2 <= 4096
    for size in (6, 13, 26, 57):
        g = ConvGeometry.of((1, 8, size, size), (8, 8, 3, 3), 1, 1)
        for kernel in all_kernels("conv2d"):
            if kernel.device == "cpu" and kernel.growth is not None and kernel.supports(g):
                assert kernel.growth(g) <= 1620


def test_a_response_norm_is_0_only_from_the_documented_magnitude_on() -> None:
    x = np.full((1, 5, 2, 2), 8e18)
    expected = F.local_response_norm(Tensor(x)).data
    found = F.local_response_norm(Tensor(x.astype(np.float32))).data
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_contrast_norm_and_a_softmax_do_not_overflow() -> None:
    x = np.abs(drawn(1, 4, 16, 16)) * np.float32(3e38)
    expected = F.local_contrast_norm(Tensor(x.astype(np.float64))).data
    np.testing.assert_allclose(F.local_contrast_norm(Tensor(x)).data, expected, atol=1e-4)
    scores = Tensor(np.array([[3e38, 2.9e38, 0, -3e37]], np.float32))
    np.testing.assert_array_equal(F.softmax(scores).data, [[1, 0, 0, 0]])
    assert np.isfinite(F.log_softmax(scores).data).all()
