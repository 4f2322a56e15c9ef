"""Receptive fields through every operation, against pixels that are changed."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.contract.geometry import Box
from minidl import Tensor, nn, no_grad
from tests.shared.operation_graphs import NETWORKS, SIDE, Looked, chain, conv, detection, tokens

# In float64: some thousand roundings of 1e-16, Winograd's among them.
NEAR = 1e-9
BOUNDED = NETWORKS.keys() - {"attention", "group normalisation", "squeeze-and-excitation"}


def activations(model: Looked, x: np.ndarray, layer: str) -> np.ndarray:
    """The units (K,P,Q) of one image."""
    with no_grad():
        y = model.activations(Tensor(x[None]), until=layer)[layer].data
    return model.layout(layer).planar(y)[0]


def replaced(x: np.ndarray, box: Box, seed: int) -> np.ndarray:
    """The image with other pixels outside of the box."""
    other = x + np.random.default_rng(seed).uniform(0.2, 1, x.shape)
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    other[:, rows, columns] = x[:, rows, columns]
    return other


def units(P: int, Q: int) -> list[tuple[int, int]]:
    """Corners, an edge, the middle."""
    return list(dict.fromkeys([(0, 0), (P - 1, Q - 1), (P - 1, 0), (P // 2, Q // 2), (0, Q // 3)]))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_unit_depends_on_no_pixel_outside_of_its_field(name: str) -> None:
    model = Looked(NETWORKS[name]())
    x = np.random.default_rng(1).uniform(-1, 1, (3, SIDE, SIDE))
    smaller = 0
    for layer in model.layer_names():
        before = activations(model, x, layer)
        for p, q in units(*before.shape[1:]):
            box = model.receptive_field(layer, p, q).clip(SIDE, SIDE)
            smaller += box.shape != (SIDE, SIDE)
            after = activations(model, replaced(x, box, p + q), layer)
            scale = max(np.abs(before).max(), np.abs(after).max())
            assert not np.abs(after - before)[:, p, q].max() > NEAR * scale, (layer, p, q, box)
    assert smaller > 0, "the fields are those of the whole image"


@pytest.mark.parametrize("name", sorted(BOUNDED))
def test_a_field_is_no_larger_than_the_pixels_that_count(name: str) -> None:
    """The first and the last row and column of the last layer's fields change the unit."""
    model = Looked(NETWORKS[name]())
    layer = model.layer_names()[-1]
    x = np.random.default_rng(1).uniform(-1, 1, (3, SIDE, SIDE))
    before = activations(model, x, layer)
    P, Q = before.shape[1:]
    p, q = P // 2, Q // 2
    box = model.receptive_field(layer, p, q).clip(SIDE, SIDE)
    assert box.shape != (SIDE, SIDE), "the field is the whole image"
    inner = Box(box.top + 1, box.bottom, box.left, box.right)
    for smaller in (
        inner, Box(box.top, box.bottom - 1, box.left, box.right),
        Box(box.top, box.bottom, box.left + 1, box.right),
        Box(box.top, box.bottom, box.left, box.right - 1),
    ):  # fmt: skip
        after = activations(model, replaced(x, smaller, 3), layer)
        assert np.abs(after - before)[:, p, q].max() > 1e-6 * np.abs(before).max(), (box, smaller)


def test_a_class_token_depends_on_the_whole_image() -> None:
    model = Looked(tokens())
    assert model.receptive_field("all", 0, 0) == Box(0, SIDE, 0, SIDE)
    assert model.receptive_field("all", 1 + 6, 0) == Box(4, 8, 8, 12)  # token 6 of 4 x 4
    assert model.unit_planes("all") == (6, 17, 1)


def test_boxes_of_several_scales_know_their_places() -> None:
    model = Looked(detection())
    assert model.unit_planes("all") == (2, 80, 1)
    assert model.receptive_field("all", 9, 0) == model.receptive_field("small", 1, 1)
    assert model.receptive_field("all", 64 + 5, 0) == model.receptive_field("smaller", 1, 1)


def test_a_kind_that_is_not_known_depends_on_everything() -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    model = Looked(chain(Odd(), conv(4, 3, 3)))
    layer = model.layer_names()[-1]
    assert model.receptive_field(layer, 4, 4).clip(SIDE, SIDE) == Box(0, SIDE, 0, SIDE)
    assert layer not in model.windowed()
