"""Activation functions that saturate or are gated: SELU, CELU, Hardtanh, Softsign, LogSigmoid, GLU.

Each is made of other functions, whose derivatives it has.
"""

from __future__ import annotations

from minidl.functional import arguments
from minidl.functional.activation import sigmoid
from minidl.functional.elementary import absolute
from minidl.functional.extremes import clip
from minidl.functional.moving import chunk
from minidl.functional.rectifiers import elu, softplus
from minidl.tensor import Tensor

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def selu(x: Tensor) -> Tensor:
    """1.0507 x where x > 0, 1.7581 (e^x - 1) elsewhere (Klambauer et al. 2017)."""
    return elu(x, SELU_ALPHA) * SELU_SCALE


def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x where x > 0, alpha (e^(x / alpha) - 1) elsewhere (Barron 2017)."""
    arguments.tensor(x, "celu", "x")
    alpha = arguments.number(alpha, "celu: alpha")
    if alpha == 0:
        raise ValueError("celu: alpha must not be 0")
    return elu(x / alpha, 1.0) * alpha


def hardtanh(x: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """x within [min_val, max_val]."""
    return clip(x, min_val, max_val)


def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return x / (absolute(x) + 1.0)


def logsigmoid(x: Tensor) -> Tensor:
    """log(1 / (1 + e^-x)), without overflow for large |x|."""
    arguments.tensor(x, "logsigmoid", "x")
    return -softplus(-x)


def glu(x: Tensor, dim: int = -1) -> Tensor:
    """a sigmoid(b), of the halves a and b of x along `dim` (Dauphin et al. 2017)."""
    arguments.tensor(x, "glu", "x")
    axis = arguments.axis(dim, x.shape, "glu: dim")
    if x.shape[axis] % 2 or not x.shape[axis]:
        raise ValueError(f"glu: axis {dim} of {x.shape} has no halves")
    a, b = chunk(x, 2, axis)
    return a * sigmoid(b)
