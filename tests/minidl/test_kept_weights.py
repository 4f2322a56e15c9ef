"""Prepared weights in inference: every way to change the weights is seen by the next call.

A layer is run, its weights are changed, it is run again; expected is the result of a new layer with
a copy of the changed weights, by the same kernel and so with the same bits.
"""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from kernels import all_kernels
from kernels.bounds import same_bits
from minidl import Tensor, nn, no_grad
from minidl import functional as F
from minidl.prepared_weights import forget
from tests.minidl.weight_changes import (
    ALGORITHMS,
    CHANGES,
    LAYERS,
    convolution,
    expect_new,
    images,
    run,
    weight_of,
    with_algorithm,
)

pytestmark = pytest.mark.quick


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    forget()
    yield
    forget()


def test_what_one_kernel_prepared_is_not_given_to_another() -> None:
    rng = np.random.default_rng(8)
    w = nn.Parameter(rng.standard_normal((32, 16, 3, 3)).astype(np.float32))
    x = Tensor(rng.standard_normal((1, 16, 14, 14)).astype(np.float32))
    names = [k.name for k in all_kernels("conv2d") if k.device == "cpu" and k.prepare is not None]
    names = [name for name in names if name in ("direct", "winograd_1d", "winograd_tiles")]
    assert len(names) > 1
    with no_grad():
        alone = []
        for name in names:
            forget()
            alone.append(F.conv2d(x, w, padding=1, algorithm=name).data.copy())
        forget()
        for _ in range(2):
            for name, expected in zip(names, alone, strict=True):
                assert same_bits(F.conv2d(x, w, padding=1, algorithm=name).data, expected)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen_by_every_layer(layer: str, change: str) -> None:
    module = LAYERS[layer]()
    run(module)
    before = run(module)
    CHANGES[change](module, weight_of(module))
    expect_new(module, before)


@pytest.mark.parametrize(("name", "operation", "size"), ALGORITHMS)
@pytest.mark.parametrize("change", ["a filter set to 0", "data = zeros", "data *= -2"])
def test_every_kernel_that_prepares_sees_the_change(
    name: str, operation: str, size: int, change: str
) -> None:
    module = with_algorithm(name, operation, size)
    run(module)
    before = run(module)
    CHANGES[change](module, weight_of(module))
    expect_new(module, before)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("taken", ["before the first call", "between calls"])
def test_a_view_that_is_held_may_be_written_to_at_any_time(layer: str, taken: str) -> None:
    module = LAYERS[layer]()
    held = weight_of(module).data[2] if taken == "before the first call" else None
    run(module)
    before = run(module)
    if held is None:
        held = weight_of(module).data[2]
    for value in (1, 2, -1):
        held[...] = value
        expect_new(module, before)
        before = run(module)


@pytest.mark.parametrize("shape", [(8, 8, 3, 3), (64, 64, 3, 3)])
def test_the_array_that_a_layer_was_made_of_may_be_written_to(shape: tuple[int, ...]) -> None:
    """Whether it is shared or was copied: the layer gives the result of what it has then."""
    given = np.random.default_rng(0).standard_normal(shape, np.float32)
    given = np.ascontiguousarray(given.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    x = Tensor(np.random.default_rng(1).standard_normal((1, shape[1], 9, 9), np.float32))
    layer = nn.Conv2d.of(given, padding=1)
    with no_grad():
        layer(x)
        given[3] = 0
        expected = nn.Conv2d.of(layer.weight.data.copy(), padding=1)(x)
        assert same_bits(layer(x).data, expected.data)
    shared = np.shares_memory(given, layer.weight.data)
    assert bool(layer.weight.data[3].any()) is not shared


def test_replaced_data_are_shared() -> None:
    """As in PyTorch: two parameters with one array are changed together."""
    layer, other = convolution(), convolution(3)
    layer.weight.data = other.weight.data
    run(layer)
    before = run(layer)
    other.weight.assign(np.ones(other.weight.shape))
    expect_new(layer, before)
    before = run(layer)
    other.weight.data[3] = 0
    expect_new(layer, before)


def test_a_change_in_another_thread_is_seen() -> None:
    layer = convolution()
    run(layer)
    before = run(layer)
    worker = threading.Thread(target=lambda: CHANGES["a filter set to 0"](layer, layer.weight))
    worker.start()
    worker.join()
    expect_new(layer, before)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_is_pruned_apart_from_the_original(copied: Callable[[Any], Any]) -> None:
    layer = convolution()
    run(layer)
    before = run(layer)
    twin = copied(layer)
    run(twin)
    twin.weight.data[3] = 0
    expect_new(twin, before)
    assert same_bits(run(layer), before)
    layer.weight.data[2] = 0
    expect_new(layer, before)


def test_a_parameter_on_another_device_sees_changes() -> None:
    layer = convolution(1).to("emulator")
    x = images().to("emulator")
    with no_grad():
        before = layer(x).numpy()
        for change in ("a filter set to 0", "data of a transposed tensor", "data *= -2"):
            CHANGES[change](layer, layer.weight)
            after = layer(x).numpy()
            assert not np.array_equal(before, after)
            assert same_bits(after, copy.deepcopy(layer)(x).numpy())
            before = after
