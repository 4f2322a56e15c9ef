"""Random weights in place of a network's own for a while, and the levels of its layers."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import pytest

from minidl import nn
from tests.zfnet.tiny import network
from zfnet.attribution_checks import levels, random_weights
from zfnet.imported import Imported
from zfnet.inspectable import InspectableGraph


def branches() -> InspectableGraph:
    """A convolution, a scale, a block of two branches, and a linear layer, on images of 8 x 8."""
    rng = np.random.default_rng(0)
    layers: dict[str, nn.Module] = {
        "first.conv": nn.Conv2d(3, 4, 3, padding=1, rng=rng),
        "scale": nn.Affine(np.ones(4, np.float32), np.zeros(4, np.float32)),
        "relu": nn.ReLU(),
        "left": nn.Conv2d(4, 4, 1, rng=rng),
        "right": nn.Conv2d(4, 4, 3, padding=1, rng=rng),
        "sum": nn.Add(),
        "mean": nn.GlobalAvgPool2d(),
        "flat": nn.Flatten(),
        "linear": nn.Linear(4, 3, rng=rng),
    }
    wiring = {
        "first.conv": (nn.INPUT,), "scale": ("first.conv",), "relu": ("scale",),
        "left": ("relu",), "right": ("relu",), "sum": ("left", "right"), "mean": ("sum",),
        "flat": ("mean",), "linear": ("flat",),
    }  # fmt: skip
    return Imported(nn.Graph(layers, wiring, "linear"), 8)


def weights(model: nn.Module) -> dict[str, np.ndarray]:
    return {name: np.array(array) for name, array in model.state_dict().items()}


def changed(model: nn.Module, before: dict[str, np.ndarray]) -> set[str]:
    return {name for name, array in model.state_dict().items() if (array != before[name]).any()}


def test_a_chain_has_a_level_for_each_layer_with_weights_from_the_scores_down() -> None:
    found = levels(network().model)
    names = ["fc8", "fc7", "fc6", "conv5", "conv4", "conv3", "conv2", "conv1"]
    assert [level.name for level in found] == names
    assert [level.layers for level in found] == [(name,) for name in names]


def test_branches_of_a_block_are_one_level_and_a_scale_belongs_to_its_convolution() -> None:
    found = levels(branches())
    assert [(level.name, level.layers) for level in found] == [
        ("linear", ("linear",)),
        ("sum", ("left", "right")),
        ("first.conv", ("first.conv", "scale")),
    ]


@pytest.mark.parametrize("most", [1, 2, 3, 5, 8, 100])
def test_with_fewer_levels_every_layer_is_still_in_one(most: int) -> None:
    model = network().model
    found = levels(model, most)
    assert len(found) == min(most, 8)
    layers = [name for level in found[::-1] for name in level.layers]
    assert layers == [f"conv{i}" for i in range(1, 6)] + ["fc6", "fc7", "fc8"]


def test_no_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 0 levels"):
        levels(network().model, 0)


def test_weights_are_random_within_and_their_own_afterwards_bit_for_bit() -> None:
    model = network().model
    before, x = weights(model), np.random.default_rng(1).normal(0, 50, (2, 3, 32, 32))
    images = model.input_tensor(x.astype(np.float32))
    model.eval()
    scores = model(images).numpy().copy()
    with random_weights(model, ["conv2", "fc7"]):
        assert {name.split(".")[0] for name in changed(model, before)} == {"conv2", "fc7"}
        assert (model(images).numpy() != scores).any()
    assert not changed(model, before)
    np.testing.assert_array_equal(model(images).numpy(), scores)


def test_weights_come_back_after_an_error() -> None:
    model = network().model
    before = weights(model)
    with pytest.raises(KeyboardInterrupt), random_weights(model, ["conv1"]):
        raise KeyboardInterrupt
    assert not changed(model, before)


def test_random_weights_have_the_mean_and_spread_of_those_that_they_replace() -> None:
    model = network(hidden=(64, 64)).model
    weight = dict(model.named_parameters())["fc7.weight"]
    weight.assign(np.random.default_rng(2).normal(3, 0.5, weight.shape).astype(np.float32))
    with random_weights(model, ["fc7"]):
        assert weight.numpy().mean() == pytest.approx(3, abs=0.05)
        assert weight.numpy().std() == pytest.approx(0.5, rel=0.05)


def test_a_layers_weights_depend_on_the_seed_and_its_name_alone() -> None:
    model = network().model
    weight = dict(model.named_parameters())["conv3.weight"]

    def drawn(layers: list[str], seed: tuple[int, ...]) -> np.ndarray:
        with random_weights(model, layers, seed):
            return np.array(weight.numpy())

    alone = drawn(["conv3"], (1, 2))
    np.testing.assert_array_equal(alone, drawn(["conv5", "conv3"], (1, 2)))
    assert (alone != drawn(["conv3"], (1, 3))).any()
    with ExitStack() as cascade:
        for name in ("fc8", "conv3"):
            cascade.enter_context(random_weights(model, [name], (1, 2)))
        np.testing.assert_array_equal(alone, weight.numpy())


def test_a_layer_that_does_not_exist_is_refused() -> None:
    with (
        pytest.raises(ValueError, match="no layer 'conv9'; the layers are conv1"),
        random_weights(network().model, ["conv9"]),
    ):
        pass
