"""The three tables of rules against Captum's methods in PyTorch, without normalisation.

Both run in float64 on the same weights. What rounding does there depends on the network's
condition, which the eps of float32 stands in for: it would have to exceed 2^29.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.bounds import eps, within
from minidl import rules
from tests.shared.twins import network_twin, torch
from zfnet.deconvnet import Deconvnet, Projection
from zfnet.experiments.occlusion.measure import places
from zfnet.model import ConvNet, ZFNet

attr = pytest.importorskip("captum.attr")

# Captum says that it sets requires_grad and that it overrides ReLU's gradient.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
SIDE = 64
CONVOLUTIONS = ("conv1", "conv2", "conv3", "conv4", "conv5")


@pytest.fixture(scope="module")
def model() -> ConvNet:
    """A small ZFNet in float64, its scores biased upwards so that each is above zero."""
    net = ZFNet(10, SIDE, width=0.05, norm=None, init="he", seed=2)
    net.fc8.bias.assign(np.full(10, 500, np.float32))  # type: ignore[attr-defined]
    for parameter in net.parameters():
        parameter.data = parameter.data.astype(np.float64)
    net.eval()
    return net


@pytest.fixture(scope="module")
def twin(model: ConvNet) -> Any:
    return network_twin(model)


def picture() -> np.ndarray:
    return np.random.default_rng(1).uniform(-120, 120, (1, 3, SIDE, SIDE))


def equal(projection: Projection, theirs: Any) -> bool:
    """Captum's cotangent is 1, ours the activation.

    Only above zero is what the rules make of an activation its multiple of what they make of 1.
    """
    assert projection.value > 0
    (expected,) = projection.value * theirs.detach().numpy()
    assert expected.any()
    return within(projection.pixels, expected, eps(np.float32) * float(np.abs(expected).max()))


METHODS = {
    "deconvnet": (rules.deconvnet, attr.Deconvolution, attr.NeuronDeconvolution),
    "guided": (rules.guided, attr.GuidedBackprop, attr.NeuronGuidedBackprop),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", [0, 7])
def test_a_class_score_projects_as_in_captum(
    model: ConvNet, twin: Any, method: str, target: int
) -> None:
    table, of_scores, _ = METHODS[method]
    (projection,) = Deconvnet(model, table).project(picture(), "scores", map=target)
    assert equal(projection, of_scores(twin).attribute(torch.tensor(picture()), target=target))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layer", CONVOLUTIONS)
def test_a_unit_of_a_convolution_projects_as_in_captum(
    model: ConvNet, twin: Any, method: str, layer: str
) -> None:
    table, _, of_neurons = METHODS[method]
    (projection,) = Deconvnet(model, table).project(picture(), layer)
    u = projection.unit
    found = of_neurons(twin, getattr(twin, layer)).attribute(
        torch.tensor(picture()), neuron_selector=(u.map, u.p, u.q)
    )
    assert equal(projection, found)


@pytest.mark.parametrize("target", [0, 7])
def test_the_gradients_table_gives_captums_saliency(model: ConvNet, twin: Any, target: int) -> None:
    saliency = attr.Saliency(twin).attribute(torch.tensor(picture()), target=target, abs=False)
    (projection,) = Deconvnet(model, rules.gradient).project(picture(), "scores", map=target)
    assert equal(projection, saliency)


@pytest.mark.parametrize(
    ("size", "square", "stride"),
    [(64, 9, 2), (16, 4, 4), (17, 4, 4), (19, 5, 3), (8, 8, 5), (9, 8, 7)],
)
def test_squares_cover_the_pixels_that_they_cover_in_captum(
    size: int, square: int, stride: int
) -> None:
    """A line of pixels is enough: rows and columns are treated alike."""
    theirs: list[list[int]] = []

    def covered(x: Any) -> Any:
        theirs.append(torch.nonzero(x[0] == 0).ravel().tolist())
        return x.sum(dim=1)

    attr.Occlusion(covered).attribute(torch.ones(1, size), (square,), strides=(stride,))
    ours = [list(range(start, min(start + square, size))) for start in places(size, square, stride)]
    assert theirs[1:] == ours  # (their first call is with the whole image)
