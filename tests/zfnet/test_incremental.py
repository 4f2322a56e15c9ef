"""The incremental forward pass against whole images through the whole network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.contract.geometry import Box, PoolGeometry
from minidl import Tensor, no_grad
from tests.shared.by_hand import Norm, network, pictures
from zfnet.incremental import Change, IncrementalForward, touched
from zfnet.model import ConvNet

SIDE = 128
# Where squares begin: the corners, an edge, and places at which layers' windows are cut unalike.
PLACES = np.array([(0, 0), (104, 104), (0, 61), (40, 37), (77, 3)])
SQUARE = 24


def large(norm: Norm, **options: Any) -> ConvNet:
    settings = {"image_size": SIDE, "width": 0.04, "hidden": (9, 8), "strides": (2, 1)}
    return network(norm, double=True, **{**settings, **options})


def whole(model: ConvNet, x: np.ndarray, squares: np.ndarray) -> dict[str, np.ndarray]:
    """Every layer's activations of the image with each of the squares in it."""
    images = np.repeat(x[None], len(squares), axis=0)
    for image, square, (top, left) in zip(images, squares, PLACES, strict=True):
        image[:, top : top + SQUARE, left : left + SQUARE] = square
    with no_grad():
        return {name: y.data for name, y in model.activations(Tensor(images)).items()}


@pytest.mark.parametrize(
    "options",
    [{}, {"norm_before_pool": True}, {"pool_ceil": True}, {"strides": (3, 2), "paddings": (2, 3)}],
    ids=["as in the paper", "normalised before pooling", "ceil_mode", "strides and paddings"],
)
@pytest.mark.parametrize("norm", ["lrn", "lcn", None])
def test_answers_are_those_of_whole_images(norm: Norm, options: dict[str, Any]) -> None:
    model, (x,) = large(norm, **options), pictures(1, SIDE, np.float64)
    squares = np.random.default_rng(3).uniform(-90, 90, (len(PLACES), 3, SQUARE, SQUARE))
    expected = whole(model, x, squares)
    kept = IncrementalForward(model, x)
    assert np.abs(expected["relu5"] - kept.kept["relu5"]).max(axis=(1, 2, 3)).all()
    for map in (0, 3):
        planes, scores = kept.map_and_scores(Change(squares, PLACES), "relu5", map)
        for found, true in ((planes, expected["relu5"][:, map]), (scores, expected["fc8"])):
            # In float64: roundings of 1e-16, some thousand of them, Winograd's among them.
            assert not np.abs(found - true).max() > 1e-9 * np.abs(true).max()


@pytest.mark.parametrize("layer", ["conv1", "fc6"])
def test_a_change_of_the_weights_is_seen(layer: str) -> None:
    model, (x,) = large(None), pictures(1, SIDE, np.float64)
    squares = np.random.default_rng(3).uniform(-90, 90, (len(PLACES), 3, SQUARE, SQUARE))
    kept = IncrementalForward(model, x)
    before = kept.scores(Change(squares, PLACES))
    getattr(model, layer).weight.data[0] = 0
    true, after = whole(model, x, squares)["fc8"], kept.scores(Change(squares, PLACES))
    assert not np.abs(after - true).max() > 1e-9 * np.abs(true).max()
    assert np.abs(after - before).max() > 1e-6 * np.abs(true).max()


def test_less_is_computed_than_the_whole() -> None:
    g = PoolGeometry.of((1, 1, 60, 60), 3, 2)
    at, shape = touched(Change(np.zeros((2, 1, 8, 8)), np.array([(0, 0), (30, 31)])), g)
    assert shape == (5, 5)  # 8 pixels lie in at most 5 windows of 3, two apart
    boxes = [g.output_box(Box(0, 8, 0, 8)), g.output_box(Box(30, 38, 31, 39))]
    for (top, left), box in zip(at, boxes, strict=True):
        assert top <= box.top and box.bottom <= top + 5
        assert left <= box.left and box.right <= left + 5


def test_windows_lie_within_the_plane() -> None:
    g = PoolGeometry.of((1, 1, 61, 61), 3, 2)
    at, shape = touched(Change(np.zeros((1, 1, 4, 4)), np.array([(57, 57)])), g)
    assert (at >= 0).all() and (at + shape <= (g.P, g.Q)).all()
