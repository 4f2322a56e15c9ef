"""Rectifiers: ReLU's relatives with slopes, bounds, or a smooth gate.

SiLU, GELU, Mish and Hardswish are x g(x) with a smooth gate g from 0 to 1; the ReLU's gate is 1
where x > 0. Guided backpropagation needs the gates (`minidl.rules`).
"""

from __future__ import annotations

import math

import numpy as np

from minidl import rules
from minidl.functional import arguments
from minidl.functional.activation import sigmoid, tanh
from minidl.functional.arithmetic import where
from minidl.functional.elementary import erf, exp
from minidl.functional.elementwise import activated, activated_vjp
from minidl.functional.shape import reshape
from minidl.recording import is_recording
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]
ROOT_HALF = math.sqrt(0.5)
ROOT_2_PI = math.sqrt(2 / math.pi)
CUBIC = 0.044715
"""The coefficient of x^3 in GELU's approximation (Hendrycks, Gimpel 2016)."""

GELU_FORMS = ("none", "tanh")
KERNELS = {"none": "gelu", "tanh": "gelu_tanh"}
OF_PYTORCH = (1 / 6, 0.5)
"""Hardsigmoid's alpha and beta there, and in its kernel."""


def leaky_relu(x: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, `negative_slope` times x elsewhere (Maas et al. 2013)."""
    arguments.tensor(x, "leaky_relu", "x")
    if inplace is not False:
        return arguments.overwritten(x, leaky_relu, inplace, "leaky_relu", negative_slope)
    slope = arguments.number(negative_slope, "leaky_relu: negative_slope")
    return record("leaky_relu", activated("leaky_relu", x._array, slope), (x,), slope=slope)


@gradient.rule("leaky_relu")
def _leaky_relu(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,), slope = node.inputs, node.saved["slope"]
    if not is_recording():
        return (Tensor(activated_vjp("leaky_relu", gy._array, x._array, slope)),)
    return (where(x._array > 0, gy, gy * slope),)


def prelu(x: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, `weight` times x elsewhere (He et al. 2015).

    x (N,C,...), weight (C,), or (1,) for all channels. ValueError for another shape.
    """
    arguments.tensor(x, "prelu", "x")
    arguments.tensor(weight, "prelu", "weight")
    channels = x.shape[1] if x.ndim > 1 else 1
    if weight.ndim > 1 or weight.size not in (1, channels):
        raise ValueError(
            f"prelu: the slopes {weight.shape} do not fit x {x.shape}; expected (1,) or "
            f"({channels},), one for each of the channels of axis 1"
        )
    # (C,) -> (C,1,...), which broadcasts along axis 1
    slopes = reshape(weight, (-1, *(1,) * max(x.ndim - 2, 0)))
    return where(x._array > 0, x, x * slopes)


def relu6(x: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6); the derivative at 0 and 6 is 0, at NaN 1."""
    arguments.tensor(x, "relu6", "x")
    if inplace is not False:
        return arguments.overwritten(x, relu6, inplace, "relu6")
    return record("relu6", activated("relu6", x._array), (x,))


@gradient.rule("relu6")
def _relu6(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    x = node.inputs[0]._array
    if not is_recording():
        return (Tensor(activated_vjp("relu6", gy._array, x)),)
    return (where((x <= 0) | (x >= 6), 0.0, gy),)


def elu(x: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, alpha (e^x - 1) elsewhere (Clevert et al. 2015)."""
    arguments.tensor(x, "elu", "x")
    if inplace is not False:
        return arguments.overwritten(x, elu, inplace, "elu", alpha)
    alpha = arguments.number(alpha, "elu: alpha")
    return record("elu", activated("elu", x._array, alpha), (x,), alpha=alpha)


@gradient.rule("elu")
def _elu(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,), alpha = node.inputs, node.saved["alpha"]
    if not is_recording():
        return (Tensor(activated_vjp("elu", gy._array, x._array, alpha)),)
    slope = exp(where(x._array < 0, x, 0.0)) * alpha  # constant at 0, as PyTorch's
    return (where(x._array <= 0, gy * slope, gy),)


def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e^(beta x)) / beta, and x itself where beta x > threshold (Dugas et al. 2001)."""
    arguments.tensor(x, "softplus", "x")
    beta = arguments.number(beta, "softplus: beta")
    threshold = arguments.number(threshold, "softplus: threshold")
    scaled = x._array * beta
    curve = np.log1p(np.exp(np.minimum(scaled, threshold))) / beta
    data = np.where(scaled > threshold, x._array, curve)
    return record("softplus", data, (x,), beta=beta, threshold=threshold)


@gradient.rule("softplus")
def _softplus(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    x, beta = node.inputs[0], node.saved["beta"]
    straight = x._array * beta > node.saved["threshold"]
    return (where(straight, gy, gy * sigmoid(x * beta)),)


def hardsigmoid(x: Tensor, alpha: float = 1 / 6, beta: float = 0.5) -> Tensor:
    """alpha x + beta, clipped to 0 and 1; the derivative at the bounds is 0.

    The defaults are PyTorch's, min(max(x + 3, 0), 6) / 6; ONNX has both numbers.
    """
    arguments.tensor(x, "hardsigmoid", "x")
    alpha = arguments.number(alpha, "hardsigmoid: alpha")
    beta = arguments.number(beta, "hardsigmoid: beta")
    if (alpha, beta) == OF_PYTORCH:
        data = activated("hardsigmoid", x._array)
    else:
        data = np.clip(x._array * alpha + beta, 0, 1)
    return record("hardsigmoid", data, (x,), alpha=alpha, beta=beta)


@gradient.rule("hardsigmoid")
def _hardsigmoid(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    x, (alpha, beta) = node.inputs[0]._array, (node.saved["alpha"], node.saved["beta"])
    plain = (alpha, beta) == OF_PYTORCH
    if plain and not is_recording():
        return (Tensor(activated_vjp("hardsigmoid", gy._array, x)),)
    y = (x + 3) / 6 if plain else x * alpha + beta  # exactly 0 and 1 at -3 and 3
    return (where((y > 0) & (y < 1), gy * alpha, 0.0),)


def hardswish(x: Tensor, inplace: bool = False) -> Tensor:
    """x min(max(x + 3, 0), 6) / 6 (Howard et al. 2019)."""
    arguments.tensor(x, "hardswish", "x")
    if inplace is not False:
        return arguments.overwritten(x, hardswish, inplace, "hardswish")
    return record("hardswish", activated("hardswish", x._array), (x,))


@gradient.rule("hardswish")
def _hardswish(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,) = node.inputs
    if not is_recording():
        return (Tensor(activated_vjp("hardswish", gy._array, x._array)),)
    inside = where(x._array <= -3, 0.0, gy * (x * (1 / 3) + 0.5))
    return (where(x._array < 3, inside, gy),)


def silu(x: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x) (Elfwing et al. 2017; Ramachandran et al. 2017)."""
    arguments.tensor(x, "silu", "x")
    if inplace is not False:
        return arguments.overwritten(x, silu, inplace, "silu")
    return record("silu", activated("silu", x._array), (x,))


