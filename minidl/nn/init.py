"""Initial values, written into parameters in place, under PyTorch's names.

Each function changes its tensor, returns it, and draws from the generator that `minidl.manual_seed`
seeds, or from `generator`. Fan-in and fan-out of a weight (K,C,R,S) are C R S and K R S.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.randomness import given_or_default
from minidl.tensor import Tensor

Rng = np.random.Generator | None
FAN = ("fan_in", "fan_out")
_GAINS: dict[str, Callable[[float], float]] = {
    "linear": lambda a: 1.0, "conv1d": lambda a: 1.0, "conv2d": lambda a: 1.0,
    "conv_transpose2d": lambda a: 1.0, "sigmoid": lambda a: 1.0, "tanh": lambda a: 5 / 3,
    "relu": lambda a: math.sqrt(2), "leaky_relu": lambda a: math.sqrt(2 / (1 + a * a)),
    "selu": lambda a: 3 / 4,
}  # fmt: skip


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights before this function are larger; ValueError names those known."""
    if nonlinearity not in _GAINS:
        raise ValueError(f"init: no gain of {nonlinearity!r}; there are {', '.join(_GAINS)}")
    return _GAINS[nonlinearity](0.01 if param is None else param)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Rng = None) -> Tensor:
    """Uniform from a to b."""
    return _written(tensor, given_or_default(generator).uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Rng = None) -> Tensor:
    """Normal of this mean and standard deviation."""
    return _written(tensor, given_or_default(generator).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Rng = None,
) -> Tensor:
    """Normal, drawn again where it is outside a to b."""
    rng = given_or_default(generator)
    values = rng.normal(mean, std, tensor.shape)
    if not mean - 8 * std < b or not a < mean + 8 * std or not a < b:
        raise ValueError(f"trunc_normal_: from {a} to {b} hardly any of N({mean}, {std}) is drawn")
    while (outside := (values < a) | (values > b)).any():
        values[outside] = rng.normal(mean, std, int(outside.sum()))
    return _written(tensor, values)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """One value."""
    return _written(tensor, np.full(np.shape(tensor), val))


def zeros_(tensor: Tensor) -> Tensor:
    """0."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """1."""
    return constant_(tensor, 1.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_: needs two axes, got {tensor.shape}")
    return _written(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Rng = None) -> Tensor:
    """Uniform of variance gain^2 2 / (fan-in + fan-out) (Glorot, Bengio 2010)."""
    bound = math.sqrt(3) * _glorot(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Rng = None) -> Tensor:
    """Normal of variance gain^2 2 / (fan-in + fan-out) (Glorot, Bengio 2010)."""
    return normal_(tensor, 0.0, _glorot(tensor, gain), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Rng = None,
) -> Tensor:
    """Uniform of variance gain^2 / fan (He et al. 2015)."""
    bound = math.sqrt(3) * _he(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Rng = None,
) -> Tensor:
    """Normal of variance gain^2 / fan (He et al. 2015)."""
    return normal_(tensor, 0.0, _he(tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Rng = None) -> Tensor:
    """A matrix (K,...) with orthogonal rows or columns, whichever are fewer (Saxe et al. 2013)."""
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: needs two axes or more, got {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    drawn = given_or_default(generator).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q *= np.sign(np.diag(r))
    matrix = q if rows >= columns else q.T
    return _written(tensor, gain * matrix.reshape(tensor.shape))  # (K,C R S) -> (K,C,R,S)


def _fans(tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim < 2:
        raise ValueError(f"init: fan-in and fan-out need two axes or more, got {tensor.shape}")
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def _glorot(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2 / sum(_fans(tensor)))


def _he(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in FAN:
        raise ValueError(f"init: mode must be {' or '.join(FAN)}, got {mode!r}")
    return calculate_gain(nonlinearity, a) / math.sqrt(_fans(tensor)[FAN.index(mode)])


def _written(tensor: Any, values: np.ndarray) -> Any:
    """The tensor, with these values in its own type."""
    if isinstance(tensor, np.ndarray):  # a parameter's `.data`
        tensor[...] = values
        return tensor
    if not isinstance(tensor, Tensor):
        raise TypeError(f"init: takes a Tensor, got {type(tensor).__name__}")
    tensor.assign(values.astype(tensor.dtype))
    return tensor
