"""Functions under PyTorch's names on its first level: `minidl.sum(x)`, `minidl.exp(x)`.

Each is the method of that name, so that one place defines it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import device as devices
from minidl import functional as F
from minidl.functional import arguments
from minidl.tensor import Tensor

METHODS = (
    "abs", "add", "all", "amax", "amin", "any", "argmax", "argmin", "bmm", "chunk", "clamp",
    "clone", "div", "eq", "exp", "flatten", "ge", "gt", "isfinite", "isnan", "le", "log",
    "log_softmax", "lt", "matmul", "max", "mean", "min", "mm", "mul", "ne", "neg", "norm",
    "numel", "permute", "pow", "relu", "reshape", "sigmoid", "softmax", "split", "sqrt",
    "square", "squeeze", "std", "sub", "sum", "tanh", "topk", "transpose", "unbind", "unsqueeze",
    "var",
)  # fmt: skip


def _method(name: str) -> Callable[..., Any]:
    method = getattr(Tensor, name)

    def function(input: Tensor, *given: Any, **named: Any) -> Any:
        arguments.tensor(input, name, "input")
        return getattr(input, name)(*given, **named)

    function.__name__, function.__doc__ = name, method.__doc__
    return function


FUNCTIONS = {name: _method(name) for name in METHODS}


def cat(tensors: Any, dim: int = 0) -> Tensor:
    """The tensors one after the other along `dim`."""
    given = arguments.tensors(tensors, "cat")
    if given and all(t.dtype.kind != "f" for t in given):
        return given[0]._holding(np.concatenate([t._array for t in given], dim))
    return F.concatenate(given, dim)


def stack(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors of one shape along a new axis."""
    given = arguments.tensors(tensors, "stack")
    if given and all(t.dtype.kind != "f" for t in given):
        return given[0]._holding(np.stack([t._array for t in given], dim))
    return F.stack(given, dim)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """a where the condition is true, b elsewhere."""
    return F.where(condition, a, b)


def maximum(a: Any, b: Any) -> Tensor:
    """The elementwise maximum."""
    return F.maximum(a, b)


def minimum(a: Any, b: Any) -> Tensor:
    """The elementwise minimum."""
    return F.minimum(a, b)


def equal(a: Tensor, b: Tensor) -> bool:
    """True for tensors of one shape and equal values."""
    return a.shape == b.shape and bool((a == b).all())


def allclose(
    a: Tensor, b: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """True if |a - b| <= atol + rtol |b| everywhere."""
    left, right = devices.host(a._array), devices.host(b._array)
    return bool(np.allclose(left, right, rtol, atol, equal_nan))


def is_tensor(value: object) -> bool:
    """True for a Tensor."""
    return isinstance(value, Tensor)
