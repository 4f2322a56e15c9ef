"""Prepared weights in inference: every way to change the weights is seen by the next call.

A layer is run, its weights are changed, it is run again; expected is the result of a new layer with
a copy of the changed weights, by the same kernel and so with the same bits.
"""

from __future__ import annotations

import copy
import gc
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from kernels import all_kernels
from kernels.bounds import same_bits
from minidl import Tensor, nn, no_grad, optim, versions
from minidl import functional as F
from minidl.nn.folding import fold
from minidl.prepared_weights import forget

pytestmark = pytest.mark.quick

Change = Callable[[nn.Module, Any], object]
"""A change of the module's parameter "weight", or of the convolution's in it."""


def weight_of(module: nn.Module) -> nn.Parameter:
    return next(p for p in module.parameters() if p.ndim > 1)


def name_of(module: nn.Module) -> str:
    return next(name for name, p in module.named_parameters() if p.ndim > 1)


def replaced(module: nn.Module, w: nn.Parameter) -> None:
    w.data = np.zeros_like(w.data)


def multiplied(module: nn.Module, w: nn.Parameter) -> None:
    w.data *= -2


def by_state_dict(module: nn.Module, w: nn.Parameter) -> None:
    module.state_dict()[name_of(module)][...] = 0


def loaded(module: nn.Module, w: nn.Parameter) -> None:
    module.load_state_dict({n: 2 * p.data for n, p in module.named_parameters()})


def stepped(module: nn.Module, w: nn.Parameter) -> None:
    w.grad = Tensor(np.ones(w.shape, np.float32))
    optim.SGD({"w": w}, 1.0).step()


def swapped(module: nn.Module, w: nn.Parameter) -> None:
    w.data[[0, 1]] = w.data[[1, 0]]


def through_a_buffer(module: nn.Module, w: nn.Parameter) -> None:
    """Write through the buffer protocol: an array that has a memoryview as its base."""
    np.asarray(memoryview(w.data))[...] = 0


def with_an_axis(w: Tensor) -> Tensor:
    """Reshaped without a copy, whatever the memory layout."""
    return w.reshape(*w.shape, 1)


def set_to(index: Any, value: float) -> Change:
    def change(module: nn.Module, w: nn.Parameter) -> None:
        w.data[index] = value

    return change


CHANGES: dict[str, Change] = {
    "a filter set to 0": set_to(3, 0),
    "one value set": set_to((0, 0), 7),
    "data *= -2": multiplied,
    "data = zeros": replaced,
    "two filters exchanged": swapped,
    "through state_dict": by_state_dict,
    "through a buffer": through_a_buffer,
    "np.copyto": lambda module, w: np.copyto(w.data, 1),
    "out=": lambda module, w: np.negative(w.data, out=w.data),
    "an array from numpy()": lambda module, w: w.numpy().fill(0),
    "data of detach()": lambda module, w: w.detach().data.fill(0),
    "data of a reshaped tensor": lambda module, w: with_an_axis(w).data.fill(0),
    "data of a transposed tensor": lambda module, w: w.T.data.fill(1),
    "data of an index": lambda module, w: w[2].data.fill(0),
    "data of an index of a transposed tensor": lambda module, w: w.T[..., 2].data.fill(0),
    "assign": lambda module, w: w.assign(np.zeros(w.shape)),
    "detach().assign": lambda module, w: w.detach().assign(np.zeros(w.shape)),
    "assign to a reshaped tensor": lambda module, w: with_an_axis(w).assign(
        np.zeros((*w.shape, 1))
    ),
    "assign to an index": lambda module, w: w[2].assign(np.zeros(w.shape[1:])),
    "a tensor of data": lambda module, w: Tensor(w.data[1]).assign(np.zeros(w.shape[1:])),
    "load_state_dict": loaded,
    "an optimiser's step": stepped,
}


DEPTH = 16
"""Channels of a depthwise convolution: a vector of them at least."""


def convolution(size: int = 3) -> nn.Conv2d:
    return nn.Conv2d(8, 8, size, padding=size // 2, rng=np.random.default_rng(size))


def with_algorithm(name: str, operation: str, size: int) -> nn.Module:
    """A convolution, or a transposed one, by a named kernel."""

    groups = DEPTH if name == "depthwise" else 1

    class By(nn.Module):
        def __init__(self) -> None:
            drawn = np.random.default_rng(size)
            own = nn.Conv2d(DEPTH, DEPTH, size, groups=groups, rng=drawn)
            self.weight = own.weight if groups > 1 else convolution(size).weight

        def forward(self, x: Tensor) -> Tensor:
            function = F.conv2d if operation == "conv2d" else F.conv_transpose2d
            planes = F.concatenate([x] * (DEPTH // 8)) if groups > 1 else x
            settings = {"padding": size // 2, "groups": groups}
            return function(planes, self.weight, algorithm=name, **settings)

    return By()


def folded() -> nn.Module:
    affine = nn.Affine(np.full(8, 2, np.float32), np.ones(8, np.float32))
    graph = nn.Graph(
        {"conv": convolution(), "affine": affine}, {"conv": ["input"], "affine": ["conv"]}
    )
    return fold(graph)


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "1x1": lambda: convolution(1),
    "3x3": convolution,
    "7x7": lambda: convolution(7),
    "transposed": lambda: nn.ConvTranspose2d(8, 8, 3, stride=2, rng=np.random.default_rng(0)),
    "with ReLU": lambda: nn.Sequential(conv=convolution(), relu=nn.ReLU()),
    "with ReLU and pooling": lambda: nn.Sequential(
        conv=convolution(), relu=nn.ReLU(), pool=nn.MaxPool2d(2)
    ),
    "folded": folded,
    "in a graph": lambda: nn.Graph(
        {"conv": convolution(5), "relu": nn.ReLU()}, {"conv": ["input"], "relu": ["conv"]}
    ),
    "linear": lambda: nn.Sequential(
        flat=nn.Flatten(), fc=nn.Linear(8 * 81, 8, rng=np.random.default_rng(0))
    ),
}
ALGORITHMS = [
    (kernel.name, kernel.operation, size)
    for kernel in all_kernels()
    if kernel.device == "cpu" and kernel.operation in ("conv2d", "conv2d_dgrad")
    for size in (1, 3)
    if kernel.prepare is not None and (size == 3 or kernel.name == "pointwise")
    if size == 1 or kernel.name != "pointwise"
]


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    forget()
    yield
    forget()


def images() -> Tensor:
    return Tensor(np.random.default_rng(1).standard_normal((1, 8, 9, 9), np.float32))


def run(module: nn.Module) -> np.ndarray:
    with no_grad():
        return module(images()).data.copy()


def anew(module: nn.Module) -> np.ndarray:
    """The result of a module with copies of all arrays, for which nothing was prepared."""
    twin = copy.deepcopy(module)
    assert not np.shares_memory(weight_of(twin).data, weight_of(module).data)
    return run(twin)


def expect_new(module: nn.Module, before: np.ndarray) -> None:
    for _ in range(3):
        after = run(module)
        assert same_bits(after, anew(module))
        assert not np.array_equal(after, before)


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


# What it costs: checksums are counted.


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
