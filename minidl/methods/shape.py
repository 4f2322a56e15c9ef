"""Tensor's methods of shape: other shapes, orders of the axes, parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.methods.base import Base, Dims, Tensor


class Shape(Base):
    """Shape, order of the axes, and parts."""

    __slots__ = ()

    def dim(self) -> int:
        """The number of axes."""
        return self.ndim

    def numel(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    nelement = numel

    def view(self, *shape: Any) -> Tensor:
        """`reshape`. Memory may be in the order N, H, W, C: where no view exists it is a copy."""
        return self.reshape(*shape)

    def view_as(self, other: Tensor) -> Tensor:
        """The elements in the shape of `other`."""
        return self.reshape(other.shape)

    reshape_as = view_as

    def permute(self, *dims: Any) -> Tensor:
        """The axes in another order; every one is named."""
        order = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
        return self.functions.transpose(self._own, tuple(order))

    def swapaxes(self, dim0: int, dim1: int) -> Tensor:
        """Two axes exchanged."""
        return self.transpose(dim0, dim1)

    def t(self) -> Tensor:
        """The transpose of a matrix; a vector or a number is itself."""
        if self.ndim > 2:
            raise ValueError(f"t: takes at most two axes, got the shape {self.shape}")
        return self.transpose(0, 1) if self.ndim == 2 else self._own

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return self.transpose(-2, -1)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """The axes from `start_dim` to `end_dim` as one; all by default."""
        if self.ndim == 0:
            return self.reshape(1)
        first, last = self._axis(start_dim, "flatten"), self._axis(end_dim, "flatten")
        if first > last:
            raise ValueError(f"flatten: start_dim {start_dim} is behind end_dim {end_dim}")
        joined = math.prod(self.shape[first : last + 1])
        return self.reshape((*self.shape[:first], joined, *self.shape[last + 1 :]))

    def unflatten(self, dim: int, sizes: Sequence[int]) -> Tensor:
        """The axis `dim` as several of these sizes."""
        at = self._axis(dim, "unflatten")
        return self.reshape(self.shape[:at] + tuple(sizes) + self.shape[at + 1 :])

    def unsqueeze(self, dim: int) -> Tensor:
        """A new axis of size 1 in front of `dim`."""
        if not -self.ndim - 1 <= dim <= self.ndim:
            raise ValueError(f"unsqueeze: the shape {self.shape} takes no new axis {dim}")
        at = dim % (self.ndim + 1)
        return self.reshape((*self.shape[:at], 1, *self.shape[at:]))

    def squeeze(self, dim: Dims = None) -> Tensor:
        """Without the axes of size 1; with `dim` without those of them that it names."""
        named = range(self.ndim) if dim is None else self._axes(dim, "squeeze")
        gone = {i for i in named if self.shape[i] == 1}
        return self.reshape(tuple(n for i, n in enumerate(self.shape) if i not in gone))

    def expand(self, *sizes: Any) -> Tensor:
        """Axes of size 1 repeated without copies; -1 leaves an axis as it is."""
        given = sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
        new = len(given) - self.ndim
        shape = tuple(
            self.shape[i - new] if size == -1 and i >= new else size for i, size in enumerate(given)
        )
        return self.functions.library.broadcast_to(self._own, shape)

    def expand_as(self, other: Tensor) -> Tensor:
        """`expand` to the shape of `other`."""
        return self.expand(other.shape)

    def contiguous(self, memory_format: str | None = None) -> Tensor:
        """The tensor itself: functions take every order of memory."""
        return self._own

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` parts of one size along `dim`; the last may be smaller."""
        return self.split(max(-(-self.shape[self._axis(dim, "chunk")] // chunks), 1), dim)

    def split(self, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        """Parts of this size along `dim`, the last may be smaller; or of these sizes."""
        at = self._axis(dim, "split")
        n = self.shape[at]
        sizes = (
            [min(split_size, n - i) for i in range(0, n, split_size)]
            if isinstance(split_size, int)
            else list(split_size)
        )
        if sum(sizes) != n:
            raise ValueError(f"split: the sizes {sizes} do not add up to {n} of {self.shape}")
        ends = np.cumsum(sizes).tolist()
        before = (slice(None),) * at
        return tuple(
            self[(*before, slice(end - size, end))] for end, size in zip(ends, sizes, strict=True)
        )

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """The slices along `dim`, without that axis."""
        before = (slice(None),) * self._axis(dim, "unbind")
        return tuple(self[(*before, i)] for i in range(self.shape[len(before)]))

    def repeat(self, *sizes: Any) -> Tensor:
        """The tensor so many times one after the other along each axis."""
        return self.functions.library.repeat(self._own, _listed(sizes))

    def tile(self, *dims: Any) -> Tensor:
        """`repeat`; axes that are not named are not repeated."""
        times = _listed(dims)
        return self.repeat((1,) * (self.ndim - len(times)) + tuple(times))

    def flip(self, *dims: Any) -> Tensor:
        """The order along these axes reversed."""
        return self.functions.library.flip(self._own, _listed(dims))

    def roll(self, shifts: Any, dims: Any = None) -> Tensor:
        """The elements moved along the axes; what passes the end enters at the front."""
        return self.functions.library.roll(self._own, shifts, dims)

    def movedim(self, source: int, destination: int) -> Tensor:
        """One axis moved to another place."""
        order = list(range(self.ndim))
        order.insert(self._axis(destination, "movedim"), order.pop(self._axis(source, "movedim")))
        return self.permute(order)

    def narrow(self, dim: int, start: int, length: int) -> Tensor:
        """x[start : start + length] along `dim`."""
        return self.functions.library.narrow(self._own, dim, start, length)

    def select(self, dim: int, index: int) -> Tensor:
        """x[index] along `dim`, without that axis."""
        return self[((slice(None),) * self._axis(dim, "select")) + (index,)]

    def index_select(self, dim: int, index: Any) -> Tensor:
        """The parts at these positions along `dim`."""
        return self.functions.library.index_select(self._own, dim, index)

    def gather(self, dim: int, index: Any) -> Tensor:
        """y[i][j] = x[i][index[i][j]] for dim 1."""
        return self.functions.library.gather(self._own, dim, index)

    def scatter(self, dim: int, index: Any, src: Any) -> Tensor:
        """y[i][index[i][j]] = src[i][j] for dim 1, x elsewhere."""
        return self.functions.library.scatter(self._own, dim, index, src)

    def scatter_add(self, dim: int, index: Any, src: Any) -> Tensor:
        """src[i][j] added to y[i][index[i][j]] for dim 1."""
        return self.functions.library.scatter_add(self._own, dim, index, src)

    def masked_select(self, mask: Any) -> Tensor:
        """The elements where the mask is true, one axis."""
        return self[mask]

    def tril(self, diagonal: int = 0) -> Tensor:
        """Zeros above the diagonal."""
        return self.functions.library.tril(self._own, diagonal)

    def triu(self, diagonal: int = 0) -> Tensor:
        """Zeros below the diagonal."""
        return self.functions.library.triu(self._own, diagonal)

    def diag(self, diagonal: int = 0) -> Tensor:
        """A diagonal of a matrix, or a matrix with this diagonal."""
        return self.functions.library.diag(self._own, diagonal)

    def is_contiguous(self, memory_format: str | None = None) -> bool:
        """True where the memory is in row-major order; functions take every order."""
        return bool(self._array.flags.c_contiguous)


def _listed(given: tuple[Any, ...]) -> Any:
    """Numbers that were given one by one, or as one sequence."""
    return given[0] if len(given) == 1 and not isinstance(given[0], int) else given
