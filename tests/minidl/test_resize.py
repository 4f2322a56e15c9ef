"""Tests of resizing against ONNX Runtime, mode by mode, and of its size, order and locality."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from kernels.bounds import eps, same_bits, within
from kernels.contract import memory
from kernels.verify.arrays import normal, pairs, rngs
from minidl import Tensor, backward
from minidl import functional as F
from minidl.functional.taps import Taps

SIZES: list[dict[str, Any]] = [
    {"sizes": (14, 12)}, {"sizes": (3, 4)}, {"sizes": (13, 5)}, {"sizes": (1, 1)},
    {"scales": (2.0, 0.5)}, {"scales": (0.6, 2.3)}, {"scales": (1.7, 0.34)},
]  # fmt: skip
COORDINATES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
    "tf_crop_and_resize",
)  # fmt: skip
NEAREST = [
    {"nearest_mode": n} for n in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
]
SMOOTH: list[dict[str, Any]] = [
    {"mode": "linear"},
    {"mode": "linear", "antialias": 1},
    {"mode": "cubic"},
    {"mode": "cubic", "cubic_coeff_a": -0.5, "exclude_outside": 1},
    {"mode": "cubic", "antialias": 1},
    {"mode": "cubic", "antialias": 1, "exclude_outside": 1},
]
REGION = (0.1, 0.2, 0.8, 1.1)
X = np.random.default_rng(0).standard_normal((1, 2, 7, 6)).astype(np.float32)


def by_runtime(x: np.ndarray, how: dict[str, Any], attributes: dict[str, Any]) -> np.ndarray:
    """ONNX Runtime's result; sizes or scales, and the region, are those of the last two axes."""
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    given_ = {"roi": (real, (0, 0, *REGION[:2], 1, 1, *REGION[2:]))}
    if "axes" in attributes:
        given_ = {"sizes": (onnx.TensorProto.INT64, how["sizes"])}
    elif "sizes" in how:
        given_["sizes"] = (onnx.TensorProto.INT64, (*x.shape[:2], *how["sizes"]))
    else:
        given_["scales"] = (real, (1, 1, *how["scales"]))
    names = [name if name in given_ else "" for name in ("roi", "scales", "sizes")]
    node = helper.make_node("Resize", ["x", *names], ["y"], **attributes)
    constants = [helper.make_tensor(name, kind, [len(v)], v) for name, (kind, v) in given_.items()]
    ends = [helper.make_tensor_value_info(n, real, s) for n, s in (("x", x.shape), ("y", None))]
    graph = helper.make_graph([node], "resize", ends[:1], ends[1:], constants)
    opsets = [helper.make_opsetid("", 19)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: np.ndarray = session.run(None, {"x": x})[0]
    return found


def attributes(coordinates: str, more: dict[str, Any]) -> dict[str, Any]:
    crop = coordinates == "tf_crop_and_resize"
    return {
        "coordinate_transformation_mode": coordinates,
        **({"extrapolation_value": 7.5} if crop else {}), **more,
    }  # fmt: skip


@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("how", SIZES, ids=str)
def test_nearest_takes_the_pixels_that_onnx_runtime_takes(
    coordinates: str, how: dict[str, Any]
) -> None:
    if coordinates == "half_pixel_symmetric" and "scales" in how:
        pytest.skip("ONNX Runtime's float32 coordinates of this mode round to ties and away")
    for more in NEAREST:
        chosen = attributes(coordinates, more)
        found = F.resize(Tensor(X), **how, roi=REGION, **chosen).data
        assert same_bits(np.ascontiguousarray(found), by_runtime(X, how, chosen)), chosen


@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("how", SIZES, ids=str)
def test_filters_are_those_of_onnx_runtime(coordinates: str, how: dict[str, Any]) -> None:
    """Its coordinates are float32: off by 4 eps of the axis, where a filter's slope is below 2.

    Of two axes, with at most 8 taps that are not 0 to either side of a stretch.
    """
    bound = 2 * 8 * 2 * 4 * eps(np.float32) * max(X.shape) * np.abs(X).max()
    for more in SMOOTH:
        chosen = attributes(coordinates, more)
        found = F.resize(Tensor(X), **how, roi=REGION, **chosen).data
        assert within(found, by_runtime(X, how, chosen), bound), chosen


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller", "stretch"])
@pytest.mark.parametrize("sizes", [(14, 9), (4, 40), (3, 3)])
def test_a_policy_keeps_the_aspect_ratio_as_in_onnx_runtime(
    policy: str, sizes: tuple[int, int]
) -> None:
    """(14, 9) is 2 and 1.5 times (7, 6): 10.5 rows of 1.5 times are 11."""
    how, chosen = {"sizes": sizes}, {"keep_aspect_ratio_policy": policy}
    found = F.resize(Tensor(X), axes=(2, 3), **how, **chosen).data
    expected = by_runtime(X, how, {"axes": [2, 3], **chosen})
    assert same_bits(np.ascontiguousarray(found), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_nearest_takes_the_pixels_that_pytorch_takes(mode: str, dtype: Any) -> None:
    """Where a position is nearly whole too: 39 / 1.3 is 29.999999999999996 in float64."""
    torch = pytest.importorskip("torch")
    sizes: list[dict[str, Any]] = [{"size": n} for n in (1, 7, 33, 111)]
    scales: list[dict[str, Any]] = [{"scale_factor": s} for s in (0.35, 0.7, 1.3, 2.3)]
    for length in (3, 9, 18, 31, 97):
        x = np.arange(length, dtype=dtype).reshape(1, 1, length)  # (L,) -> (1,1,L)
        for how in sizes + scales:
            found = F.interpolate(Tensor(x), mode=mode, **how).data
            expected = torch.nn.functional.interpolate(torch.tensor(x), mode=mode, **how)
            assert np.array_equal(found, expected.numpy()), (length, how)


@given(own=pairs(1, 6), new=pairs(1, 9), rng=rngs)
@settings(max_examples=20)
def test_the_transposed_matrix_of_an_axis_is_its_transpose(
    own: tuple[int, int], new: tuple[int, int], rng: np.random.Generator
) -> None:
    index = rng.integers(0, own[0], (new[0], 3))
    matrix = Taps(own[0], index, rng.choice([0.0, 1.0, -0.5], index.shape))
    assert np.array_equal(matrix.transposed().dense(), matrix.dense().T)


def test_a_nan_stays_under_its_filter() -> None:
    x = np.zeros((1, 1, 8, 8), np.float32)
    x[0, 0, 2, 5] = np.nan
    y = F.resize(Tensor(x), scales=(2, 2), mode="linear").data
    rows, columns = np.nonzero(np.isnan(y[0, 0]))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 6, 9, 12)


def test_channels_last_stays_channels_last() -> None:
    x = memory.canonicalise(normal((2, 3, 8, 8), np.random.default_rng(0), np.float32))
    for y in (
        F.resize(Tensor(x), (16, 12), mode="linear"),
        F.interpolate(Tensor(x), 5, mode="bicubic"),
        F.pad(Tensor(x), (1, 2, 3, 4)),
        F.pad(Tensor(x), (1, 2, 3, 4), "reflect"),
        F.take(Tensor(x), [7, 0, 0], 2),
    ):
        assert memory.nhwc(y.data).flags.c_contiguous


def test_a_factor_of_thousands_needs_no_loop_over_pixels() -> None:
    x = Tensor(np.array([[[[1.0, 3.0]]]]), requires_grad=True)
    y = F.resize(x, (1, 100_000), mode="linear")
    assert y.data.min() == 1 and y.data.max() == 3
    (gx,) = backward(y, np.ones(y.shape), inputs=(x,))
    assert np.allclose(gx.data, 50_000)


@pytest.mark.parametrize("length", [2**31, 2**24])
def test_a_size_that_no_memory_holds_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"resize: x \(1, 2, 7, 6\) gives the shape .* GiB"):
        F.resize(Tensor(X), (length, length))
    with pytest.raises(ValueError, match=r"interpolate: x .* gives the shape .* GiB"):
        F.interpolate(Tensor(X), (length, length))
