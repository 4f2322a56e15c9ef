"""Receptive fields and incremental passes where rows and columns have strides of their own."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.contract.geometry import ConvGeometry
from minidl import Tensor, nn, no_grad
from zfnet.imported import Imported
from zfnet.incremental import Change, IncrementalForward
from zfnet.views import View, views

SIDE, SQUARE = 48, 9
NEAR = 1e-9  # in float64: some thousand roundings of 1e-16


def uneven() -> Imported:
    """A chain whose rows and columns have other strides, windows and pads."""
    rng = np.random.default_rng(4)

    def conv(c: int, k: int, size: tuple[int, int], **settings: object) -> nn.Conv2d:
        weight = rng.standard_normal((k, c, *size)) / np.sqrt(c * size[0] * size[1])
        return nn.Conv2d.of(weight, rng.standard_normal(k), **settings)  # type: ignore[arg-type]

    layers: dict[str, nn.Module] = {
        "first": conv(3, 4, (3, 5), stride=(1, 2), padding=(1, 0)),
        "first/relu": nn.ReLU(),
        "pool": nn.MaxPool2d((2, 3), (2, 1)),
        "second": conv(4, 5, (3, 2), stride=(1, 2), padding=(0, 1)),
        "second/relu": nn.ReLU(),
        "mean": nn.GlobalAvgPool2d(),
        "flat": nn.Flatten(),
        "scores": nn.Linear.of(rng.standard_normal((3, 5))),
    }
    before = [nn.INPUT, *layers]
    wiring = {name: [source] for name, source in zip(layers, before, strict=False)}
    return Imported(nn.Graph(layers, wiring), SIDE)


def picture() -> np.ndarray:
    return np.random.default_rng(1).uniform(-120, 120, (3, SIDE, SIDE))


@pytest.mark.parametrize("layer", ["first", "pool", "second"])
def test_a_unit_depends_on_no_pixel_outside_its_field_and_on_its_corners(layer: str) -> None:
    model, x = uneven(), picture()
    (P, Q), (p, q) = model.planes()[layer], (3, 5)
    assert p < P and q < Q
    box = model.receptive_field(layer, p, q).clip(SIDE, SIDE)
    inside = np.zeros((SIDE, SIDE), bool)
    inside[box.top : box.bottom, box.left : box.right] = True

    def off(image: np.ndarray) -> bool:
        """Whether the unit's value of all maps differs from that of the picture."""
        with no_grad():
            both = Tensor(np.stack([x, image]))
            one, other = model.activations(both, until=layer)[layer].data[:, :, p, q]
        return bool(np.abs(one - other).max() > NEAR * np.abs(one).max())

    assert not off(np.where(inside, x, x + 30))
    for row, column in ((box.top, box.left), (box.bottom - 1, box.right - 1)):
        moved = x.copy()
        moved[:, row, column] += 1e5
        assert off(moved)


@pytest.mark.parametrize("layer", ["first", "pool", "second"])
def test_the_window_of_every_unit_is_its_receptive_field(layer: str) -> None:
    model = uneven()
    view, (P, Q) = model.views(layer)[nn.INPUT], model.planes()[layer]
    for p, q in ((0, 0), (1, 2), (P - 1, 1), (P - 1, Q - 1)):
        assert view.box(p, q) == model.receptive_field(layer, p, q)


def test_a_changed_square_gives_the_outputs_of_whole_images() -> None:
    model, x = uneven(), picture()
    at = np.array([(0, 0), (SIDE - SQUARE, SIDE - SQUARE), (0, 21), (17, 30), (31, 4)])
    squares = np.random.default_rng(3).uniform(-90, 90, (len(at), 3, SQUARE, SQUARE))
    changed = np.repeat(x[None], len(at), axis=0)
    for image, square, (top, left) in zip(changed, squares, at, strict=True):
        image[:, top : top + SQUARE, left : left + SQUARE] = square
    with no_grad():
        true = model.activations(Tensor(changed))
    kept = IncrementalForward(model, x)
    planes, scores = kept.map_and_scores(Change(squares, at), "second/relu", 2)
    for found, expected in (
        (planes, true["second/relu"].data[:, 2]),
        (scores, true["scores"].data),
    ):
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= NEAR * np.abs(expected).max()


def test_the_field_of_two_branches_covers_both() -> None:
    wide = ConvGeometry.of((1, 1, 20, 20), (1, 1, 3, 7), 1, (1, 3))
    tall = ConvGeometry.of((1, 1, 20, 20), (1, 1, 5, 1), 1, (2, 0))
    order, wiring = ["a", "b", "sum"], {"a": ["x"], "b": ["x"], "sum": ["a", "b"]}
    for geometries in ({"a": wide, "b": tall}, {"a": tall, "b": wide}):
        found = views(order, wiring, geometries, dict.fromkeys(["x", "a", "b", "sum"], (20, 20)))
        assert found["x"] == View((1, 1), (-2, -3), (5, 7))
