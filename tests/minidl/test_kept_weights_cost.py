"""Checks of prepared weights: how many checksums they take, and whom they count as a holder."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from kernels.bounds import same_bits
from minidl import Tensor, nn, optim, versions
from minidl.prepared_weights import forget
from tests.minidl.weight_changes import LAYERS, anew, expect_new, images, run, with_algorithm

pytestmark = pytest.mark.quick


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.fixture
def checksums(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of every array of which a checksum is computed."""
    made: list[int] = []

    def counted(array: Any) -> Any:
        made.append(array.size)
        return checksum(array)

    checksum = versions.checksum
    monkeypatch.setattr(versions, "checksum", counted)
    return made


@pytest.mark.parametrize("layer", LAYERS)
def test_weights_that_were_never_handed_out_are_not_checked(
    layer: str, checksums: list[int]
) -> None:
    module = LAYERS[layer]()
    for _ in range(3):
        run(module)
        module(images()).backward(np.ones_like(run(module)))
        optim.SGD(dict(module.named_parameters()), 0.01).step()
    assert checksums == []


def test_weights_that_nobody_holds_any_more_are_checked_once(checksums: list[int]) -> None:
    layer = with_algorithm("direct", "conv2d", 3)
    run(layer)
    float(layer.weight.data.sum())
    layer.state_dict()
    run(layer)
    counted = len(checksums)
    assert counted == 2  # when it was handed out, and before what was kept was used again
    for _ in range(5):
        run(layer)
    assert len(checksums) == counted


def test_weights_that_somebody_holds_are_checked_at_every_call(checksums: list[int]) -> None:
    layer = with_algorithm("direct", "conv2d", 3)
    run(layer)
    held: list[Any] = [layer.weight.data[1, :, 1:]]
    run(layer)
    counted = len(checksums)
    for _ in range(5):
        run(layer)
    assert len(checksums) == counted + 5
    held.clear()
    gc.collect()
    run(layer)
    counted = len(checksums)
    run(layer)
    assert len(checksums) == counted


def test_a_tape_that_is_held_does_not_count_as_a_holder(checksums: list[int]) -> None:
    """The transposed weights of a linear layer are on the tape as long as its result is."""
    layer, x = nn.Linear(40, 50, rng=np.random.default_rng(0)), Tensor(np.ones((2, 40), np.float32))
    layer.state_dict()
    held = [layer(x) for _ in range(3)]
    assert held
    assert checksums == []


# Threads, processes and interrupts.


def test_threads_that_begin_after_a_write_all_see_it() -> None:
    layer = with_algorithm("direct", "conv2d", 3)
    for value in (1.0, 2.0, 3.0):
        run(layer)
        layer.weight.data[...] = value
        expected = anew(layer)
        with ThreadPoolExecutor(4) as workers:
            found = list(workers.map(lambda _: run(layer), range(4)))
        assert all(same_bits(each, expected) for each in found)


def test_an_interrupt_in_a_check_loses_no_write(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = with_algorithm("direct", "conv2d", 3)
    run(layer)
    before = run(layer)
    layer.weight.data[3] = 0

    def interrupted(_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(versions, "checksum", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(layer)
    expect_new(layer, before)


HOLDERS: dict[str, Callable[[np.ndarray], object]] = {
    "array": lambda array: array,
    "view": lambda array: array[1:],
    "view of a view": lambda array: array[1:][:, 0],
    "buffer": memoryview,
    "tensor": lambda array: Tensor(array.reshape(2, 6, order="F")),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_whoever_holds_the_memory_is_counted(holder: str) -> None:
    guard = versions.Guard(np.ones((3, 4), np.float32).T)
    assert guard._is_alone()
    held = [HOLDERS[holder](guard.handed(guard.array))]
    assert not guard._is_alone()
    held.clear()
    assert guard._is_alone()
