"""Plans give what the layers give one by one, and notice every change."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

import minidl
from kernels.contract import threads
from kernels.contract.kernel import observed
from minidl import Tensor, nn, no_grad
from minidl.nn.graph import plan_with
from minidl.plan import cache, forget, planned
from minidl.plan.network import Network
from tests.minidl.plan.networks import NETWORKS, dense, in_sequence, residual

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def no_plans_before() -> Iterator[None]:
    forget()
    yield
    forget()


def images(rng: np.random.Generator, count: int, dtype: type = np.float32) -> Tensor:
    return Tensor(rng.standard_normal((count, 3, 16, 20)).astype(dtype))


def layer_by_layer(network: nn.Graph, x: Tensor) -> np.ndarray:
    plan_with(lambda network, x: None)
    try:
        return np.asarray(network(x).numpy())
    finally:
        plan_with(planned)


def plan_of(network: nn.Graph, x: Tensor) -> Network:
    """The plan for x's shape, made if need be."""
    for _ in range(3):  # kernels that are loaded meanwhile begin another generation
        network(x)
    plan = list(cache._kept[network].values())[-1]
    assert plan is not None, "no plan was made"
    return plan


@DTYPES
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_plan_gives_the_bits_of_the_layers(
    name: str, count: int, dtype: type, rng: np.random.Generator
) -> None:
    network = NETWORKS[name](rng)
    network.to(dtype=dtype)
    network.eval()
    with no_grad():
        for x in (images(rng, count, dtype) for _ in range(3)):
            plan_of(network, x)
            before = x.numpy().copy()
            y, expected = network(x).numpy(), layer_by_layer(network, x)
            np.testing.assert_array_equal(y, expected)
            assert y.dtype == expected.dtype and y.strides == expected.strides
            np.testing.assert_array_equal(x.numpy(), before)


def test_layers_are_fused_and_memory_is_shared(rng: np.random.Generator) -> None:
    network = residual(rng)
    with no_grad():
        plan = plan_of(network, x := images(rng, 2))
        results = network.activations(x)
    fused = [step.names for step in plan.steps]
    assert ("first", "first_relu", "pool") in fused
    assert ("b", "sum", "sum_relu") in fused
    assert ("short", "join", "clip") in fused
    every = sum(y.numpy().nbytes for name, y in results.items())
    assert plan.nbytes < every + 2 * x.numpy().nbytes


def test_a_result_outlives_the_next_run(rng: np.random.Generator) -> None:
    network = dense(rng)
    with no_grad():
        plan_of(network, x := images(rng, 1))
        y = network(x).numpy()
        kept = y.copy()
        network(images(rng, 1))
    np.testing.assert_array_equal(y, kept)


def changes() -> dict[str, object]:
    def assigned(network: nn.Graph) -> None:
        weight = network.get_submodule("b").weight
        weight.assign(weight.numpy() * 2)

    def by_numpy(network: nn.Graph) -> None:
        network.get_submodule("c").bias.data[...] = 3

    def settings(network: nn.Graph) -> None:
        network.get_submodule("clip").settings["high"] = 0.25

    def another_weight(network: nn.Graph) -> None:
        layer = network.get_submodule("scores")
        layer.weight = nn.Parameter(-layer.weight.numpy())

    def hook(network: nn.Graph) -> None:
        network.get_submodule("sum_relu").register_forward_hook(lambda m, x, y: y * 2.0)

    def loaded(network: nn.Graph) -> None:
        network.load_state_dict({k: v + 1 for k, v in network.state_dict().items()})

    return {f.__name__: f for f in (assigned, by_numpy, settings, another_weight, hook, loaded)}


@pytest.mark.parametrize("name", changes())
def test_every_change_is_noticed(name: str, rng: np.random.Generator) -> None:
    network = residual(rng)
    with no_grad():
        plan_of(network, x := images(rng, 1))
        before = network(x).numpy()
        changes()[name](network)  # type: ignore[operator]
        after = network(x).numpy()
        np.testing.assert_array_equal(after, layer_by_layer(network, x))
        assert not np.array_equal(before, after)
        np.testing.assert_array_equal(after, network(x).numpy())


def test_another_layer_of_a_sequence_is_noticed(rng: np.random.Generator) -> None:
    network = in_sequence(rng)
    with no_grad():
        plan_of(network, x := images(rng, 1))
        network[5] = nn.Sigmoid()
        np.testing.assert_array_equal(network(x).numpy(), layer_by_layer(network, x))
        network.append(nn.Tanh())
        np.testing.assert_array_equal(network(x).numpy(), layer_by_layer(network, x))


