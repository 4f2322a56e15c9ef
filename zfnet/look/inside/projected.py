"""Projection of one unit with the cotangent of every layer on its way to the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from minidl import Tensor, nn, rules
from minidl.rules import Rules
from zfnet.inspectable import InspectableGraph
from zfnet.look.inside.unit import unit_of

TABLES = {"deconvnet": rules.deconvnet, "guided": rules.guided, "gradient": rules.gradient}
RECTIFIES = {"deconvnet": (True, False), "guided": (True, True), "gradient": (False, True)}
"""Whether a table rectifies the cotangent of a ReLU, and masks it by the sign of the input."""


@dataclass(frozen=True, eq=False)
class Projected:
    """The backward pass of one unit's activation.

    at:         (map,p,q) of the unit in its layer.
    outputs:    of the forward pass by layer, the images under `nn.INPUT`, on the tape.
    cotangents: by layer, and of the images; where the unit's layer does not lead, there is none.
    """

    model: InspectableGraph
    rule: str
    layer: str
    at: tuple[int, int, int]
    outputs: Mapping[str, Tensor]
    cotangents: Mapping[str, np.ndarray]

    @property
    def table(self) -> Rules:
        return rules.by_definition(TABLES[self.rule])


def project(
    model: InspectableGraph,
    x: Tensor,
    outputs: Mapping[str, Tensor],
    layer: str,
    at: tuple[int, int, int],
    rule: str = "deconvnet",
) -> Projected:
    """The unit `at` (map,p,q) of a layer, of the first image, back to the images x.

    ValueError for a rule that is none of TABLES, or a unit that does not exist.
    """
    if rule not in TABLES:
        raise ValueError(f"no rule {rule!r}; there are {', '.join(TABLES)}")
    unit = unit_of(model, {nn.INPUT: x.numpy(), **arrays(outputs)}, layer, at)
    names = [name for name in model.layer_names() if name in model.below(layer)]
    cotangent = np.zeros_like(unit.y)
    cotangent[unit.index] = unit.y[unit.index]
    table = rules.by_definition(TABLES[rule])
    found = outputs[layer].backward(
        cotangent, rules=table, inputs=[x, *(outputs[name] for name in names)]
    )
    made = {name: each.numpy() for name, each in zip([nn.INPUT, *names], found, strict=True)}
    return Projected(model, rule, layer, at, {nn.INPUT: x, **outputs}, made)


def arrays(outputs: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in outputs.items()}
