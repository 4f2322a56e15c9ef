"""Winograd's convolutions on CUDA: matrices, bounds, chunks, and runs in the emulator."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from kernels import ConvGeometry, Kernel, named
from kernels.bounds import same_bits, within
from kernels.contract import memory
from kernels.cuda import place
from kernels.cuda.program import INCLUDE
from kernels.cuda.winograd import SIZES, chunks, fprop_form, points, row_bytes, tiles_of, wgrad_form
from kernels.verify.calls import make
from kernels.winograd import toom_cook
from kernels.winograd.toom_cook import Matrix
from tests.kernels.cuda_cases import THREES, dtypes, run, threes

WINOGRAD = [
    named(operation, f"winograd_{m}x{m}", "cuda")
    for operation in ("conv2d", "conv2d_dgrad", "conv2d_wgrad")
    for m in SIZES
]
kernels = pytest.mark.parametrize("kernel", WINOGRAD, ids=lambda k: f"{k.operation} {k.name}")
forward = pytest.mark.parametrize("kernel", WINOGRAD[:2], ids=lambda k: k.name)
sizes = pytest.mark.parametrize("m", SIZES)


def in_header(m: int, name: str) -> Matrix:
    """A matrix of winograd.cuh, read from its source."""
    source = (INCLUDE / "winograd.cuh").read_text(encoding="utf-8")
    its = source.split(f"struct Winograd<{m}>")[1].split(f"struct {name} ")[1]
    (table,) = re.findall(r"a\[rows\]\[columns\] =\s*\{(.*?)\};", its.split("return")[0], re.S)
    rows = re.findall(r"\{([^{}]*)\}", table)
    return tuple(tuple(_number(v) for v in row.split(",")) for row in rows)


def _number(text: str) -> Fraction:
    above, _, below = text.replace(".", "").partition("/")
    return Fraction(int(above), int(below or 1))


@sizes
def test_the_header_has_the_matrices_that_follow_from_the_points(m: int) -> None:
    its = fprop_form(m)
    assert (its.bt, its.taken, its.read) == tuple(in_header(m, name) for name in ("BT", "G", "AT"))


@sizes
def test_the_matrices_give_both_sides_of_the_form_without_any_error(m: int) -> None:
    d, w = [Fraction(7**i % 11 - 5) for i in range(m + 2)], [Fraction(v) for v in (3, -2, 5)]
    gy = [Fraction(5**i % 13 - 6) for i in range(m)]
    windows = [[d[i + j] for j in range(3)] for i in range(m)]
    assert _evaluated(fprop_form(m).read, fprop_form(m).taken, w, fprop_form(m).bt, d) == [
        _dot(window, w) for window in windows
    ]
    assert _evaluated(wgrad_form(m).read, wgrad_form(m).taken, gy, wgrad_form(m).bt, d) == [
        _dot([row[j] for row in windows], gy) for j in range(3)
    ]


def _evaluated(
    read: Matrix, taken: Matrix, w: list[Fraction], bt: Matrix, d: list[Fraction]
) -> list[Fraction]:
    products = [_dot(a, w) * _dot(b, d) for a, b in zip(taken, bt, strict=True)]
    return [_dot(row, products) for row in read]


def _dot(a: list[Fraction] | tuple[Fraction, ...], b: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), start=Fraction(0))


@sizes
def test_the_amplification_is_that_of_the_tiles_on_the_cpu(m: int) -> None:
    assert fprop_form(m).amplification == pytest.approx(toom_cook.amplification(m, 3) ** 2)


@sizes
@pytest.mark.parametrize("nbytes", [1, 3000, 24 << 20])
@threes
def test_chunks_hold_every_tile_once_and_stay_within_their_bytes(
    g: ConvGeometry, nbytes: int, m: int
) -> None:
    with memory.in_chunks(nbytes):
        found = list(chunks(m, g, np.float32))
    assert [t for first, tiles in found for t in range(first, first + tiles)] == [
        *range(tiles_of(m, g))
    ]
    each = row_bytes(m, g, np.float32)
    assert each == 4 * points(m) * (g.C + g.K)
    assert all(tiles * each <= max(nbytes, each) for _, tiles in found)


@threes
@kernels
def test_a_winograd_kernel_can_do_with_a_tile_at_a_time(
    kernel: Kernel, g: ConvGeometry, cuda_device: str
) -> None:
    call = make(kernel.operation, g, "normal", 2, np.float64)
    with memory.in_chunks(1), memory.poisoned():
        result = run(kernel, call, cuda_device)
    (expected,), (bound,) = call.define(), call.bound(kernel)
    assert within(result, expected, bound)


@kernels
def test_channels_by_16_bytes_give_the_bits_that_they_give_alone(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, cuda_device: str
) -> None:
    call = make(kernel.operation, THREES["packs of four channels"], "normal", 4, np.float32)
    packed = run(kernel, call, cuda_device)
    for file in ("conv2d", "conv2d_wgrad"):
        monkeypatch.setattr(f"kernels.{file}.cuda_winograd.pack", lambda *_: ("float", 1))
    assert same_bits(run(kernel, call, cuda_device), packed)


@dtypes
@threes
@forward
def test_a_winograd_convolution_adds_its_bias_and_rectifies(
    kernel: Kernel, g: ConvGeometry, dtype: type, cuda_device: str
) -> None:
    call = make("conv2d", g, "normal", 5, dtype)
    bias = np.random.default_rng(6).standard_normal(g.K).astype(dtype)
    biased = replace(call, options={"bias": bias})
    plain = run(kernel, biased, cuda_device)
    (expected,), (bound,) = biased.define(), biased.bound(kernel)
    assert within(plain, expected, bound)
    options = {"bias": bias, "rectify": True}
    rectified = run(kernel, replace(call, options=options), cuda_device)
    assert same_bits(rectified, np.where(plain <= 0, 0, plain).astype(dtype))


@forward
def test_rectifying_leaves_nan(kernel: Kernel, cuda_device: str) -> None:
    call = make("conv2d", THREES["one output"], "normal", 5, np.float32)
    call.inputs["x"][0, 0, 1, 1] = np.nan
    assert np.isnan(run(kernel, replace(call, options={"rectify": True}), cuda_device)).all()


@kernels
def test_a_pixel_that_is_cropped_is_not_read(kernel: Kernel, cuda_device: str) -> None:
    crops = (-1, -2, -2, -1)
    dgrad = kernel.operation == "conv2d_dgrad"  # its convolution of gy has 2 - padding
    padding = tuple(2 - crop for crop in crops) if dgrad else crops
    g = ConvGeometry.of((1, 4, 8, 8), (4, 4, 3, 3), padding=padding)
    call = make(kernel.operation, g, "normal", 7, np.float32)
    plain = run(kernel, call, cuda_device)
    image = call.inputs["gy" if dgrad else "x"]
    seen = np.zeros(image.shape[2:], bool)
    seen[1:-2, 2:-1] = True
    image[:, :, ~seen] = np.nan
    assert same_bits(run(kernel, call, cuda_device), plain)


@pytest.mark.parametrize("kernel", WINOGRAD[:4], ids=lambda k: f"{k.operation} {k.name}")
def test_prepared_filters_give_the_same_bits_for_any_batch(
    kernel: Kernel, cuda_device: str
) -> None:
    call = make(kernel.operation, THREES["groups"], "normal", 8, np.float32)
    kept = kernel.prepared(place(call.inputs["w"], cuda_device), replace(call.g, N=7))
    again = run(kernel, replace(call, options={"prepared": kept}), cuda_device)
    assert same_bits(again, run(kernel, call, cuda_device))