def test_in_training_layers_draw_and_learn(rng: np.random.Generator) -> None:
    network = in_sequence(rng)
    with no_grad():
        plan_of(network, x := images(rng, 4))
        network.train()
        mean = network[1].running_mean.numpy().copy()
        a, b = network(x).numpy(), network(x).numpy()
        assert not np.array_equal(a, b)
        assert not np.array_equal(mean, network[1].running_mean.numpy())
        network.eval()
        np.testing.assert_array_equal(network(x).numpy(), layer_by_layer(network, x))


def test_what_overwrites_another_layers_input_is_not_planned(rng: np.random.Generator) -> None:
    layers = {"conv": nn.Conv2d(3, 8, 1, rng=rng), "relu": nn.ReLU(inplace=True), "sum": nn.Add()}
    wiring = {"conv": (nn.INPUT,), "relu": ("conv",), "sum": ("conv", "relu")}
    network, x = nn.Graph(layers, wiring), images(rng, 1)
    with no_grad():
        for _ in range(4):
            y = network(x).numpy()
    np.testing.assert_array_equal(y, layer_by_layer(network, x))


def test_several_shapes_have_plans_of_their_own(rng: np.random.Generator) -> None:
    network = dense(rng)
    with no_grad():
        for count in (1, 2, 1, 3, 2, 5, 6, 7, 1) * 2:
            x = images(rng, count)
            np.testing.assert_array_equal(network(x).numpy(), layer_by_layer(network, x))
    assert len(cache._kept[network]) <= cache.MOST


def test_the_tape_knows_no_plan(rng: np.random.Generator) -> None:
    network, x = dense(rng), images(rng, 1)
    with no_grad():
        plan_of(network, x)
    y = network(x)
    assert y.node is not None and y.requires_grad


def test_exact_kernels_and_observers_see_the_layers(rng: np.random.Generator) -> None:
    network, seen = residual(rng), list[str]()
    with no_grad():
        plan_of(network, x := images(rng, 1))
        with observed(lambda kernel, *_: seen.append(kernel.name)):
            network(x)
        with minidl.exact():
            y = network(x).numpy()
            np.testing.assert_array_equal(y, layer_by_layer(network, x))
    assert len(seen) >= 6


def test_two_threads_may_run_one_plan(rng: np.random.Generator) -> None:
    network, wrong = residual(rng), list[int]()
    with no_grad():
        plan_of(network, images(rng, 1))
        inputs = [images(rng, 1) for _ in range(4)]
        expected = [layer_by_layer(network, x) for x in inputs]

    def run(i: int) -> None:
        with no_grad():
            wrong.extend(
                i for _ in range(50) if not np.array_equal(network(inputs[i]).numpy(), expected[i])
            )

    workers = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_any_layout_of_the_input_is_taken(rng: np.random.Generator) -> None:
    network, x = residual(rng), images(rng, 2).numpy()
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    apart = np.zeros((2, 6, 16, 20), np.float32)[:, ::2]
    apart[...] = x
    with no_grad():
        plan_of(network, Tensor(x))
        expected = network(Tensor(x)).numpy()
        for other in (last, apart):
            np.testing.assert_array_equal(network(Tensor(other)).numpy(), expected)


def test_another_number_of_threads_has_a_plan_of_its_own(rng: np.random.Generator) -> None:
    network, x = residual(rng), images(rng, 1)
    before = threads.get_num_threads()
    with no_grad():
        plan_of(network, x)
        expected = network(x).numpy()
        threads.set_num_threads(1)
        try:
            plan_of(network, x)
            np.testing.assert_array_equal(network(x).numpy(), expected)
        finally:
            threads.set_num_threads(before)


def test_an_emptied_cache_holds_no_plan(rng: np.random.Generator) -> None:
    network, x = residual(rng), images(rng, 1)
    with no_grad():
        plan_of(network, x)
        expected = network(x).numpy()
        minidl.empty_cache()
        assert network not in cache._kept
        np.testing.assert_array_equal(network(x).numpy(), expected)


def test_running_statistics_are_read_in_each_run(rng: np.random.Generator) -> None:
    network, x = in_sequence(rng), images(rng, 1)
    with no_grad():
        plan_of(network, x)
        before = network(x).numpy()
        network[1].running_mean.data[...] += 1
        after = network(x).numpy()
        assert not np.array_equal(before, after)
        np.testing.assert_array_equal(after, layer_by_layer(network, x))
