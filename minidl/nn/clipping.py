"""`nn.utils`: gradients clipped by their norm or value, parameters as one vector."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from minidl.functional import concatenate
from minidl.tensor import Tensor, plain


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0
) -> Tensor:
    """Scale all gradients so that their common norm is at most `max_norm`; returns the norm before.

    Pascanu et al. 2013. The factor is max_norm / (norm + 1e-6), as in PyTorch.
    """
    gradients = _gradients(parameters)
    if not gradients:
        return plain(np.asarray(0.0, np.float32))
    norms = [_norm(g._array, norm_type) for g in gradients]
    total = max(norms) if norm_type == math.inf else sum(n**norm_type for n in norms)
    total = total if norm_type == math.inf else total ** (1 / norm_type)
    factor = float(max_norm) / (total + 1e-6)
    for gradient in gradients:
        if not factor >= 1:  # NaN is passed on
            gradient._array[...] *= gradient.dtype.type(factor)
            gradient._wrote()
    return plain(np.asarray(total, gradients[0].dtype))


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Clip every element of the gradients to [-clip_value, clip_value]."""
    for gradient in _gradients(parameters):
        np.clip(gradient._array, -clip_value, clip_value, out=gradient._array)
        gradient._wrote()


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The parameters one after the other, each in row-major order: (count,)."""
    listed = [p.reshape(-1) for p in parameters]  # any shape -> (size,)
    return concatenate(listed, 0)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Overwrite the parameters with the values of `parameters_to_vector`."""
    listed = list(parameters)
    if vec.shape != (sum(p.numel() for p in listed),):
        raise ValueError(
            f"vector_to_parameters: the vector is {vec.shape}, the parameters have "
            f"{sum(p.numel() for p in listed)} elements"
        )
    start = 0
    for parameter in listed:
        part = vec._array[start : start + parameter.numel()]
        parameter.assign(part.reshape(parameter.shape))  # (size,) -> the parameter's shape
        start += parameter.numel()


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [p.grad for p in given if p.grad is not None]


def _norm(g: np.ndarray, p: float) -> float:
    if p == math.inf:
        return float(abs(g).max(initial=0))
    if p == 2:
        flat = g.ravel(order="K")  # any shape -> (size,)
        return math.sqrt(float((flat * flat).sum(dtype=np.float64)))
    return float((abs(g) ** p).sum(dtype=np.float64)) ** (1 / p)
