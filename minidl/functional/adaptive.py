"""Pooling to planes of a given size, and convolution and pooling of sequences."""

from __future__ import annotations

from collections.abc import Callable

from minidl.functional import arguments
from minidl.functional.convolution import conv2d
from minidl.functional.pooling import avg_pool2d, max_pool2d
from minidl.functional.reduction import amax, mean
from minidl.functional.shape import concatenate, getitem, reshape
from minidl.tensor import Tensor

MOST = 1 << 16
"""Largest size of a result, a window each."""
Size = int | tuple[int | None, int | None] | None


def adaptive_avg_pool2d(x: Tensor, output_size: Size) -> Tensor:
    """x (N,C,H,W) -> (N,C,P,Q): the mean of windows that cover the plane.

    Window p has the rows from floor(p H / P) to ceil((p + 1) H / P), as in PyTorch. A size that is
    None is the input's.
    """
    P, Q = _sizes(x, output_size, "adaptive_avg_pool2d")
    H, W = x.shape[2:]
    if H % P == 0 and W % Q == 0:
        return avg_pool2d(x, (H // P, W // Q))
    return _along(_along(x, 2, P, mean), 3, Q, mean)


def adaptive_max_pool2d(x: Tensor, output_size: Size) -> Tensor:
    """x (N,C,H,W) -> (N,C,P,Q): the maximum of the windows of `adaptive_avg_pool2d`."""
    P, Q = _sizes(x, output_size, "adaptive_max_pool2d")
    H, W = x.shape[2:]
    if H % P == 0 and W % Q == 0:
        return max_pool2d(x, (H // P, W // Q))
    return _along(_along(x, 2, P, amax), 3, Q, amax)


def _along(x: Tensor, axis: int, count: int, reduce: Callable[..., Tensor]) -> Tensor:
    """`reduce` of `count` windows along an axis: exact, since windows are products of spans."""
    size, before = x.shape[axis], (slice(None),) * axis
    spans = [slice(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
    return concatenate([reduce(getitem(x, (*before, s)), axis, True) for s in spans], axis)


def _sizes(x: object, output_size: Size, what: str) -> tuple[int, int]:
    arguments.tensor(x, what, "x")
    assert isinstance(x, Tensor)
    if x.ndim != 4:
        raise ValueError(f"{what}: x must have the four axes (N, C, H, W), got {x.shape}")
    two = output_size if isinstance(output_size, tuple | list) else (output_size, output_size)
    if len(two) != 2:
        raise ValueError(f"{what}: output_size must be one size or two, got {output_size!r:.100}")
    name = f"{what}: output_size"
    P, Q = (
        own if n is None else arguments.integer(n, name, 1, MOST)
        for n, own in zip(two, x.shape[2:], strict=True)
    )
    if 0 in x.shape[2:]:
        raise ValueError(f"{what}: x {x.shape} has no pixels")
    return P, Q


def conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int = 1,
    padding: int | str = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    """x (N,C,L) with weight (K,C/groups,S), bias (K,) -> (N,K,Q): conv2d of planes of one row."""
    arguments.tensor(x, "conv1d", "x")
    arguments.tensor(weight, "conv1d", "weight")
    if x.ndim != 3 or weight.ndim != 3:
        raise ValueError(
            f"conv1d: x {x.shape} and weight {weight.shape} must be (N, C, L) and (K, C/groups, S)"
        )
    one, apart = _one(stride, "stride"), _one(dilation, "dilation")
    N, C, L = x.shape
    K, group, S = weight.shape
    if isinstance(padding, str):
        pads = arguments.named_padding(padding, (S,), apart, one, "conv1d")
    else:
        pads = (_one(padding, "padding"),) * 2
    rows = reshape(x, (N, C, 1, L))  # (N,C,L) -> (N,C,1,L)
    filters = reshape(weight, (K, group, 1, S))  # (K,C/g,S) -> (K,C/g,1,S)
    y = conv2d(rows, filters, bias, (1, one), (0, 0, *pads), (1, apart), groups)
    return reshape(y, (N, K, y.shape[3]))  # (N,K,1,Q) -> (N,K,Q)


def _one(value: object, name: str) -> int:
    """A number, or a tuple of one."""
    if isinstance(value, tuple | list) and len(value) == 1:
        value = value[0]
    return arguments.integer(value, f"conv1d: {name}", least=0)
