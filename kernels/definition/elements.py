"""Activation functions and softmax in float64, over whole arrays, with the terms of derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from kernels.contract.activation_geometry import ActivationGeometry

Function = Callable[[np.ndarray, float], np.ndarray]
Terms = Callable[[np.ndarray, float], tuple[np.ndarray, ...]]
ROOT_2_PI, CUBIC = np.sqrt(2 / np.pi), 0.044715


@dataclass(frozen=True)
class Activation:
    """value: f(x, alpha); terms: those whose sum is its derivative. Of f = x g(x) they are g(x) and
    x g'(x), which may cancel; each is computed without cancellation."""

    value: Function
    terms: Terms


def _slope_of_sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(special.expit(x) * special.expit(-x))


def _density(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-x * x / 2) / np.sqrt(2 * np.pi))


def _inner(x: np.ndarray) -> np.ndarray:
    """2u of the form of GELU with tanh."""
    return np.asarray(2 * ROOT_2_PI * (x + CUBIC * x**3))


def _inner_slope(x: np.ndarray) -> np.ndarray:
    return np.asarray(2 * ROOT_2_PI * (1 + 3 * CUBIC * x * x))


def _n(x: np.ndarray) -> np.ndarray:
    t = np.exp(np.minimum(x, 20))
    return np.asarray(t * (t + 2))


def _mish_terms(x: np.ndarray, _: float) -> tuple[np.ndarray, ...]:
    gate = _n(x) / (_n(x) + 2)
    return gate, x * special.expit(x) * (1 + gate) * 2 / (_n(x) + 2)


def _hardswish_terms(x: np.ndarray, _: float) -> tuple[np.ndarray, ...]:
    inside = (x > -3) & (x < 3)
    return np.where(inside, x / 3, 0), np.where(inside, 0.5, np.where(x < 3, 0.0, 1.0))


ACTIVATIONS = {
    "elu": Activation(
        lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
        lambda x, alpha: (np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0))),),
    ),
    "erf": Activation(
        lambda x, _: np.asarray(special.erf(x)),
        lambda x, _: (2 / np.sqrt(np.pi) * np.exp(-x * x),),
    ),
    "exp": Activation(lambda x, _: np.exp(x), lambda x, _: (np.exp(x),)),
    "gelu": Activation(
        lambda x, _: np.asarray(x * special.ndtr(x)),
        lambda x, _: (np.asarray(special.ndtr(x)), x * _density(x)),
    ),
    "gelu_tanh": Activation(
        lambda x, _: np.asarray(x * special.expit(_inner(x))),
        lambda x, _: (
            np.asarray(special.expit(_inner(x))),
            x * _slope_of_sigmoid(_inner(x)) * _inner_slope(x),
        ),
    ),
    "hardsigmoid": Activation(
        lambda x, _: np.clip(x + 3, 0, 6) / 6,
        lambda x, _: (np.where((x > -3) & (x < 3), 1 / 6, 0),),
    ),
    "hardswish": Activation(lambda x, _: x * np.clip(x + 3, 0, 6) / 6, _hardswish_terms),
    "leaky_relu": Activation(
        lambda x, alpha: np.where(x > 0, x, alpha * x),
        lambda x, alpha: (np.where(x > 0, 1, alpha),),
    ),
    "mish": Activation(lambda x, _: x * (_n(x) / (_n(x) + 2)), _mish_terms),
    "relu6": Activation(
        lambda x, _: np.clip(x, 0, 6), lambda x, _: (np.where((x > 0) & (x < 6), 1.0, 0),)
    ),
    "sigmoid": Activation(
        lambda x, _: np.asarray(special.expit(x)), lambda x, _: (_slope_of_sigmoid(x),)
    ),
    "silu": Activation(
        lambda x, _: np.asarray(x * special.expit(x)),
        lambda x, _: (np.asarray(special.expit(x)), x * _slope_of_sigmoid(x)),
    ),
    "tanh": Activation(lambda x, _: np.tanh(x), lambda x, _: (4 * _slope_of_sigmoid(2 * x),)),
}
"""By the function's name."""


def activation(x: np.ndarray, g: ActivationGeometry) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return ACTIVATIONS[g.function].value(x.astype(np.float64), g.alpha)


def activation_vjp(gy: np.ndarray, x: np.ndarray, g: ActivationGeometry) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        terms = ACTIVATIONS[g.function].terms(x.astype(np.float64), g.alpha)
        return np.asarray(gy.astype(np.float64) * sum(terms))


def softmax(x: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Over the last axis of x (B,M,N)."""
    return np.asarray(special.softmax(x.astype(np.float64), axis=-1)) if x.size else np.zeros(shape)


def softmax_vjp(gy: np.ndarray, y: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """gy, y (B,M,N), y the softmax -> gx (B,M,N)."""
    gy, y = gy.astype(np.float64), y.astype(np.float64)
    return np.asarray(y * (gy - (gy * y).sum(axis=-1, keepdims=True)))
