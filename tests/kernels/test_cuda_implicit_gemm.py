"""Convolutions as products of tiles: at a tile's edges, in any schedule, with any tile."""

from __future__ import annotations

from contextlib import contextmanager
from types import ModuleType

import numpy as np
import pytest

from kernels import ConvGeometry, named
from kernels.bounds import same_bits
from kernels.contract import memory
from kernels.conv2d import cuda_implicit_gemm as fprop
from kernels.conv2d_dgrad import cuda_implicit_gemm as dgrad
from kernels.conv2d_wgrad import cuda_implicit_gemm as wgrad
from kernels.cuda import emulator
from kernels.cuda.grids import few_blocks
from kernels.cuda.tiles import Tile
from kernels.verify.calls import Call, make
from tests.kernels.cuda_cases import EMPTY, GEOMETRIES, dtypes, geometries, run

MODULES = {"conv2d": fprop, "conv2d_dgrad": dgrad, "conv2d_wgrad": wgrad}
operations = pytest.mark.parametrize("operation", MODULES)
TILES = [(operation, tile) for operation, module in MODULES.items() for tile in module.TILES]
tiles = pytest.mark.parametrize(
    ("operation", "tile"), TILES, ids=[tile.instance(name) for name, tile in TILES]
)
DTYPES = {"float": np.float32, "double": np.float64}


@contextmanager
def only(operation: str, *chosen: Tile, **changed: int):  # type: ignore[no-untyped-def]
    """Within it the operation has these tiles alone, and other constants of its file."""
    module: ModuleType = MODULES[operation]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TILES", chosen)
        for name, value in changed.items():
            patch.setattr(module, name, value)
        yield


def product(operation: str, rows: int, columns: int, terms: int) -> ConvGeometry:
    """A convolution with windows of one pixel, whose matrices are of these sizes."""
    pixels, C, K = {
        "conv2d": (rows, terms, columns),
        "conv2d_dgrad": (rows, columns, terms),
        "conv2d_wgrad": (terms, columns, rows),
    }[operation]
    return ConvGeometry.of((1, C, 1, pixels), (K, C, 1, 1))


def expected_product(call: Call) -> np.ndarray:
    """The same by NumPy, in integers."""
    a, b = (array.astype(np.int64) for array in call.inputs.values())
    if call.operation == "conv2d":
        return np.einsum("ncpq,kcrs->nkpq", a, b)  # (1,C,1,X) x (K,C,1,1) -> (1,K,1,X)
    if call.operation == "conv2d_dgrad":
        return np.einsum("nkpq,kcrs->ncpq", a, b)  # (1,K,1,X) x (K,C,1,1) -> (1,C,1,X)
    return np.einsum("ncpq,nkpq->kc", a, b)[..., None, None]  # (1,C,1,X) x (1,K,1,X) -> (K,C,1,1)


