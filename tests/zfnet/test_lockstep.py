"""Batch normalisation of a batch in parts that wait for each other: that of the whole batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import nn
from minidl.functional.batch_norm_of_parts import part_of_batch
from minidl.leaf_gradients import backward_by_leaf
from tests.zfnet.processes import drawn_network
from tests.zfnet.tiny import Pictures, network
from zfnet.data import Loader, Loading
from zfnet.data.shards import ShardLoader
from zfnet.gradients import WholeBatches
from zfnet.parallel import lockstep
from zfnet.parallel.lockstep import InTurn
from zfnet.parallel.sharded import ShardedBatches
from zfnet.parallel.world import ALONE


@dataclass(frozen=True)
class Part:
    turn: InTurn
    leads: bool

    def total(self, own: np.ndarray) -> np.ndarray:
        return self.turn.ask(own)


def summed(asked: Mapping[int, np.ndarray]) -> np.ndarray | None:
    return sum(asked.values(), np.zeros(())) if asked else None


def in_parts(x: np.ndarray, gy: np.ndarray, cuts: list[int], eps: float) -> dict[str, np.ndarray]:
    """Results and gradients of a batch normalisation of x[:cuts[0]], x[cuts[0]:cuts[1]], ..."""
    layer = nn.BatchNorm2d(x.shape[1], eps).double()
    layer.weight.assign(np.linspace(0.5, 2, x.shape[1], dtype=x.dtype))
    y, gx, own = np.empty_like(x), np.empty_like(x), {"weight": [], "bias": []}

    def of(first: int, stop: int) -> Callable[[InTurn], None]:
        def compute(turn: InTurn) -> None:
            with part_of_batch(Part(turn, first == 0)):
                each = minidl.Tensor(x[first:stop], requires_grad=True)
                found = layer(each)
                y[first:stop] = found.data
                names = {id(each): "x", id(layer.weight): "weight", id(layer.bias): "bias"}

                def take(leaf: minidl.Tensor, g: minidl.Tensor) -> None:
                    if leaf is each:
                        gx[first:stop] = g.data
                    else:
                        own[names[id(leaf)]].append(g.data.astype(np.float64))

                backward_by_leaf((found * minidl.Tensor(gy[first:stop])).sum(), take)

        return compute

    bounds = [0, *cuts, len(x)]
    pairs = list(pairwise(bounds))
    lockstep.run({n: of(*pair) for n, pair in enumerate(pairs)}, summed)
    return {"y": y, "gx": gx, **{n: np.sum(g, axis=0) for n, g in own.items()},
            "mean": layer.running_mean.data, "var": layer.running_var.data}  # fmt: skip


@given(st.integers(2, 9), st.integers(1, 4), st.integers(0, 2**32 - 1), st.data())
def test_parts_that_wait_for_each_other_have_the_normalisation_of_the_batch(
    images: int, channels: int, seed: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    cuts = sorted(data.draw(st.sets(st.integers(1, images - 1))))
    offset = data.draw(st.sampled_from([0.0, 50.0]))
    x = rng.normal(offset, 1, (images, channels, 3, 2))
    gy = rng.normal(size=x.shape)
    whole, parts = in_parts(x, gy, [], 1e-5), in_parts(x, gy, cuts, 1e-5)
    reference = nn.BatchNorm2d(channels, 1e-5).double()
    reference.weight.assign(np.linspace(0.5, 2, channels))
    given_x = minidl.Tensor(x, requires_grad=True)
    y = reference(given_x)
    (y * minidl.Tensor(gy)).sum().backward()
    expected = {
        "y": y.data, "gx": given_x.grad.data, "weight": reference.weight.grad.data,
        "bias": reference.bias.grad.data, "mean": reference.running_mean.data,
        "var": reference.running_var.data,
    }  # fmt: skip
    for found in (whole, parts):
        for name, value in expected.items():
            # eps of x of the size 50, over a deviation of about 1, in sums of up to 54 elements
            assert np.abs(found[name] - value).max() <= 1e-11 * max(1, np.abs(value).max()), name


def test_one_element_a_channel_in_all_parts_is_refused() -> None:
    x = np.zeros((1, 2, 1, 1))
    with pytest.raises(ValueError, match="all parts of the batch have 1 element"):
        in_parts(x, x, [], 1e-5)


def test_a_computation_that_fails_ends_the_others_where_they_stand() -> None:
    ended = []

    def waits(turn: InTurn) -> None:
        try:
            turn.ask(np.zeros(1))
        finally:
            ended.append("waits")

    def fails(turn: InTurn) -> None:
        raise KeyError("torn")

    with pytest.raises(KeyError, match="torn"):
        lockstep.run({0: waits, 1: fails, 2: waits}, summed)
    assert ended == ["waits"]


def step(shards: int, dropout: float) -> tuple[float, dict[str, np.ndarray]]:
    """Loss, gradients and running statistics of a step; shards 0: of the whole batch."""
    net = drawn_network({"seed": 0, "dropout": dropout, "normalised": True})
    net.model.train()
    images, how = Pictures(20, bad=(3,)), Loading("centre", 3, workers=0)
    if shards:
        loader = ShardLoader(images, net.preprocess, 12, how, shards, range(shards))
        steps = ShardedBatches(net, loader, ALONE, synchronised=True).steps(0, 1)
    else:
        steps = WholeBatches(net, Loader(images, net.preprocess, 12, how)).steps(0, 1)
    outcome = next(steps).gradients(7, 5, lambda loss: None)
    steps.close()
    assert outcome is not None
    gradients = {n: p.grad.data.copy() for n, p in net.model.named_parameters()}
    return outcome.loss, gradients | net.statistics()


@pytest.mark.parametrize("shards", [2, 5, 12])
def test_synchronised_shards_have_the_step_of_the_whole_batch(shards: int) -> None:
    """Shards of one image too, and one without: 8 images are in this batch."""
    (loss, whole), (found, parts) = step(0, 0.0), step(shards, 0.0)
    assert found == pytest.approx(loss, rel=1e-6)
    for name, value in whole.items():
        scale = max(np.abs(value).max(), 1e-12)
        assert np.abs(parts[name] - value).max() <= 1e-5 * scale, name


def test_a_network_without_batch_normalisation_is_refused() -> None:
    net, how = network(), Loading("centre", 3, workers=0)
    loader = ShardLoader(Pictures(20), net.preprocess, 12, how, 2, range(2))
    with pytest.raises(ValueError, match="--sync-batch-norm is for networks with batch norm"):
        ShardedBatches(net, loader, ALONE, synchronised=True)
