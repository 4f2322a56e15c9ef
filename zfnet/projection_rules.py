"""Rules of projection for layers that the paper does not treat, one sentence for each kind."""

from __future__ import annotations

from minidl import nn
from zfnet.inspectable import InspectableGraph

AVERAGE = (
    "the average pooling is linear: the signal from above is spread evenly over its window, its "
    "transpose, as with a convolution"
)
DERIVATIVE = "the signal from above is multiplied by the derivative, as in calculus"
RULES: dict[type[nn.Module], str] = {
    nn.AvgPool2d: AVERAGE,
    nn.GlobalAvgPool2d: AVERAGE,
    nn.Affine: "a scale of a channel is linear and is transposed, as if it were a part of the "
    "convolution before it",
    nn.Add: "every branch of a sum gets all of the signal from above",
    nn.Concatenate: "every branch gets its own channels of the signal from above",
    nn.LeakyReLU: DERIVATIVE,
    nn.PReLU: DERIVATIVE,
    nn.Clip: DERIVATIVE,
    nn.Sigmoid: DERIVATIVE,
    nn.Tanh: DERIVATIVE,
    nn.Softmax: DERIVATIVE,
    nn.Pixels: "the order and scale of the colours are undone, so that projections are in red, "
    "green and blue",
}
"""Rules of projection at layers that the paper's network does not have."""


def notes(model: InspectableGraph, layer: str | None = None) -> list[str]:
    """The rule of each such kind in the network, or below `layer`."""
    below = model.below(model.scores if layer is None else layer)
    kinds = {type(module) for name, module in model.children() if name in below}
    return [f"{kind.__name__}, {rule}" for kind, rule in RULES.items() if kind in kinds]
