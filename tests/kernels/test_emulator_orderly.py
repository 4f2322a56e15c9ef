"""Kernels without a fault in the emulator: no reports, and a GPU's results, in any schedule."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest

from kernels.cuda import emulator

HERE = Path(__file__).parent / "cuda"
ORDERLY = HERE / "orderly.cu"

pytestmark = pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")


def rng() -> np.random.Generator:
    return np.random.default_rng(6)


def integers(*shape: int, dtype: type = np.float32) -> np.ndarray:
    """Small whole numbers, whose sums are exact in any order."""
    return rng().integers(-8, 9, shape).astype(dtype)


def product(dtype: type = np.float32, name: str = "float") -> np.ndarray:
    M, N, K = 37, 29, 45
    a, b, c = integers(M, K, dtype=dtype), integers(K, N, dtype=dtype), np.zeros((M, N), dtype)
    sizes = [np.int32(size) for size in (M, N, K)]
    emulator.launch(
        HERE / "product.cu", f"product<{name}, 16>", (2, 3, 1), (16, 16, 1), [a, b, c, *sizes]
    )
    np.testing.assert_array_equal(c, a @ b)
    return c


def sums(dtype: type = np.float32, name: str = "float") -> np.ndarray:
    x, y = rng().standard_normal((5, 256)).astype(dtype), np.zeros(5, dtype)
    emulator.launch(ORDERLY, f"sums<{name}>", (5, 1, 1), (256, 1, 1), [x, y])
    error = np.abs(y - x.astype(np.float64).sum(1))
    # 255 additions, each with a rounding of at most eps / 2 of a sum of absolute values
    assert not np.any(error > 255 * np.finfo(dtype).eps / 2 * np.abs(x).sum(1, np.float64))
    return y


def sums_by_a_warp() -> np.ndarray:
    x, y = integers(32), np.zeros(32, np.float32)
    emulator.launch(ORDERLY, "sums_by_a_warp", (1, 1, 1), (32, 1, 1), [x, y])
    np.testing.assert_array_equal(y, np.full(32, x.sum()))
    return y


def histogram() -> np.ndarray:
    x, counts = rng().integers(0, 16, 1000).astype(np.int32), np.zeros(16, np.uint64)
    emulator.launch(ORDERLY, "histogram", (3, 1, 1), (64, 1, 1), [x, counts, np.int64(x.size)])
    np.testing.assert_array_equal(counts, np.bincount(x, minlength=16))
    return counts


def reversed_rows() -> np.ndarray:
    x, y = integers(3, 100), np.zeros((3, 100), np.float32)
    emulator.launch(ORDERLY, "reversed", (3, 1, 1), (16, 1, 1), [x, y, np.int32(25)], 400)
    np.testing.assert_array_equal(y, x[:, ::-1])
    return y


def lanes() -> np.ndarray:
    y, lane = np.zeros((6, 32), np.int32), np.arange(32)
    emulator.launch(ORDERLY, "lanes", (1, 1, 1), (32, 1, 1), [y])
    ballot = np.uint32(sum(1 << k for k in range(0, 32, 3))).astype(np.int32)
    expected = [
        np.full(32, ballot),
        lane // 8 * 8 + 3,
        np.where(lane % 8 < 1, lane, lane - 1),
        np.where(lane % 8 >= 6, lane, lane + 2),
        lane ^ 5,
        np.full(32, 1),
    ]
    np.testing.assert_array_equal(y, np.stack(expected))
    return y


def votes() -> np.ndarray:
    y = np.zeros(64, np.int32)
    emulator.launch(ORDERLY, "votes", (1, 1, 1), (64, 1, 1), [y])
    np.testing.assert_array_equal(y, np.full(64, 110))
    return y


def places() -> np.ndarray:
    shape = np.array((3, 4), [("rows", np.int32), ("columns", np.int32)])[()]
    y = np.zeros((2, 3, 4), np.float32)
    emulator.launch(ORDERLY, "places", (1, 3, 2), (2, 2, 1), [shape, np.float64(0.5), y])
    plane, line = np.arange(2)[:, None, None], np.arange(3)[:, None]
    np.testing.assert_array_equal(y, [1, 2, 4, 8] + 0.5 * (10 * plane + line))
    return y


def bytes_reversed() -> np.ndarray:
    y = np.zeros(64, np.uint8)
    emulator.launch(ORDERLY, "bytes", (1, 1, 1), (64, 1, 1), [y])
    np.testing.assert_array_equal(y, np.arange(64)[::-1])
    return y


RUNS: list[Callable[[], np.ndarray]] = [
    product,
    lambda: product(np.float64, "double"),
    sums,
    lambda: sums(np.float64, "double"),
    sums_by_a_warp,
    histogram,
    reversed_rows,
    lanes,
    votes,
    places,
    bytes_reversed,
]
NAMES = [
    "product-float",
    "product-double",
    "sums-float",
    "sums-double",
    "sums_by_a_warp",
    "histogram",
    "reversed",
    "lanes",
    "votes",
    "places",
    "bytes",
]
ALL = pytest.mark.parametrize("run", RUNS, ids=NAMES)


@ALL
@pytest.mark.parametrize("switch", [nullcontext, emulator.portable], ids=["assembly", "ucontext"])
def test_every_schedule_gives_the_same_bits(
    run: Callable[[], np.ndarray], switch: Callable[[], AbstractContextManager[None]]
) -> None:
    with switch():
        natural = run()
        for seed in range(1, 8):
            with emulator.schedule(seed):
                assert run().tobytes() == natural.tobytes()


@ALL
def test_both_ways_to_switch_stacks_give_the_same_bits(run: Callable[[], np.ndarray]) -> None:
    with emulator.portable():
        portable = run()
    assert run().tobytes() == portable.tobytes()


@ALL
def test_without_checks_the_result_is_right_too(run: Callable[[], np.ndarray]) -> None:
    with emulator.unchecked():
        run()
