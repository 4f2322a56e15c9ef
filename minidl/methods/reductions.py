"""Tensor's methods of reduction: variances, norms, extremes and their places."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import device as devices
from minidl.methods.base import Base, Dims, Extremes, Tensor, numpy_axis


class Reductions(Base):
    """Reductions over one axis, several, or all."""

    __slots__ = ()

    def var(
        self,
        dim: Dims = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: int = 1,
    ) -> Tensor:
        """The variance over `dim`: squared deviations over count - `correction`."""
        correction = correction if unbiased else 0
        self._require_float("var")
        axes = range(self.ndim) if dim is None else self._axes(dim, "var")
        count = math.prod(self.shape[i] for i in axes) - correction
        deviation = self - self.mean(dim, keepdim=True)
        total = (deviation * deviation).sum(dim, keepdim)
        return total * (1 / count if count > 0 else math.nan if count == 0 else math.inf)

    def std(
        self,
        dim: Dims = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: int = 1,
    ) -> Tensor:
        """The square root of `var`."""
        return self.var(dim, unbiased, keepdim, correction=correction).sqrt()

    def norm(self, p: float = 2.0, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """(sum of |x|^p)^(1/p) over `dim`; p may be 1, 2 or infinity."""
        if p == math.inf:
            return self.abs().amax(dim, keepdim)
        if p == 1:
            return self.abs().sum(numpy_axis(dim), keepdim)
        return self.abs().pow(p).sum(numpy_axis(dim), keepdim).pow(1 / p)

    def amax(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The largest value over `dim`; equal ones share the derivative."""
        if self.dtype.kind != "f":
            return self._holding(self._array.max(axis=numpy_axis(dim), keepdims=keepdim))
        return self.functions.library.amax(self._own, numpy_axis(dim), keepdim)

    def amin(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The smallest value over `dim`; equal ones share the derivative."""
        if self.dtype.kind != "f":
            return self._holding(self._array.min(axis=numpy_axis(dim), keepdims=keepdim))
        return -((-self._own).amax(dim, keepdim))

    def max(self, dim: Any = None, keepdim: bool = False) -> Any:
        """The largest value; along a dim also its place; with a Tensor the larger of the two."""
        if dim is None:
            return self.amax()
        if not isinstance(dim, int):
            return self.functions.library.maximum(self._own, dim)
        return self._extremes(dim, keepdim, self.argmax(dim, keepdim=True))

    def min(self, dim: Any = None, keepdim: bool = False) -> Any:
        """The smallest value; along a dim also its place; with a Tensor the smaller of the two."""
        if dim is None:
            return self.amin()
        if not isinstance(dim, int):
            return self.functions.library.minimum(self._own, dim)
        return self._extremes(dim, keepdim, self.argmin(dim, keepdim=True))

    def _extremes(self, dim: int, keepdim: bool, indices: Tensor) -> Extremes:
        at = self._axis(dim, "max")
        kept = Extremes(self._along(at, indices._array), indices)
        return kept if keepdim else Extremes(*(each.squeeze(at) for each in kept))

    def _along(self, axis: int, places: Any) -> Tensor:
        """The elements at these places along the axis, which are known to be inside."""
        grid = list(np.ogrid[tuple(slice(n) for n in places.shape)])
        grid[axis] = places
        return self[tuple(grid)]

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """The place of the largest value, int64; of the flat tensor without `dim`."""
        return self._holding(np.argmax(self._array, axis=dim, keepdims=keepdim))

    def argmin(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """The place of the smallest value, int64; of the flat tensor without `dim`."""
        return self._holding(np.argmin(self._array, axis=dim, keepdims=keepdim))

    def topk(self, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Extremes:
        """The k largest values along `dim`, from the largest on, and where they are."""
        at = self._axis(dim, "topk")
        if not 0 <= k <= self.shape[at]:
            raise ValueError(f"topk: k = {k} of the {self.shape[at]} along axis {dim}")
        keys = devices.host(self._array)
        order = np.argsort(-keys if largest else keys, axis=at, kind="stable")
        places = np.take(order, np.arange(k), axis=at)
        return Extremes(self._along(at, places), self._holding(places))

    def all(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Whether all values are true, a Tensor of bool."""
        return self._holding(self._array.all(axis=dim, keepdims=keepdim))

    def any(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Whether a value is true, a Tensor of bool."""
        return self._holding(self._array.any(axis=dim, keepdims=keepdim))

    def sort(self, dim: int = -1, descending: bool = False, stable: bool = True) -> Extremes:
        """The values in order along `dim`, and their places; equal ones keep their order."""
        return self._at_places(self.argsort(dim, descending), dim)

    def argsort(self, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
        """The places of the values in order along `dim`."""
        at, keys = self._axis(dim, "argsort"), devices.host(self._array)
        if not descending:
            return self._holding(np.argsort(keys, axis=at, kind="stable"))
        back = np.argsort(np.flip(keys, at), axis=at, kind="stable")  # equal ones in reverse
        return self._holding(keys.shape[at] - 1 - np.flip(back, at))

    def median(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The middle value, of two the lower; along a dim also its place. NaN if there is one."""
        if dim is None:
            return self.flatten().median(0).values
        at = self._axis(dim, "median")
        middle = (self.shape[at] - 1) // 2
        if middle < 0:
            raise ValueError(f"median: the shape {self.shape} has no element along axis {dim}")
        order = self.argsort(dim)._array
        missing = devices.host(np.isnan(self._array)) if self.dtype.kind == "f" else None
        places = np.take(order, [middle], axis=at)
        if missing is not None and missing.any():
            first = missing.argmax(axis=at, keepdims=True)
            places = np.where(missing.any(axis=at, keepdims=True), first, places)
        kept = self._at_places(self._holding(places), dim)
        return kept if keepdim else Extremes(*(each.squeeze(at) for each in kept))

    def _at_places(self, indices: Tensor, dim: int) -> Extremes:
        return Extremes(self.functions.library.gather(self._own, dim, indices), indices)

    def unique(
        self, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
        dim: int | None = None,
    ) -> Any:  # fmt: skip
        """The distinct values in order, or the distinct parts along `dim`; with `return_inverse`
        also which one each element is, with `return_counts` how often each is there."""
        values, inverse, counts = np.unique(
            devices.host(self._array), return_inverse=True, return_counts=True, axis=dim
        )
        found = [self._holding(values)]
        found += [self._holding(inverse)] if return_inverse else []
        found += [self._holding(counts)] if return_counts else []
        return tuple(found) if len(found) > 1 else found[0]

    def cumsum(self, dim: int) -> Tensor:
        """The running sum along `dim`."""
        return self.functions.library.cumsum(self._own, dim)

    def cumprod(self, dim: int) -> Tensor:
        """The running product along `dim`."""
        return self.functions.library.cumprod(self._own, dim)

    def prod(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """The product over `dim`, over all elements by default."""
        if self.dtype.kind != "f":
            return self._holding(self._array.prod(axis=dim, keepdims=keepdim, dtype=np.int64))
        return self.functions.library.prod(self._own, dim, keepdim)

    def logsumexp(self, dim: Any, keepdim: bool = False) -> Tensor:
        """log(sum of e^x over `dim`)."""
        return self.functions.library.logsumexp(self._own, dim, keepdim)

    def count_nonzero(self, dim: int | None = None) -> Tensor:
        """How many values are not 0."""
        return self._holding(np.count_nonzero(devices.host(self._array), axis=dim))

    def nonzero(self, as_tuple: bool = False) -> Any:
        """Where values are not 0: rows of indices, or an index for each axis."""
        found = np.nonzero(devices.host(self._array))
        if as_tuple:
            return tuple(self._holding(each) for each in found)
        return self._holding(np.stack(found, axis=1))  # an index an axis -> (count, axes)

    def dot(self, other: Tensor) -> Tensor:
        """The sum of the products of two vectors."""
        if self.ndim != 1 or self.shape != other.shape:
            raise ValueError(f"dot: takes two vectors of one length, got {self.shape} and "
                             f"{other.shape}; @ is the matrix product")  # fmt: skip
        return (self * other).sum()

    def var_mean(self, dim: Dims = None, unbiased: bool = True, keepdim: bool = False) -> Any:
        """`var` and `mean`."""
        return self.var(dim, unbiased, keepdim), self.mean(dim, keepdim)

    def std_mean(self, dim: Dims = None, unbiased: bool = True, keepdim: bool = False) -> Any:
        """`std` and `mean`."""
        return self.std(dim, unbiased, keepdim), self.mean(dim, keepdim)
