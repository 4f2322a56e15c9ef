"""Pooling on CUDA, on planes larger than its blocks; the properties are in `kernels/verify`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import Kernel, PoolGeometry, all_kernels, named, pick
from kernels.bounds import same_bits, within
from kernels.contract import memory
from kernels.contract.probe import supports
from kernels.cuda import emulator, planes
from kernels.cuda.grids import few_blocks
from kernels.verify import Call, make
from kernels.verify.calls import Results

POOLING = ("max_pool2d", "max_unpool2d", "max_unpool2d_vjp", "avg_pool2d", "avg_pool2d_vjp")
LAWS = ("sum", "max", "last")
GEOMETRIES = {
    "one channel per thread": PoolGeometry.of((2, 3, 7, 6), 3, 2, 1),
    "four channels per thread": PoolGeometry.of((2, 8, 7, 6), 3, 2, 1),
    "dilated and cropped": PoolGeometry.of((1, 4, 9, 8), (2, 3), (1, 2), (1, 0, -1, 1), (3, 2)),
    "gaps between windows": PoolGeometry.of((2, 2, 9, 8), 2, (4, 3)),
    "ceil mode": PoolGeometry.of((1, 4, 8, 6), 3, 2, 1, ceil_mode=True),
    "single pixels": PoolGeometry.of((2, 4, 5, 4), 1, 2),
    "padding not counted": PoolGeometry.of((1, 5, 6, 6), 3, 2, 1, count_include_pad=False),
    "more columns than a block": PoolGeometry.of((1, 300, 1, 5), (1, 2), 1),
    "more channels than a block": PoolGeometry.of((1, 1037, 2, 2), 2, 1, 1),
}
ALONE = PoolGeometry(2, 4, 6, 5, 1, 1, (1, 1), (0, -3, 0, -2), (1, 1))
"""Of unpooling 3 x 3 values into 6 x 5 pixels, wherever their switches are."""

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def of(*names: str) -> Any:
    kernels = [k for name in names for k in all_kernels(name) if k.device == "cuda"]
    ids = [f"{k.operation}-{k.name}" for k in kernels]
    return pytest.mark.parametrize("kernel", kernels, ids=ids)


served = pytest.mark.parametrize(
    ("kernel", "g"),
    [
        pytest.param(kernel, g, id=f"{kernel.operation}-{kernel.name}-{name}")
        for operation in POOLING
        for kernel in all_kernels(operation)
        for name, g in GEOMETRIES.items()
        if kernel.device == "cuda" and supports(kernel, g)
    ],
)


def call_of(kernel: Kernel, g: PoolGeometry, device: str, dtype: Any = np.float32) -> Call:
    """Integers, so that values collide and, except in averages, nothing rounds."""
    return replace(make(kernel.operation, g, "integers", 1, dtype), device=device)


def laws_of(call: Call) -> list[Call]:
    """The call under each law of collisions, if it has any."""
    laws = LAWS if call.operation == "max_unpool2d" else ()
    return [replace(call, options={"collisions": law}) for law in laws] or [call]


def all_same(one: Results, other: Results) -> bool:
    return all(same_bits(a, b) for a, b in zip(one, other, strict=True))


@dtypes
@served
def test_pooling_is_its_definition(
    kernel: Kernel, g: PoolGeometry, dtype: type, cuda_device: str
) -> None:
    for call in laws_of(call_of(kernel, g, cuda_device, dtype)):
        with memory.poisoned():
            results = call.run(kernel)
        for result, expected, bound in zip(results, call.define(), call.bound(kernel), strict=True):
            assert within(result, expected, bound)


@served
def test_pooling_gives_the_same_bits_in_any_order_of_threads_and_in_one_block(
    kernel: Kernel, g: PoolGeometry, cuda_device: str
) -> None:
    for call in laws_of(call_of(kernel, g, cuda_device)):
        natural = call.run(kernel)
        with emulator.schedule(7), few_blocks(1):
            assert all_same(call.run(kernel), natural)


@of("max_pool2d")
@pytest.mark.parametrize("channels", [3, 4])
def test_nan_and_infinities_are_the_maximum_as_on_the_cpu(
    kernel: Kernel, channels: int, cuda_device: str
) -> None:
    g = PoolGeometry.of((2, channels, 9, 8), 3, 2, 1)
    rng = np.random.default_rng(2)
    x = rng.choice(np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1], np.float32), g.x_shape)
    call = replace(make(kernel.operation, g, "normal", 0), device=cuda_device).but(x=x)
    assert all_same(call.run(kernel), call.run(named("max_pool2d", "scan", "cpu")))


@of("max_unpool2d")
@pytest.mark.parametrize("law", LAWS)
def test_what_collides_is_left_as_on_the_cpu(kernel: Kernel, law: str, cuda_device: str) -> None:
    g = PoolGeometry.of((2, 4, 6, 5), 3, 1, 1)
    values = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, -1], np.float32)
    y = np.random.default_rng(3).choice(values, g.y_shape)
    call = make("max_unpool2d", g, "integers", 4, collisions=law)
    call = replace(call, device=cuda_device).but(y=y)
    (result,), (expected,) = call.run(kernel), call.run(named("max_unpool2d", "scatter", "cpu"))
    assert np.array_equal(result, expected, equal_nan=True)


@pytest.mark.parametrize("law", LAWS)
def test_unpooling_alone_follows_switches_to_anywhere(law: str, cuda_device: str) -> None:
    rng = np.random.default_rng(5)
    switches = rng.integers(0, ALONE.H * ALONE.W, ALONE.y_shape).astype(np.int32)
    y = rng.integers(-4, 5, ALONE.y_shape).astype(np.float32)
    call = Call("max_unpool2d", ALONE, {"y": y, "switches": switches}, {"collisions": law})
    (x,) = replace(call, device=cuda_device).run(pick("max_unpool2d", "cuda", ALONE))
    assert np.array_equal(x, call.define()[0])


@of(*POOLING)
@pytest.mark.parametrize("shape", [(0, 2, 5, 4), (2, 0, 5, 4), (0, 0, 5, 4)])
def test_nothing_pooled_gives_nothing(
    kernel: Kernel, shape: tuple[int, ...], cuda_device: str
) -> None:
    call = call_of(kernel, PoolGeometry.of(shape, 3, 2, 1), cuda_device)
    for result, expected in zip(call.run(kernel), call.define(), strict=True):
        assert result.shape == expected.shape and result.size == 0


@given(
    rows=st.integers(1, 5),
    columns=st.integers(1, 300),
    vectors=st.integers(1, 600),
    most=st.sampled_from([1, 2, 8192]),
)
def test_every_pixel_and_channel_is_one_threads(
    rows: int, columns: int, vectors: int, most: int
) -> None:
    with few_blocks(most):
        grid, block = planes.over_pixels(rows, columns, vectors)
    assert block[0] * block[1] <= planes.THREADS
    places = zip((rows, columns, vectors), grid, (1, block[1], block[0]), strict=True)
    for count, blocks, threads in places:
        apart = blocks * threads
        taken = [i for first in range(apart) for i in range(first, count, apart)]
        assert sorted(taken) == [*range(count)]


@given(pixels=st.integers(1, 10**6), vectors=st.integers(1, 3000))
def test_threads_that_share_a_pixel_are_of_one_warp_and_fill_it(pixels: int, vectors: int) -> None:
    _, (wide, high, _) = planes.over_groups(pixels, vectors)
    assert planes.WARP % wide == 0
    assert wide * high % planes.WARP == 0 and wide * high <= planes.THREADS


@dtypes
def test_a_thread_takes_sixteen_bytes_where_the_channels_divide_by_them(dtype: type) -> None:
    most = 16 // np.dtype(dtype).itemsize
    assert [planes.lanes(dtype, c) for c in range(1, 9)] == [
        most if c % most == 0 else 1 for c in range(1, 9)
    ]
    names = {planes.instance("scan", dtype, c) for c in range(1, 9)}
    assert names <= set(planes.instances("scan"))
