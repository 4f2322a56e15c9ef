"""Relevance against zennit's composites, in float64 on the same weights.

zennit hooks modules. Where a network uses one twice, or adds branches outside of a module, it is
given a network in which each use has a module of its own; the tests say what it makes of the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.bounds import eps, within
from tests.shared.attributed import CLASSES, MEAN, TABLES, Pair, pair, pictures, units
from tests.shared.zennits import import_zennit, torch
from zfnet.attribution import attribute

import_zennit()
from zennit.attribution import Gradient  # noqa: E402
from zennit.canonizers import SequentialMergeBatchNorm  # noqa: E402
from zennit.composites import (  # noqa: E402
    EpsilonAlpha2Beta1,
    EpsilonAlpha2Beta1Flat,
    EpsilonGammaBox,
    EpsilonPlus,
    EpsilonPlusFlat,
    LayerMapComposite,
    layer_map_base,
)
from zennit.layer import Sum  # noqa: E402
from zennit.rules import AlphaBeta, Epsilon, Flat, Gamma, WSquare, ZPlus  # noqa: E402
from zennit.types import Linear  # noqa: E402

MERGE = {"canonizers": [SequentialMergeBatchNorm()]}
BOUNDS = [torch.tensor([b - m for m in MEAN], dtype=torch.float64).reshape(1, 3, 1, 1)
          for b in (0, 255)]  # fmt: skip


def everywhere(rule: Any) -> Any:
    """One rule for all linear maps."""
    return LayerMapComposite([*layer_map_base(), (Linear, rule)], **MERGE)


THEIRS = {
    "lrp-epsilon": lambda: everywhere(Epsilon()),
    "lrp-zplus": lambda: everywhere(ZPlus()),
    "lrp-alpha-beta": lambda: everywhere(AlphaBeta()),
    "lrp-gamma": lambda: everywhere(Gamma()),
    "lrp-flat": lambda: everywhere(Flat()),
    "lrp-wsquare": lambda: everywhere(WSquare()),
    "lrp-epsilon-plus": lambda: EpsilonPlus(**MERGE),
    "lrp-epsilon-plus-flat": lambda: EpsilonPlusFlat(**MERGE),
    "lrp-epsilon-alpha2-beta1": lambda: EpsilonAlpha2Beta1(**MERGE),
    "lrp-epsilon-alpha2-beta1-flat": lambda: EpsilonAlpha2Beta1Flat(**MERGE),
    "lrp-epsilon-gamma-box": lambda: EpsilonGammaBox(*BOUNDS, **MERGE),
}


def relevance(module: Any, composite: Any, x: np.ndarray, classes: Any) -> np.ndarray:
    """What zennit makes of the scores of these classes."""
    with Gradient(model=module, composite=composite) as attributor:
        given = torch.tensor(x, requires_grad=True)
        chosen = torch.eye(CLASSES, dtype=torch.float64)[classes]
        _, found = attributor(given, lambda scores: scores * chosen)
    result: np.ndarray = found.detach().numpy()
    return result


def ours(made: Pair, method: str, x: np.ndarray, **settings: Any) -> np.ndarray:
    given = units(made.network, x)
    return attribute(made.network, x, given, method, dtype=np.float64, **settings).values


def equal(found: np.ndarray, expected: np.ndarray) -> bool:
    """Within the eps of float32 of the largest, which stands in for the network's condition."""
    assert np.isfinite(expected).all() and expected.any()
    return within(found, expected, eps(np.float32) * float(np.abs(expected).max()))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("method", THEIRS)
def test_relevance_is_that_of_zennit(name: str, method: str) -> None:
    made, x = pair(name), pictures()
    expected = relevance(made.rewritten(Sum), THEIRS[method](), x, units(made.network, x))
    assert equal(ours(made, method, x), expected)


@pytest.mark.parametrize("name", ["branches", "reused"])
def test_zennit_itself_needs_a_module_for_each_use(name: str) -> None:
    """Of a sum outside of its module `Sum` each branch gets all; of a module that is used twice the
    second use's values are taken for both."""
    made, x = pair(name), pictures()
    expected = relevance(made.as_written(), EpsilonPlus(), x, units(made.network, x))
    assert not equal(ours(made, "lrp-epsilon-plus", x), expected)


def test_zennit_agrees_where_a_relu_writes_over_its_input() -> None:
    made, x = pair("in place"), pictures()
    module = made.rewritten(Sum)
    for layer in module.modules():
        if isinstance(layer, torch.nn.ReLU):
            layer.inplace = True
    expected = relevance(module, EpsilonPlus(), x, units(made.network, x))
    assert equal(ours(made, "lrp-epsilon-plus", x), expected)


def test_folded_batch_normalisation_has_the_relevance_of_the_unfolded() -> None:
    from minidl.nn.folding import fold

    made, x = pair("batch norm"), pictures()
    folded = type(made.network.model)(fold(made.network.model), x.shape[-1])
    classes = units(made.network, x)
    found = attribute(folded, x, classes, "lrp-epsilon-plus", dtype=np.float64)
    kinds = {type(layer).__name__ for _, layer in folded.children()}
    assert "BatchNorm2d" not in kinds
    expected = ours(made, "lrp-epsilon-plus", x)
    assert within(found.values, expected, 1e-5 * float(np.abs(expected).max()))


@pytest.mark.parametrize("layer", ["relu1", "conv2", "bn2"])
def test_relevance_through_some_maps_is_that_of_a_masked_layer(layer: str) -> None:
    """zennit with a hook that sets the relevance of other maps to 0, as zennit-crp does."""
    made, x = pair("batch norm"), pictures()
    module, maps = made.rewritten(), [1, 3]
    at = module.get_submodule("bn2" if layer == "conv2" else layer)

    def masked(values: Any) -> Any:
        kept = torch.zeros(values.shape[1], dtype=values.dtype)
        kept[maps] = 1
        values.register_hook(lambda r: r * kept.reshape(1, -1, 1, 1))
        return values

    at.register_forward_hook(lambda module, given, output: masked(output))
    expected = relevance(module, EpsilonPlus(**MERGE), x, units(made.network, x))
    assert equal(ours(made, "lrp-epsilon-plus", x, concept=(layer, maps)), expected)
