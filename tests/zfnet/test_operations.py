"""Incremental occlusion and projections through every operation, against whole images."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import Tensor, no_grad, rules
from minidl.rules import Rules
from tests.shared.operation_graphs import NETWORKS, SIDE, Looked
from zfnet.deconvnet import Deconvnet, Unit
from zfnet.incremental import Change, IncrementalForward

# In float64: some thousand roundings of 1e-16, Winograd's among them.
NEAR = 1e-9
PLACES = np.array([(0, 0), (12, 12), (0, 7), (5, 3)])
SQUARE = 4


def near(found: np.ndarray, true: np.ndarray) -> bool:
    return found.shape == true.shape and bool(
        np.abs(found - true).max() <= NEAR * np.abs(true).max(initial=0)
    )


def changed(x: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """The image with each of the squares in it."""
    images = np.repeat(x[None], len(squares), axis=0)
    for image, square, (top, left) in zip(images, squares, PLACES, strict=True):
        image[:, top : top + SQUARE, left : left + SQUARE] = square
    return images


@pytest.mark.parametrize("name", NETWORKS)
def test_a_changed_square_gives_the_outputs_of_whole_images(name: str) -> None:
    model = Looked(NETWORKS[name]())
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (3, SIDE, SIDE))
    squares = rng.uniform(-1, 1, (len(PLACES), 3, SQUARE, SQUARE))
    forward = IncrementalForward(model, x)
    with no_grad():
        true = model.activations(Tensor(changed(x, squares)))
    for layer in model.layer_names():
        last = model.unit_planes(layer)[0] - 1
        planes, scores = forward.map_and_scores(Change(squares, PLACES), layer, last)
        expected = model.layout(layer).planar(true[layer].data)[:, last]
        assert near(planes, expected), layer
        assert near(
            scores, model.layout(model.scores).planar(true[model.scores].data).reshape(4, -1)
        )


@pytest.mark.parametrize("table", [rules.deconvnet, rules.guided, rules.gradient])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_unit_projects_into_its_field_alone(name: str, table: Rules) -> None:
    """One by one, from the field alone where that is a patch, and from whole images."""
    model = Looked(NETWORKS[name]())
    images = np.random.default_rng(5).uniform(-1, 1, (3, 3, SIDE, SIDE))
    for layer in model.layer_names():
        K, P, Q = model.unit_planes(layer)
        units = [Unit(0, 0, 0), Unit(K - 1, P - 1, Q - 1), Unit(K // 2, P // 2, Q // 3)]
        each = Deconvnet(model, table).project_each(images, layer, units)
        for image, unit, found in zip(images, units, each, strict=True):
            (true,) = Deconvnet(model, table).project(image[None], layer, units=[unit])
            assert near(found.pixels, true.pixels)
            assert found.box == true.box and found.value == pytest.approx(true.value, rel=NEAR)
            outside = true.pixels.copy()
            outside[:, true.box.top : true.box.bottom, true.box.left : true.box.right] = 0
            assert not outside.any(), (layer, unit)
