"""Functions under PyTorch's names on its first level: `minidl.sum(x)`, `minidl.exp(x)`.

Each is the method of that name, so that one place defines it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import device as devices
from minidl import dtypes
from minidl import functional as F
from minidl.functional import arguments
from minidl.randomness import given_or_default
from minidl.tensor import Tensor, plain

METHODS = (
    "abs", "add", "all", "amax", "amin", "any", "argmax", "argmin", "argsort", "bmm", "ceil",
    "chunk", "clamp", "clip", "clone", "cos", "count_nonzero", "cumprod", "cumsum", "diag", "div",
    "dot", "eq", "erf", "exp", "expm1", "flatten", "flip", "floor", "floor_divide", "gather",
    "ge", "gt", "index_select", "isfinite", "isinf", "isnan", "le", "log", "log10", "log1p",
    "log2", "log_softmax", "logical_and", "logical_not", "logical_or", "logsumexp", "lt",
    "masked_fill", "masked_select", "matmul", "max", "mean", "median", "min", "mm", "movedim",
    "mul", "nan_to_num", "narrow", "ne", "neg", "nonzero", "norm", "numel", "permute", "pow",
    "prod", "reciprocal", "relu", "remainder", "reshape", "roll", "round", "rsqrt", "scatter",
    "scatter_add", "select", "sigmoid", "sign", "sin", "softmax", "sort", "split", "sqrt",
    "square", "squeeze", "std", "std_mean", "sub", "sum", "swapaxes", "t", "tanh", "tile", "topk",
    "transpose", "tril", "triu", "unbind", "unflatten", "unique", "unsqueeze", "var", "var_mean",
)  # fmt: skip


def _method(name: str) -> Callable[..., Any]:
    method = getattr(Tensor, name)

    def function(input: Any, *given: Any, out: Tensor | None = None, **named: Any) -> Any:
        result = getattr(_tensor(input, name), name)(*given, **named)
        return result if out is None else out.copy_(result)

    function.__name__, function.__doc__ = name, method.__doc__
    return function


def _tensor(value: Any, what: str) -> Tensor:
    """The Tensor; an array, as `x.data` is, off the tape."""
    if devices.is_array(value):
        value = from_array(value)
    arguments.tensor(value, what, "input")
    return value


def from_array(array: Any) -> Tensor:
    """A Tensor of the array's memory; TypeError for a type that no Tensor holds."""
    dtypes.check(array.dtype, "Tensor")
    return plain(array)


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


def outer(a: Tensor, b: Tensor) -> Tensor:
    """The products of the elements of two vectors, (M,) and (N,) -> (M,N)."""
    if a.ndim != 1 or b.ndim != 1:
        raise ValueError(f"outer: takes two vectors, got {a.shape} and {b.shape}")
    return a.unsqueeze(1) * b.unsqueeze(0)


def addmm(input: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta input + alpha a @ b."""
    return input * beta + (a @ b) * alpha


def baddbmm(input: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """`addmm` of a batch of matrices."""
    return addmm(input, a, b, beta=beta, alpha=alpha)


def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """The tensor repeated along axes of size 1 and new leading ones, without copies."""
    return F.broadcast_to(input, tuple(size))


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid of vectors: of M and N values two tensors (M,N).

    indexing: "ij", rows first; "xy", columns first, gives (N,M).
    """
    listed = len(tensors) == 1 and not isinstance(tensors[0], Tensor)
    given = arguments.tensors(tensors[0] if listed else tensors, "meshgrid")
    arguments.one_of(indexing, ("ij", "xy"), "meshgrid: indexing")
    swapped = indexing == "xy" and len(given) > 1
    vectors = [given[1], given[0], *given[2:]] if swapped else list(given)
    shape = tuple(v.numel() for v in vectors)
    grids = [
        v.reshape(*(1,) * i, -1, *(1,) * (len(shape) - i - 1)).expand(shape)
        for i, v in enumerate(vectors)
    ]  # (n,) -> (1,..,n,..,1) -> the grid's shape
    return tuple([grids[1], grids[0], *grids[2:]] if swapped else grids)


def bernoulli(input: Tensor, *, generator: np.random.Generator | None = None) -> Tensor:
    """1 with the probability of each element, else 0."""
    drawn = given_or_default(generator).random(input.shape)
    values = (drawn < devices.host(input._array)).astype(input.dtype)
    return input._holding(devices.like(values, input._array))


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False,
    *, generator: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """Places drawn with the weights of each row (C,) or (N,C); without `replacement` distinct."""
    weights, rng = devices.host(input._array).astype(np.float64), given_or_default(generator)
    rows = weights.reshape(-1, weights.shape[-1])  # (C,) or (N,C) -> (N,C)
    drawn = [
        rng.choice(len(row), num_samples, replace=replacement, p=row / row.sum()) for row in rows
    ]
    return input._holding(np.array(drawn).reshape(*input.shape[:-1], num_samples))


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
    left, right = (devices.host(_tensor(t, "allclose")._array) for t in (a, b))
    return bool(np.allclose(left, right, rtol, atol, equal_nan))


def is_tensor(value: object) -> bool:
    """True for a Tensor."""
    return isinstance(value, Tensor)
