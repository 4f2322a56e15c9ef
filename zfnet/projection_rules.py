"""Rules of projection for layers that the paper does not treat, one sentence for each kind."""

from __future__ import annotations

from minidl import nn
from zfnet.inspectable import InspectableGraph

AVERAGE = (
    "the average pooling is linear: the signal from above is spread evenly over its window, its "
    "transpose, as with a convolution"
)
DERIVATIVE = "the signal from above is multiplied by the derivative, as in calculus"
RECTIFIED = (
    "a smooth rectifier: the signal from above is rectified, as at a ReLU; guided backpropagation "
    "multiplies it by the gate g of x g(x) too"
)
GATED = (
    "of a signal and a gate (sigmoid, hard sigmoid, softmax) the signal alone gets what comes from "
    "above, times the gate, which is held constant"
)
NORMALISED = (
    "the signal from above passes the normalisation, as the paper's contrast normalisation; scale "
    "and bias are a linear layer's"
)
RULES: dict[type[nn.Module], str] = {
    nn.AvgPool2d: AVERAGE,
    nn.GlobalAvgPool2d: AVERAGE,
    nn.Affine: "a scale of a channel is linear and is transposed, as if it were a part of the "
    "convolution before it",
    nn.BatchNorm2d: "with its running statistics it is a scale of a channel, linear, and is "
    "transposed, as if it were a part of the convolution before it",
    nn.Add: "every branch of a sum gets all of the signal from above",
    nn.Concatenate: "every branch gets its own channels of the signal from above",
    nn.LeakyReLU: DERIVATIVE,
    nn.PReLU: DERIVATIVE,
    nn.ELU: DERIVATIVE,
    nn.Clip: "from 0 up it is a ReLU, as ReLU6; with other bounds " + DERIVATIVE,
    nn.ReLU6: "as at a ReLU",
    nn.SiLU: RECTIFIED,
    nn.GELU: RECTIFIED,
    nn.Mish: RECTIFIED,
    nn.Hardswish: RECTIFIED,
    nn.Softplus: RECTIFIED,
    nn.Multiply: GATED,
    nn.MatMul: GATED + "; attention's weights are such a gate of the values",
    nn.Divide: "the dividend gets the signal from above over the divisor, which is held constant",
    nn.LayerNorm: NORMALISED,
    nn.GroupNorm: NORMALISED,
    nn.InstanceNorm2d: NORMALISED,
    nn.Hardsigmoid: DERIVATIVE,
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
