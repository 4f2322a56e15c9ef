"""Folding of scales and terms into linear layers, as exporters write them in blocks of tokens."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn
from minidl.nn.folding import fold
from minidl.nn.graph import INPUT, Graph

RNG = np.random.default_rng(0)


def _draw(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape)


def _linear(of: int, to: int) -> nn.Linear:
    return nn.Linear.of(_draw(to, of), None)


def _block(**layers: nn.Module) -> Graph:
    """The layers in sequence, and the sum of the last one with the input."""
    names = [INPUT, *layers]
    wiring = {name: [names[i]] for i, name in enumerate(layers)}
    return Graph(
        layers | {"sum": nn.Add()}, wiring | {"sum": [names[-1], INPUT]}, "sum"
    )  # fmt: skip


def _same(network: Graph, x: np.ndarray) -> list[str]:
    """The layers of the folded network, which computes what the network does."""
    folded = fold(network)
    with minidl.no_grad():
        expected, found = network(Tensor(x)).numpy(), folded(Tensor(x)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    return [type(layer).__name__ for _, layer in folded.named_children()]


def test_a_block_of_convnext() -> None:
    network = _block(
        last=nn.Transpose((0, 2, 3, 1)),
        one=_linear(5, 9),
        term=nn.Shift(_draw(9)),
        gelu=nn.GELU(),
        two=_linear(9, 5),
        other=nn.Shift(_draw(1, 1, 5)),
        back=nn.Transpose((0, 3, 1, 2)),
        scale=nn.Affine(_draw(5), _draw(5)),
    )
    kinds = _same(network, _draw(2, 5, 4, 3))
    assert kinds == ["Transpose", "Linear", "GELU", "Linear", "Transpose", "Add"]


@pytest.mark.parametrize("shape", [(5, 1), (4, 5), (1,)])
def test_a_term_for_other_axes_stays(shape: tuple[int, ...]) -> None:
    network = _block(one=_linear(5, 5), term=nn.Shift(_draw(*shape)))
    assert _same(network, _draw(2, 4 if shape == (4, 5) else 5, 5)) == ["Linear", "Shift", "Add"]


def test_another_transposition_keeps_the_scale() -> None:
    network = _block(
        one=_linear(5, 5), moved=nn.Transpose((0, 2, 1, 3)), scale=nn.Affine(_draw(5), _draw(5))
    )
    assert _same(network, _draw(2, 5, 5, 5)) == ["Linear", "Transpose", "Affine", "Add"]


def test_a_result_that_others_read_keeps_its_term() -> None:
    layers = {"one": _linear(5, 5), "term": nn.Shift(_draw(5)), "sum": nn.Add()}
    network = Graph(layers, {"one": [INPUT], "term": ["one"], "sum": ["term", "one"]}, "sum")
    assert _same(network, _draw(2, 5)) == ["Linear", "Shift", "Add"]
    moved = {"one": _linear(5, 5), "back": nn.Transpose((0, 3, 1, 2)),
             "scale": nn.Affine(_draw(5), _draw(5)), "sum": nn.Add()}  # fmt: skip
    wiring = {"one": [INPUT], "back": ["one"], "scale": ["back"], "sum": ["scale", "back"]}
    network = Graph(moved, wiring, "sum")
    assert _same(network, _draw(2, 5, 5, 5)) == ["Linear", "Transpose", "Affine", "Add"]
