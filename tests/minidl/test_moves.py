"""Tests of layers that move elements: batches of any size, parts, descriptions."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from kernels.bounds import same_bits
from kernels.verify.arrays import normal
from minidl import Tensor, backward, nn
from minidl import functional as F
from minidl.nn.describe import build, describe

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("N", [0, 1, 3])
def test_windows_leave_the_batch_and_come_back(N: int) -> None:
    """Swin's: (N,C,H,W) of 4x6 windows of 2x3 pixels."""
    x = normal((N, 8, 18, 5), RNG, np.float32)
    apart = nn.Reshape((4, 2, 6, 3, 5))(Tensor(x))
    moved = nn.Transpose((0, 1, 3, 2, 4, 5))(apart)
    windows = nn.Reshape((6, 5), rows=24)(moved)
    assert windows.shape == (24 * N, 6, 5)
    if N:
        assert same_bits(windows.data[7], x[0, 2:4, 3:6].reshape(6, 5))
    again = nn.Reshape((4, 6, 2, 3, -1), rows=Fraction(1, 24))(windows)
    back = nn.Reshape((8, 18, 5))(nn.Transpose((0, 1, 3, 2, 4, 5))(again))
    assert same_bits(np.ascontiguousarray(back.data), x)


def test_the_batch_may_stand_behind_another_axis() -> None:
    x = normal((2, 7, 12), RNG, np.float32)  # (N,L,E) -> (L,N,E) -> (L,3 N,E / 3)
    tokens = nn.Transpose((1, 0, 2))(Tensor(x))
    heads = nn.Reshape((7, -1), rows=3, source=1, target=1)(tokens)
    assert heads.shape == (7, 6, 4)
    assert same_bits(heads.data, x.transpose(1, 0, 2).reshape(7, 6, 4))


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.Reshape((49, 3), rows=(1, 64)), (63, 49, 3), r"\(63, 49, 3\) must be a multiple of 64"),
        (nn.Reshape((5, 3)), (2, 16), r"one sample of \(16,\) does not fit into 1 / 1 times"),
        (nn.Reshape((5, -1), rows=2), (2, 15), "does not fit into 2 / 1"),
        (nn.Reshape((5,), source=2), (2, 5), r"the input \(2, 5\) has no axis 2"),
        (nn.Roll([1], [3]), (2, 3), r"3 is no axis of the shape \(2, 3\)"),
        (nn.Gather([0, 5], 1), (2, 3), r"index into \(2, 3\): 5 is outside of an axis of 3"),
        (nn.Slice([0], [1], [1], [4]), (2, 3), r"4 is no axis of the shape \(2, 3\)"),
        (nn.Pad((4, 0), "reflect"), (2, 4), "pads an axis of 4 by at most 3"),
        (nn.Pad((-3, -3)), (2, 4), r"crop more than there is of the shape \(2, 4\)"),
        (nn.Expand((2, -1)), (2, 3, 4), r"\(2, 3, 4\) does not broadcast to \(2, -1\)"),
    ],
)
def test_an_input_that_does_not_fit_is_named(
    layer: nn.Module, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        layer(Tensor(np.zeros(shape, np.float32)))


@pytest.mark.parametrize(
    ("given", "index"),
    [
        (([0], [2]), np.s_[0:2]),
        (([3], [None], [-1], [1]), np.s_[:, 3::-1]),
        (([2**63 - 1], [-(2**63)], [-2], [-1]), np.s_[..., ::-2]),
        (([-2, 1], [2**63 - 1, -1], [1, 2], [2, 1]), np.s_[:, 1:-1:2, -2:]),
    ],
)
def test_slices_are_numpys(given: tuple[Any, ...], index: Any) -> None:
    x = normal((3, 5, 4), RNG, np.float32)
    found = nn.Slice(*given)(Tensor(x)).data
    assert found.shape == x[index].shape and np.array_equal(found, x[index])


def test_a_graph_splits_into_unequal_parts() -> None:
    """ShuffleNet's: each part is a layer, and each is joined where it was."""
    layers = {
        "left": nn.Slice([0], [2], [1], [1]), "right": nn.Slice([2], [None], [1], [1]),
        "joined": nn.Concatenate(1),
    }  # fmt: skip
    wiring = {"left": [nn.INPUT], "right": [nn.INPUT], "joined": ["right", "left"]}
    x = Tensor(normal((2, 5, 3, 3), RNG, np.float32), True)
    y = nn.Graph(layers, wiring)(x)
    assert same_bits(np.ascontiguousarray(y.data), np.roll(x.data, 3, 1))
    gy = normal(y.shape, RNG, np.float32)
    (g,) = backward(y, gy, inputs=(x,))
    assert np.array_equal(g.data, np.roll(gy, -3, 1))


def test_a_gradient_adds_where_an_element_was_taken_several_times() -> None:
    x = Tensor(np.arange(4.0), True)
    (g,) = backward(F.take(x, [[1, 1], [-1, 1]]), np.array([[1.0, 2], [4, 8]]), inputs=(x,))
    assert g.data.tolist() == [0, 11, 0, 4]


def test_more_than_a_memory_holds_is_refused_before_it_is_taken() -> None:
    wide = F.expand(Tensor(np.zeros((2, 1), np.float32)), (2, 2**30))
    for call in (
        lambda: F.take(wide, np.zeros(2**22, np.int8), 0),
        lambda: F.repeat(Tensor(np.zeros((4, 4))), (2**22, 2**22)),
        lambda: F.pad(Tensor(np.zeros((4, 4))), (2**22, 0, 2**22, 0)),
    ):
        with pytest.raises(ValueError, match=r"gives the shape .* GiB; .* this machine has"):
            call()


def test_a_token_is_that_of_every_sample() -> None:
    token = nn.Constant(normal((1, 1, 3), RNG, np.float32))
    y = token(Tensor(np.zeros((4, 7, 3), np.float32)))
    assert np.array_equal(y.data, np.repeat(token.weight.data, 4, 0))
    y.backward(np.ones(y.shape, np.float32))
    assert token.weight.grad is not None and token.weight.grad.data.tolist() == [[[4, 4, 4]]]


@pytest.mark.parametrize(
    "layer",
    [
        nn.Reshape((-1, 8), rows=(1, 2)), nn.Transpose((0, 3, 1, 2)),
        nn.Slice([7, 0], [None, 2], [-3, 1], [3, 1]), nn.Gather([[0, 2], [1, -1]], 1),
        nn.Gather(1, -1), nn.Expand([-1, 4, 8, 8]), nn.Repeat([1, 2, 1, 1]),
        nn.Roll([1, -2], [2, 3]), nn.Pad([1, 2, -1, 0], "replicate"), nn.Pad([1, 2], value=0.5),
        nn.Resize((4, 12), axes=(2, 3), mode="cubic"),
        nn.Resize(scales=[0.5, 2], coordinate_transformation_mode="tf_crop_and_resize",
                  roi=[0, 0.1, 1, 1]),
        nn.Upsample((5, 6), mode="bilinear", align_corners=True), nn.Upsample(scale_factor=2),
        nn.DepthToSpace(2), nn.SpaceToDepth(4, "CRD"), nn.LayerNorm((8, 8)),
        nn.LayerNorm(8, elementwise_affine=False), nn.LayerNorm(8, 0.1, bias=False),
        nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.InstanceNorm2d(4, affine=True),
        nn.Constant(np.arange(6, dtype=np.float32).reshape(1, 6)),
    ],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_a_described_layer_is_built_again(layer: nn.Module) -> None:
    graph = nn.Graph({"only": layer}, {"only": [nn.INPUT]})
    kept = json.loads(json.dumps(describe(graph)))
    again = build(kept, {name: p.data for name, p in graph.named_parameters()})
    x = Tensor(normal((2, 4, 8, 8), RNG, np.float32))
    assert same_bits(np.ascontiguousarray(again(x).data), np.ascontiguousarray(graph(x).data))
