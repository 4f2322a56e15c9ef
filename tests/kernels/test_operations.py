"""Operations that kernels really do: at least those of their algorithms, two for a multiply-add."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest

from kernels import ConvGeometry, Kernel, PoolGeometry, all_kernels, pick
from kernels.contract import memory
from kernels.contract.operations import DEFINITIONS, defined, done, tally
from kernels.cpu import combine
from kernels.winograd.toom_cook import filter_matrix, input_matrix, output_matrix

CONVOLUTIONS = ("conv2d", "conv2d_dgrad", "conv2d_wgrad")
KERNELS = [k for operation in CONVOLUTIONS for k in all_kernels(operation)]
GEOMETRIES = (
    ConvGeometry.of((2, 3, 13, 11), (5, 3, 3, 3), padding=1),
    ConvGeometry.of((1, 32, 13, 13), (48, 32, 3, 3), padding=1),
    ConvGeometry.of((2, 4, 17, 17), (6, 2, 5, 5), stride=2, padding=(1, 2, 0, 2), groups=2),
    ConvGeometry.of((1, 3, 23, 23), (8, 3, 7, 7), stride=2),
    ConvGeometry.of((3, 16, 9, 9), (24, 16, 1, 1)),
    ConvGeometry.of((1, 4, 12, 12), (4, 4, 3, 3), padding=2, dilation=2),
    ConvGeometry.of((2, 24, 9, 11), (24, 1, 3, 3), stride=2, padding=1, groups=24),
)
MOST_SAVED = (5 * 4 / 8) ** 2
"""Products of the definition for one of a tile: 5 outputs of 4 taps from 8 points, on both axes."""
as_named = {"ids": lambda value: f"{value.operation}-{value.name}-{value.device}"}


def needed(g: ConvGeometry) -> int:
    """Operations of the products in which no factor is a zero of the padding."""
    return 2 * g.N * g.K * (g.C // g.groups) * g.taps_inside


@pytest.mark.parametrize("kernel", KERNELS, **as_named)
def test_no_kernel_does_less_than_it_must(kernel: Kernel) -> None:
    served = [g for g in GEOMETRIES if kernel.supports(g)]
    assert served
    for g in served:
        assert done(kernel, g) * (1 if kernel.exact else MOST_SAVED) >= needed(g)


@pytest.mark.parametrize("kernel", [k for k in KERNELS if not k.exact], **as_named)
def test_a_transforms_operations_come_on_top_of_fewer_products(kernel: Kernel) -> None:
    assert kernel.operations is not None
    g = ConvGeometry.of((1, 16, 24, 24), (16, 16, 3, 3), padding=1)
    counted = kernel.operations(g)
    assert 0 < counted.products < 2 * g.macs
    assert counted.transforms > 0
    assert counted.total(prepared=True) == counted.total() - counted.weights


@pytest.mark.parametrize("kernel", [k for k in KERNELS if k.operations is None], **as_named)
def test_what_says_nothing_does_two_for_each_product_of_the_definition(kernel: Kernel) -> None:
    assert kernel.exact
    for g in GEOMETRIES:
        assert done(kernel, g) == 2 * math.prod(g.y_shape) * math.prod(g.w_shape[1:])


def test_the_flipped_kernel_multiplies_the_zeros_between_pixels() -> None:
    g = ConvGeometry.of((1, 2, 9, 9), (3, 2, 3, 3), stride=2, padding=1)
    flipped = next(k for k in all_kernels("conv2d_dgrad") if k.name == "flipped")
    assert done(flipped, g) == 2 * 9 * 9 * 2 * 3 * 3 * 3


def test_folding_adds_each_tap_that_falls_on_the_plane() -> None:
    g = ConvGeometry.of((1, 1, 3, 3), (1, 1, 3, 3), padding=1)
    col2im = next(k for k in all_kernels("conv2d_dgrad") if k.name == "col2im")
    inside = sum(1 for p in range(3) for r in range(3) if 0 <= p + r - 1 < 3) ** 2
    assert done(col2im, g) == 2 * 9 * 9 + inside


def test_a_tile_of_four_outputs_of_three_taps_has_36_products() -> None:
    g = ConvGeometry.of((1, 8, 6, 6), (8, 8, 3, 3))
    tiles = next(k for k in all_kernels("conv2d") if k.name == "winograd_tiles")
    assert tiles.operations is not None
    assert tiles.operations(g).products == 2 * 36 * 8 * 8


@pytest.mark.parametrize(
    "matrix", [input_matrix(8), input_matrix(6), output_matrix(4), filter_matrix(3)]
)
def test_a_matrix_costs_what_its_compiled_code_computes(matrix: combine.Rows) -> None:
    product = combine.combine({1: matrix})

    @numba.njit
    def run(source, to):  # type: ignore[no-untyped-def]
        product(1, source, 0, 16, to, 0, 16)

    run(np.ones(16 * len(matrix[0]), np.float32), np.zeros(16 * len(matrix), np.float32))
    (text,) = run.inspect_llvm().values()
    lines = [line for line in text.splitlines() if "= " in line and " x float>" in line]
    single = sum(f" {name} <" in line for line in lines for name in ("fadd", "fsub", "fmul"))
    fused = sum("call" in line and "@llvm.fma" in line for line in lines)
    compiled = single + 2 * fused  # where LLVM may find another sum that two rows share
    assert 0 < compiled <= combine.operations(matrix) <= 1.05 * compiled


def test_every_operation_of_kernels_is_defined() -> None:
    ours = {k.operation for k in all_kernels() if k.function.__module__.startswith("kernels.")}
    assert ours == set(DEFINITIONS)


def test_a_tally_counts_each_call_within_it() -> None:
    g = ConvGeometry.of((1, 2, 6, 6), (3, 2, 1, 1))
    p = PoolGeometry.of(g.y_shape, 2)
    x, w = (np.ones(shape, np.float32) for shape in (g.x_shape, g.w_shape))
    convolve, pool, relu = (
        pick(*asked) for asked in (("conv2d", "cpu", g), ("max_pool2d", "cpu", p),
                                   ("relu", "cpu", g.y_shape))
    )  # fmt: skip
    convolve(x, w, g)
    with tally() as found:
        pool(relu(convolve(x, w, g)), p)
    relu(memory.empty(g.y_shape, np.float32, "NHWC"))
    wanted = done(convolve, g) + math.prod(g.y_shape) + defined("max_pool2d", p)
    assert found.operations == wanted