def up(count: int, width: int) -> int:
    return -(-count // width) * width


@pytest.mark.parametrize("excess", [-1, 0, 1])
@pytest.mark.parametrize("terms", [1, 7, 8, 9, 17])
@tiles
def test_a_product_is_exact_around_the_edges_of_a_tile(
    operation: str, tile: Tile, terms: int, excess: int, cuda_device: str
) -> None:
    """One row, column or term too few or too many; in whole vectors where those are loaded."""
    width = max(tile.widths)
    g = product(
        operation, *(up(size + excess, width) for size in (tile.rows, tile.columns)),
        up(terms, width),
    )  # fmt: skip
    call = make(operation, g, "integers", terms, DTYPES[tile.ctype])
    with only(operation, tile), memory.poisoned():
        y = run(named(operation, "implicit_gemm", "cuda"), call, cuda_device)
    assert np.array_equal(y, expected_product(call))


@pytest.mark.parametrize("sizes", [(1, 1), (1, 130), (130, 1), (129, 257)])
@operations
def test_a_product_of_any_shape_is_exact(
    operation: str, sizes: tuple[int, int], cuda_device: str
) -> None:
    call = make(operation, product(operation, *sizes, 5), "integers", 6, np.float32)
    with memory.poisoned():
        y = run(named(operation, "implicit_gemm", "cuda"), call, cuda_device)
    assert np.array_equal(y, expected_product(call))


@pytest.mark.parametrize("seed", [1, 2])
@geometries
@operations
def test_an_implicit_product_has_the_same_bits_in_any_order(
    operation: str, g: ConvGeometry, seed: int, cuda_device: str
) -> None:
    kernel = named(operation, "implicit_gemm", "cuda")
    call = make(operation, g, "normal", seed, np.float32)
    with only(operation, *MODULES[operation].TILES, **_parts(operation)):
        plain = run(kernel, call, cuda_device)
        with emulator.schedule(seed), few_blocks(1):
            assert same_bits(run(kernel, call, cuda_device), plain)


def _parts(operation: str) -> dict[str, int]:
    """So that small sums are cut into several parts too."""
    return {"LEAST": wgrad.SLICE} if operation == "conv2d_wgrad" else {}


@operations
def test_which_tile_was_chosen_cannot_be_seen_in_a_result(operation: str, cuda_device: str) -> None:
    kernel = named(operation, "implicit_gemm", "cuda")
    g = ConvGeometry.of((2, 8, 9, 8), (12, 8, 3, 3), 2, 1)
    call = make(operation, g, "normal", 7, np.float32)
    results = []
    for tile in (t for t in MODULES[operation].TILES if t.ctype == "float"):
        with only(operation, tile):
            results.append(run(kernel, call, cuda_device))
    assert len(results) > 2
    assert all(same_bits(result, results[0]) for result in results[1:])


@pytest.mark.parametrize("rectify", [False, True])
@geometries
def test_the_implicit_convolution_adds_its_bias_and_rectifies(
    g: ConvGeometry, rectify: bool, cuda_device: str
) -> None:
    kernel = named("conv2d", "implicit_gemm", "cuda")
    bias = np.random.default_rng(4).integers(-9, 10, g.K).astype(np.float32)
    call = make("conv2d", g, "integers", 4, np.float32, bias=bias)
    (expected,) = call.define()
    given = make("conv2d", g, "integers", 4, np.float32, bias=bias, rectify=rectify)
    y = run(kernel, given, cuda_device)
    assert np.array_equal(y, np.maximum(expected, 0) if rectify else expected)


def test_rectifying_keeps_a_nan(cuda_device: str) -> None:
    g = GEOMETRIES["packs of four channels"]
    call = make("conv2d", g, "integers", 4, np.float32, rectify=True)
    call = call.but(x=np.full(g.x_shape, np.nan, np.float32))
    assert np.isnan(run(named("conv2d", "implicit_gemm", "cuda"), call, cuda_device)).all()


@operations
def test_a_nan_goes_where_its_products_go(operation: str, cuda_device: str) -> None:
    """A slice reaches past the window's last term: the pixels there are no part of the sum."""
    g = ConvGeometry.of((1, 4, 6, 6), (3, 4, 3, 3))
    call = make(operation, g, "integers", 9, np.float32)
    name, array = next(iter(call.inputs.items()))
    array = array.copy()
    array[0, 0, -2, 1] = np.nan
    call = call.but(**{name: array})
    (expected,) = call.define()
    assert 0 < np.isnan(expected).sum() < expected.size
    y = run(named(operation, "implicit_gemm", "cuda"), call, cuda_device)
    assert np.array_equal(y, expected, equal_nan=True)


@pytest.mark.parametrize("stride", [(1, 2), (5, 1), (4, 4)])
def test_phases_without_pixels_or_taps_are_served(
    stride: tuple[int, int], cuda_device: str
) -> None:
    """A stride above the plane leaves phases without a pixel, one above the window without taps."""
    g = ConvGeometry.of((2, 3, 3, 1), (4, 3, 2, 1), stride)
    call = make("conv2d_dgrad", g, "integers", 10, np.float32)
    with memory.poisoned():
        y = run(named("conv2d_dgrad", "implicit_gemm", "cuda"), call, cuda_device)
    assert np.array_equal(y, call.define()[0])


def test_a_convolution_of_no_channels_is_its_bias_rectified(cuda_device: str) -> None:
    g = EMPTY["no channels"]
    bias = np.array([-1, 0, 2], np.float32)
    call = make("conv2d", g, "normal", 4, np.float32, bias=bias, rectify=True)
    y = run(named("conv2d", "implicit_gemm", "cuda"), call, cuda_device)
    assert np.array_equal(y, np.broadcast_to([[[[0]], [[0]], [[2]]]], g.y_shape))


@pytest.mark.parametrize("pixels", [16, 17, 63, 65, 200])
@dtypes
def test_the_parts_of_a_sum_over_pixels_add_up(dtype: type, pixels: int, cuda_device: str) -> None:
    """Whole slices, a last part that is shorter, and a last slice that is."""
    call = make("conv2d_wgrad", product("conv2d_wgrad", 5, 6, pixels), "integers", 8, dtype)
    with only("conv2d_wgrad", *wgrad.TILES, **_parts("conv2d_wgrad")), memory.poisoned():
        assert wgrad.plan(call.g).parts > 1
        y = run(named("conv2d_wgrad", "implicit_gemm", "cuda"), call, cuda_device)
    assert np.array_equal(y, expected_product(call))
