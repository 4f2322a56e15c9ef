"""Norms under PyTorch's path `torch.linalg`."""

from __future__ import annotations

from collections.abc import Sequence

from minidl.tensor import Tensor


def vector_norm(
    x: Tensor, ord: float = 2.0, dim: int | Sequence[int] | None = None, keepdim: bool = False
) -> Tensor:
    """(sum of |x|^ord)^(1/ord) over `dim`, over all elements by default."""
    return x.norm(ord, dim, keepdim)


def norm(
    A: Tensor, ord: float | None = None, dim: int | None = None, keepdim: bool = False
) -> Tensor:
    """The 2-norm of all elements, or the norm of vectors along `dim`; ValueError for the norm of a
    matrix that is no root of a sum of squares."""
    if ord is not None and dim is None and A.ndim > 1:
        raise ValueError(f"linalg.norm: the norm {ord} of a matrix is not computed; give a dim")
    return A.norm(2.0 if ord is None else ord, dim, keepdim)