@gradient.rule("silu")
def _silu(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,) = node.inputs
    if not is_recording():
        return (Tensor(activated_vjp("silu", gy._array, x._array)),)
    s = sigmoid(x)
    return (gy * (s * (1.0 + x * (1.0 - s))),)


def mish(x: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(log(1 + e^x)) (Misra 2019)."""
    arguments.tensor(x, "mish", "x")
    if inplace is not False:
        return arguments.overwritten(x, mish, inplace, "mish")
    return record("mish", activated("mish", x._array), (x,))


def _mish_gate(x: np.ndarray) -> np.ndarray:
    """tanh(log(1 + t)) = n / (n + 2) with n = t (t + 2), t = e^x; 1 in float64 from x = 20 on."""
    t = np.exp(np.minimum(x, 20))
    n = t * (t + 2)
    gate: np.ndarray = n / (n + 2)
    return gate


@gradient.rule("mish")
def _mish(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,) = node.inputs
    if not is_recording():
        return (Tensor(activated_vjp("mish", gy._array, x._array)),)
    g = tanh(softplus(x))
    return (gy * (g + x * sigmoid(x) * (1.0 - g * g)),)


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """x Phi(x), with Phi the normal distribution function (Hendrycks, Gimpel 2016).

    approximate: "none" for Phi by the error function, "tanh" for
                 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. ValueError for another word.
    """
    arguments.tensor(x, "gelu", "x")
    form = arguments.one_of(approximate, GELU_FORMS, "gelu: approximate")
    data = activated(KERNELS[form], x._array)
    return record("gelu", data, (x,), approximate=form)


def _normal(x: np.ndarray) -> np.ndarray:
    """(1 + erf(x / sqrt(2))) / 2."""
    out = activated("erf", x * ROOT_HALF)
    out += 1
    out *= 0.5
    return out


def _nearly_normal(x: np.ndarray) -> np.ndarray:
    """(1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 = 1 / (1 + e^-2u)."""
    return activated("sigmoid", (x + CUBIC * x * x * x) * (2 * ROOT_2_PI))


@gradient.rule("gelu")
def _gelu(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,), form = node.inputs, node.saved["approximate"]
    if not is_recording():
        return (Tensor(activated_vjp(KERNELS[form], gy._array, x._array)),)
    square = x * x
    if form == "none":
        density = exp(square * -0.5) * (ROOT_2_PI / 2)  # e^(-x^2/2) / sqrt(2 pi)
        return (gy * ((1.0 + erf(x * ROOT_HALF)) * 0.5 + x * density),)
    t = tanh((x + x * square * CUBIC) * ROOT_2_PI)
    inner = (1.0 + square * (3 * CUBIC)) * ROOT_2_PI
    return (gy * ((1.0 + t) * 0.5 + x * (1.0 - t * t) * inner * 0.5),)


@rules.gate("silu")
def _silu_gate(node: Node) -> Tensor:
    return Tensor(activated("sigmoid", node.inputs[0]._array))


@rules.gate("softplus")
def _softplus_gate(node: Node) -> Tensor:
    """The derivative: a softplus has no factor x."""
    return Tensor(activated("sigmoid", node.inputs[0]._array * node.saved["beta"]))


@rules.gate("mish")
def _gate_of_mish(node: Node) -> Tensor:
    return Tensor(_mish_gate(node.inputs[0]._array))


@rules.gate("hardswish")
def _hardswish_gate(node: Node) -> Tensor:
    return Tensor(activated("hardsigmoid", node.inputs[0]._array))


@rules.gate("gelu")
def _gelu_gate(node: Node) -> Tensor:
    normal = _normal if node.saved["approximate"] == "none" else _nearly_normal
    return Tensor(normal(node.inputs[0]._array))


@rules.gate("relu6")
def _relu6_gate(node: Node) -> Tensor:
    """1 between the bounds, where the derivative is."""
    x = node.inputs[0]._array
    return Tensor(((x > 0) & (x < 6)).astype(x.dtype))
