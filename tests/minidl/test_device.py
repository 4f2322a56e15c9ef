"""Tests of tensors, modules, training and projections in the emulator, or on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernels import cuda
from kernels.bounds import eps, same_bits
from kernels.contract import memory
from kernels.verify.arrays import normal, rngs, small
from minidl import Tensor, check_vjp, device, nn, no_grad, optim, serialize
from minidl import functional as F
from tests.minidl import (  # noqa: F401  (they fill CASES)
    differentiable_elements,
    differentiable_moves,
)
from tests.minidl.differentiable import CASES

pytestmark = pytest.mark.usefixtures("one_thread")
ONE_DEVICE = [HealthCheck.function_scoped_fixture]
"""The fixture `cuda_device` is the same for all examples."""


def two_layers(seed: int = 0) -> nn.Sequential:
    rng = np.random.default_rng(seed)
    return nn.Sequential(
        conv=nn.Conv2d(3, 4, 3, padding=1, rng=rng),
        relu=nn.ReLU(),
        pool=nn.MaxPool2d(2),
        flat=nn.Flatten(),
        drop=nn.Dropout(0.5),
        fc=nn.Linear(36, 5, rng=rng),
    )


def images(count: int = 4) -> np.ndarray:
    return normal((count, 3, 6, 6), np.random.default_rng(1), np.float32)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", sorted(CASES))
@settings(max_examples=5, suppress_health_check=ONE_DEVICE)
@given(data=st.data(), rng=rngs)
def test_every_function_agrees_with_finite_differences_on_the_device(
    cuda_device: str, name: str, order: int, data: st.DataObject, rng: np.random.Generator
) -> None:
    function, arrays = CASES[name](data.draw, rng)

    def there(*tensors: Tensor) -> Tensor:
        y = function(*(t.to(cuda_device) for t in tensors))
        assert y.device == cuda_device
        return y.to("cpu")

    check_vjp(there, *arrays, rng=rng, order=order)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4, 5), (0, 2)])
def test_a_tensor_comes_back_from_the_device_as_it_went(
    cuda_device: str, shape: tuple[int, ...]
) -> None:
    x = normal(shape, np.random.default_rng(0), np.float32)
    moved = Tensor(x).to(cuda_device)
    assert moved.device == cuda_device and moved.to(cuda_device) is moved
    assert same_bits(moved.to("cpu").data, x) and same_bits(moved.numpy(), x)


def test_four_axes_are_channels_last_on_the_device(cuda_device: str) -> None:
    moved = device.move(images(), cuda_device)
    assert memory.nhwc(moved).flags.c_contiguous
    assert same_bits(device.host(moved), images())


def test_a_leaf_on_the_cpu_gets_its_gradient_there(cuda_device: str) -> None:
    x = Tensor(np.array([1.0, -2.0]), requires_grad=True)
    (x.to(cuda_device) * x.to(cuda_device)).sum().backward()
    assert x.grad is not None and x.grad.device == "cpu"
    assert np.array_equal(x.grad.data, [2.0, -4.0])


def test_tensors_of_two_devices_are_refused(cuda_device: str) -> None:
    here = Tensor(np.ones((2, 3)), requires_grad=True)
    there = here.to(cuda_device)
    with pytest.raises(ValueError, match=rf"add: \(2, 3\) is on 'cpu'.*on '{cuda_device}'.*to\("):
        here + there
    with pytest.raises(ValueError, match=f"cotangent is on 'cpu', the tensor on '{cuda_device}'"):
        there.backward(np.ones((2, 3)))


def test_an_unknown_device_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="one of cpu, cuda, emulator, got 'gpu'"):
        two_layers().to("gpu")


@settings(suppress_health_check=ONE_DEVICE)
@given(places=st.lists(small(0, 5), max_size=20), rng=rngs)
def test_values_for_one_place_are_added_in_the_cpus_order(
    cuda_device: str, places: list[int], rng: np.random.Generator
) -> None:
    where, values = np.array(places, np.int64), rng.standard_normal((len(places), 2))
    here, there = np.zeros((6, 2)), device.move(np.zeros((6, 2)), cuda_device)
    np.add.at(here, where, values)
    device.add_at(there, where, device.move(values, cuda_device))
    assert same_bits(device.host(there), here)


@settings(suppress_health_check=ONE_DEVICE)
@given(shape=st.tuples(*[small(0, 4)] * 4), p=st.floats(0, 1), seed=small(0, 2**64 - 1))
def test_a_mask_on_the_device_is_the_cpus(
    cuda_device: str, shape: tuple[int, ...], p: float, seed: int
) -> None:
    like = device.move(np.zeros(1, np.float32), cuda_device)
    here, there = (F.dropout_mask(shape, p, seed=seed, step=3, like=a) for a in (None, like))
    assert device.of(there) == cuda_device
    assert same_bits(device.host(there), here)


def test_a_module_on_the_device_answers_as_on_the_cpu(cuda_device: str) -> None:
    model = two_layers().eval()
    with no_grad():
        here = model(Tensor(images())).data
        model.to(cuda_device)  # (weights prepared on the CPU are not used there)
        there = model(Tensor(images()).to(cuda_device))
    assert model.device == there.device == cuda_device
    # 27 and 36 products, whose factors and sums are of order 1.
    assert not np.abs(there.numpy() - here).max() > 64 * eps(np.float32) * np.abs(here).max() * 36


def test_a_move_that_finds_no_room_leaves_the_module_where_it_was(
    cuda_device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, place = two_layers(), cuda.place
    left = iter([True, True, False])

    def until_full(x: Any, where: str) -> Any:
        if next(left):
            return place(x, where)
        raise MemoryError("full")

    monkeypatch.setattr(cuda, "place", until_full)
    with pytest.raises(MemoryError, match="full"):
        model.to(cuda_device)
    assert {p.device for p in model.parameters()} == {"cpu"}


def test_weights_are_kept_and_loaded_wherever_they_lie(cuda_device: str, tmp_path: Path) -> None:
    model, other = two_layers(0).to(cuda_device), two_layers(1).to(cuda_device)
    serialize.save(tmp_path / "weights", model.state_dict())
    other.load_state_dict(serialize.load(tmp_path / "weights")[0])
    for (name, ours), theirs in zip(
        other.named_parameters(), two_layers(0).parameters(), strict=True
    ):
        assert ours.device == cuda_device
        assert same_bits(ours.numpy(), theirs.data), name


@pytest.mark.parametrize("where", ["cpu", "emulator"])
def test_no_room_for_a_step_leaves_every_weight_as_it_was(
    where: str, cuda_device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = two_layers().to(where if where == "cpu" else cuda_device)
    optimiser = optim.SGD(dict(model.named_parameters()), 0.1)
    F.cross_entropy(model(Tensor(images()).to(model.device)), np.arange(4)).backward()
    admit = memory.canonicalise
    # Each of 4 parameters lets its weights, velocity and gradient in.
    for room in range(12):
        left = iter([True] * room + [False] * 12)

        def until_full(x: Any, left: Iterator[bool] = left) -> Any:
            if next(left):
                return admit(x)
            raise MemoryError("full")

        before = [p.numpy().copy() for p in model.parameters()]
        with monkeypatch.context() as patched:
            patched.setattr(memory, "canonicalise", until_full)
            with pytest.raises(MemoryError, match="full"):
                optimiser.step()
        for old, parameter in zip(before, model.parameters(), strict=True):
            assert same_bits(old, parameter.numpy())
        assert all(not device.host(v).any() for v in optimiser.velocity.values())
    optimiser.step()
    assert not same_bits(before[0], next(iter(model.parameters())).numpy())
