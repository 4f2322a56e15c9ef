"""Methods of attribution against Captum's, in float64 on the same weights.

What Captum's hooks make of a module that is used twice, or that writes over its input, is stated;
where it is wrong, Captum is given a network in which each use has a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kernels.bounds import eps, within
from tests.shared.attributed import SIDE, TABLES, Pair, pair, pictures, units
from tests.shared.zennits import torch
from zfnet.attribution import attribute

captum = pytest.importorskip("captum.attr")

# Captum says that it sets requires_grad and that it overrides ReLU's gradient.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
STEPS, NOISY, SIGMA = 12, 6, 0.2
INTERPOLATED = {"linear": "bilinear", "nearest": "nearest"}


def equal(found: np.ndarray, theirs: Any) -> bool:
    """Within the eps of float32 of the largest, which stands in for the network's condition."""
    expected = theirs.detach().numpy()
    assert np.isfinite(expected).all() and expected.any()
    return within(found, expected, eps(np.float32) * float(np.abs(expected).max()))


def ours(made: Pair, method: str, x: np.ndarray, **settings: Any) -> np.ndarray:
    classes = units(made.network, x)
    return attribute(made.network, x, classes, method, dtype=np.float64, **settings).values


def _integrated(module: Any, x: Any, target: Any) -> Any:
    return captum.IntegratedGradients(module).attribute(x, target=target, n_steps=STEPS)


METHODS: dict[str, tuple[dict[str, Any], Callable[..., Any]]] = {
    "gradient": ({}, lambda n, x, t: captum.Saliency(n).attribute(x, target=t, abs=False)),
    "gradient-x-input": ({}, lambda n, x, t: captum.InputXGradient(n).attribute(x, target=t)),
    "guided": ({}, lambda n, x, t: captum.GuidedBackprop(n).attribute(x, target=t)),
    "deconvnet": ({}, lambda n, x, t: captum.Deconvolution(n).attribute(x, target=t)),
    "integrated-gradients": ({"steps": STEPS}, _integrated),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", ["as_written", "rewritten"])
def test_a_method_is_that_of_captum(name: str, method: str, network: str) -> None:
    made, x = pair(name), pictures()
    settings, theirs = METHODS[method]
    module = getattr(made, network)()
    expected = theirs(module, torch.tensor(x), units(made.network, x))
    assert equal(ours(made, method, x, **settings), expected)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("upsample", INTERPOLATED)
def test_gradcam_is_that_of_captum(name: str, upsample: str) -> None:
    made, x, layer = pair(name), pictures(), "relu2"
    module = made.rewritten()
    cam = captum.LayerGradCam(module, module.get_submodule(layer)).attribute(
        torch.tensor(x), target=units(made.network, x), relu_attributions=True
    )
    expected = captum.LayerAttribution.interpolate(cam, (SIDE, SIDE), INTERPOLATED[upsample])
    assert equal(ours(made, "gradcam", x, cam_layer=layer, upsample=upsample), expected)


@pytest.mark.parametrize("name", TABLES)
def test_guided_gradcam_is_that_of_captum(name: str) -> None:
    made, x, layer = pair(name), pictures(), "relu2"
    module = made.rewritten()
    theirs = captum.GuidedGradCam(module, module.get_submodule(layer))
    expected = theirs.attribute(torch.tensor(x), target=units(made.network, x))
    found = ours(made, "guided-gradcam", x, cam_layer=layer, upsample="nearest")
    assert equal(found, expected)


def test_captums_gradcam_needs_a_module_for_each_use() -> None:
    """At a module that is used four times it keeps the values of one use."""
    made, x = pair("reused"), pictures()
    module = made.as_written()
    cam = captum.LayerGradCam(module, module.get_submodule("relu2")).attribute(
        torch.tensor(x), target=units(made.network, x), relu_attributions=True
    )
    expected = captum.LayerAttribution.interpolate(cam, (SIDE, SIDE), "bilinear")
    found = ours(made, "gradcam", x, cam_layer="relu2")
    assert not np.allclose(found, expected.detach().numpy(), rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    ("method", "kind"),
    [("smoothgrad", "smoothgrad"), ("smoothgrad-squared", "smoothgrad_sq"), ("vargrad", "vargrad")],
)
@pytest.mark.parametrize("name", ["branches", "reused"])
def test_smoothgrad_is_that_of_captum_with_the_same_noise(
    name: str, method: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, x = pair(name), pictures(1)
    deviation = SIGMA * (x.max() - x.min())
    drawn = np.random.Generator(np.random.Philox(key=np.array([5, 0], np.uint64)))

    def normal(mean: float, deviations: Any) -> Any:
        noise = [drawn.standard_normal(x.shape[1:], np.float32) for _ in range(len(deviations))]
        return deviations * torch.tensor(np.stack(noise))

    monkeypatch.setattr(torch, "normal", normal)
    theirs = captum.NoiseTunnel(captum.Saliency(made.rewritten()))
    expected = theirs.attribute(
        torch.tensor(x), nt_type=kind, nt_samples=NOISY, stdevs=deviation, abs=False,
        target=units(made.network, x),
    )  # fmt: skip
    found = ours(made, method, x, smooth=NOISY, sigma=SIGMA, seed=5)
    assert equal(found, expected)


TINY = 1e-15
"""Captum's rule divides at a pooling and at a reshaping too, where ours only moves relevance, so
that its stabiliser has other effects there: it must be small beside all activations."""


def with_rules(module: Any) -> Any:
    """The module with Captum's epsilon rule in all layers but ReLUs, also where it has none."""
    from captum.attr._utils.lrp_rules import EpsilonRule

    for layer in module.children():
        if not isinstance(layer, torch.nn.ReLU):
            layer.rule = EpsilonRule(epsilon=TINY)
    return module


@pytest.mark.parametrize("name", ["chain", "branches", "reused", "in place"])
def test_the_epsilon_rule_is_captums(name: str) -> None:
    made, x = pair(name), pictures()
    module = with_rules(made.rewritten())
    given = torch.tensor(x, requires_grad=True)
    expected = captum.LRP(module).attribute(given, target=units(made.network, x))
    assert equal(ours(made, "lrp-epsilon", x, epsilon=TINY, stabiliser=TINY), expected)


def test_captums_relevance_refuses_a_module_that_is_used_twice() -> None:
    made, x = pair("reused"), pictures()
    module = with_rules(made.as_written())
    given = torch.tensor(x, requires_grad=True)
    with pytest.raises(RuntimeError, match="more than once"):
        captum.LRP(module).attribute(given, target=units(made.network, x))
