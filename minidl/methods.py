"""Tensor's methods under PyTorch's names.

Each calls the function of `minidl.functional` that does the work, so that one place defines it.
Methods that end in "_" change the tensor in place (`minidl/in_place.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from minidl import device as devices
from minidl import dtypes

Tensor: TypeAlias = Any  # minidl.tensor imports this module
Functions: TypeAlias = Any
_int: TypeAlias = int  # for annotations in a class whose methods have the names of the types
_float: TypeAlias = float
_bool: TypeAlias = bool
Dims = int | Sequence[int] | None


class Extremes(NamedTuple):
    """The result of `max(dim)` and `min(dim)`: the values, and where they are along the axis."""

    values: Tensor
    indices: Tensor


class Methods:
    """PyTorch's methods, for Tensor alone to inherit."""

    __slots__ = ()

    if TYPE_CHECKING:  # what Tensor defines
        functions: ClassVar[Functions]
        requires_grad: bool
        _array: np.ndarray
        data: Any
        node: Any
        reshape: Any
        transpose: Any
        sum: Any
        mean: Any
        __getitem__: Any
        __mul__: Any
        __sub__: Any
        __truediv__: Any
        __neg__: Any

        @property
        def shape(self) -> tuple[int, ...]: ...
        @property
        def ndim(self) -> int: ...
        @property
        def dtype(self) -> np.dtype: ...

    # Shape.

    def dim(self) -> _int:
        """The number of axes."""
        return self.ndim

    def numel(self) -> _int:
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

    def swapaxes(self, dim0: _int, dim1: _int) -> Tensor:
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

    def flatten(self, start_dim: _int = 0, end_dim: _int = -1) -> Tensor:
        """The axes from `start_dim` to `end_dim` as one; all by default."""
        if self.ndim == 0:
            return self.reshape(1)
        first, last = self._axis(start_dim, "flatten"), self._axis(end_dim, "flatten")
        if first > last:
            raise ValueError(f"flatten: start_dim {start_dim} is behind end_dim {end_dim}")
        joined = math.prod(self.shape[first : last + 1])
        return self.reshape((*self.shape[:first], joined, *self.shape[last + 1 :]))

    def unflatten(self, dim: _int, sizes: Sequence[_int]) -> Tensor:
        """The axis `dim` as several of these sizes."""
        at = self._axis(dim, "unflatten")
        return self.reshape(self.shape[:at] + tuple(sizes) + self.shape[at + 1 :])

    def unsqueeze(self, dim: _int) -> Tensor:
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

    def contiguous(self) -> Tensor:
        """The tensor itself: functions take every order of memory."""
        return self._own

    # Parts.

    def chunk(self, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` parts of one size along `dim`; the last may be smaller."""
        return self.split(max(-(-self.shape[self._axis(dim, "chunk")] // chunks), 1), dim)

    def split(self, split_size: _int | Sequence[_int], dim: _int = 0) -> tuple[Tensor, ...]:
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

    def unbind(self, dim: _int = 0) -> tuple[Tensor, ...]:
        """The slices along `dim`, without that axis."""
        before = (slice(None),) * self._axis(dim, "unbind")
        return tuple(self[(*before, i)] for i in range(self.shape[len(before)]))

    # Reductions.

    def var(
        self,
        dim: Dims = None,
        unbiased: _bool = True,
        keepdim: _bool = False,
        *,
        correction: _int = 1,
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
        unbiased: _bool = True,
        keepdim: _bool = False,
        *,
        correction: _int = 1,
    ) -> Tensor:
        """The square root of `var`."""
        return self.var(dim, unbiased, keepdim, correction=correction).sqrt()

    def norm(self, p: _float = 2.0, dim: Dims = None, keepdim: _bool = False) -> Tensor:
        """(sum of |x|^p)^(1/p) over `dim`; p may be 1, 2 or infinity."""
        if p == math.inf:
            return self.abs().amax(dim, keepdim)
        if p == 1:
            return self.abs().sum(_numpy_axis(dim), keepdim)
        return self.abs().pow(p).sum(_numpy_axis(dim), keepdim).pow(1 / p)

    def amax(self, dim: Dims = None, keepdim: _bool = False) -> Tensor:
        """The largest value over `dim`; equal ones share the derivative."""
        if self.dtype.kind != "f":
            return self._holding(self._array.max(axis=_numpy_axis(dim), keepdims=keepdim))
        return self.functions.library.amax(self._own, _numpy_axis(dim), keepdim)

    def amin(self, dim: Dims = None, keepdim: _bool = False) -> Tensor:
        """The smallest value over `dim`; equal ones share the derivative."""
        if self.dtype.kind != "f":
            return self._holding(self._array.min(axis=_numpy_axis(dim), keepdims=keepdim))
        return -((-self._own).amax(dim, keepdim))

    def max(self, dim: Any = None, keepdim: _bool = False) -> Any:
        """The largest value; along a dim also its place; with a Tensor the larger of the two."""
        if dim is None:
            return self.amax()
        if not isinstance(dim, int):
            return self.functions.library.maximum(self._own, dim)
        return self._extremes(dim, keepdim, self.argmax(dim, keepdim=True))

    def min(self, dim: Any = None, keepdim: _bool = False) -> Any:
        """The smallest value; along a dim also its place; with a Tensor the smaller of the two."""
        if dim is None:
            return self.amin()
        if not isinstance(dim, int):
            return self.functions.library.minimum(self._own, dim)
        return self._extremes(dim, keepdim, self.argmin(dim, keepdim=True))

    def _extremes(self, dim: _int, keepdim: _bool, indices: Tensor) -> Extremes:
        at = self._axis(dim, "max")
        grid = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
        grid[at] = indices._array
        values = self[tuple(grid)]
        kept = Extremes(values, indices)
        return kept if keepdim else Extremes(*(each.squeeze(at) for each in kept))

    def argmax(self, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
        """The place of the largest value, int64; of the flat tensor without `dim`."""
        return self._holding(np.argmax(self._array, axis=dim, keepdims=keepdim))

    def argmin(self, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
        """The place of the smallest value, int64; of the flat tensor without `dim`."""
        return self._holding(np.argmin(self._array, axis=dim, keepdims=keepdim))

    def topk(
        self, k: _int, dim: _int = -1, largest: _bool = True, sorted: _bool = True
    ) -> Extremes:
        """The k largest values along `dim`, from the largest on, and where they are."""
        at = self._axis(dim, "topk")
        if not 0 <= k <= self.shape[at]:
            raise ValueError(f"topk: k = {k} of the {self.shape[at]} along axis {dim}")
        keys = devices.host(self._array)
        order = np.argsort(-keys if largest else keys, axis=at, kind="stable")
        places = np.take(order, np.arange(k), axis=at)
        grid = list(np.ogrid[tuple(slice(n) for n in places.shape)])
        grid[at] = places
        return Extremes(self[tuple(grid)], self._holding(places))

    def all(self, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
        """Whether all values are true, a Tensor of bool."""
        return self._holding(self._array.all(axis=dim, keepdims=keepdim))

    def any(self, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
        """Whether a value is true, a Tensor of bool."""
        return self._holding(self._array.any(axis=dim, keepdims=keepdim))

    # Elementwise.

    def abs(self) -> Tensor:
        """|x|."""
        return self.functions.library.absolute(self._own)

    def __abs__(self) -> Tensor:
        return self.abs()

    def exp(self) -> Tensor:
        """e^x."""
        return self.functions.library.exp(self._own)

    def log(self) -> Tensor:
        """The natural logarithm."""
        return self.functions.library.log(self._own)

    def sqrt(self) -> Tensor:
        """The square root."""
        return self.functions.library.sqrt(self._own)

    def square(self) -> Tensor:
        """x x."""
        return self * self

    def pow(self, exponent: Any) -> Tensor:
        """x to a power."""
        return self.functions.power(self._own, exponent)

    def sigmoid(self) -> Tensor:
        """1 / (1 + e^-x)."""
        return self.functions.library.sigmoid(self._own)

    def tanh(self) -> Tensor:
        """The hyperbolic tangent."""
        return self.functions.library.tanh(self._own)

    def softmax(self, dim: _int) -> Tensor:
        """e^x over its sum along `dim`."""
        return self.functions.library.softmax(self._own, dim)

    def log_softmax(self, dim: _int) -> Tensor:
        """x - log(sum of e^x along `dim`)."""
        return self.functions.library.log_softmax(self._own, dim)

    def clamp(self, min: _float | None = None, max: _float | None = None) -> Tensor:
        """x within [min, max]; a bound that is None is none."""
        low, high = -math.inf if min is None else min, math.inf if max is None else max
        if self.dtype.kind != "f":
            return self._holding(np.clip(self._array, min, max))
        return self.functions.library.clip(self._own, low, high)

    clip = clamp

    def masked_fill(self, mask: Tensor, value: _float) -> Tensor:
        """`value` where the mask is true, x elsewhere."""
        return self.functions.library.where(mask, value, self._own)

    def add(self, other: Any, *, alpha: _float = 1) -> Tensor:
        """x + alpha other."""
        return self.functions.add(self._own, other if alpha == 1 else other * alpha)

    def sub(self, other: Any, *, alpha: _float = 1) -> Tensor:
        """x - alpha other."""
        return self.functions.subtract(self._own, other if alpha == 1 else other * alpha)

    def mul(self, other: Any) -> Tensor:
        """x other."""
        return self * other

    def div(self, other: Any) -> Tensor:
        """x / other."""
        return self.functions.divide(self._own, other)

    def neg(self) -> Tensor:
        """-x."""
        return self.functions.negate(self._own)

    def matmul(self, other: Tensor) -> Tensor:
        """The matrix product."""
        return self.functions.matmul(self._own, other)

    mm = bmm = matmul

    def eq(self, other: Any) -> Tensor:
        """x == other, elementwise, a Tensor of bool."""
        return self._own == other

    def ne(self, other: Any) -> Tensor:
        """x != other."""
        return self._own != other

    def lt(self, other: Any) -> Tensor:
        """x < other."""
        return self._own < other

    def le(self, other: Any) -> Tensor:
        """x <= other."""
        return self._own <= other

    def gt(self, other: Any) -> Tensor:
        """x > other."""
        return self._own > other

    def ge(self, other: Any) -> Tensor:
        """x >= other."""
        return self._own >= other

    def isnan(self) -> Tensor:
        """Where a value is no number."""
        return self._holding(np.isnan(self._array))

    def isfinite(self) -> Tensor:
        """Where a value is neither infinite nor NaN."""
        return self._holding(np.isfinite(self._array))

    def __invert__(self) -> Tensor:
        return self._holding(~self._array)

    def __and__(self, other: Any) -> Tensor:
        return self._holding(self._array & _values(other))

    def __or__(self, other: Any) -> Tensor:
        return self._holding(self._array | _values(other))

    def __xor__(self, other: Any) -> Tensor:
        return self._holding(self._array ^ _values(other))

    # Values, copies, types and devices.

    def numpy(self) -> np.ndarray:
        """The data on the CPU: the tensor's own array if it is there already, else a copy."""
        return devices.host(self.data)

    def tolist(self) -> Any:
        """The values as nested lists of Python's numbers."""
        return devices.host(self._array).tolist()

    def clone(self) -> Tensor:
        """A copy in memory of its own, on the tape."""
        return self.functions.clone(self._own)

    def cpu(self) -> Tensor:
        """The same values in the machine's memory."""
        return self.to("cpu")

    def cuda(self) -> Tensor:
        """The same values in the GPU's memory."""
        return self.to("cuda")

    def to(self, *where: Any, dtype: DTypeLike | None = None, device: str | None = None,
           non_blocking: _bool = False, copy: _bool = False) -> Tensor:  # fmt: skip
        """The same values on a device, in a type, or as another Tensor has them; on the tape.

        The tensor itself if it is so already.
        """
        for each in where:
            if isinstance(each, Methods):
                device, dtype = each._own.device, each.dtype
            elif isinstance(each, str):
                device = each
            elif each is not None:
                dtype = each
        x = self._own
        if device is not None:
            x = self.functions.to(x, device)
        if dtype is not None:
            x = self.functions.cast(x, dtypes.check(dtype, "to"))
        return x.clone() if copy and x is self else x

    def float(self) -> Tensor:
        """In float32."""
        return self.to(dtypes.float32)

    def double(self) -> Tensor:
        """In float64."""
        return self.to(dtypes.float64)

    def long(self) -> Tensor:
        """In int64; fractions are cut off."""
        return self.to(dtypes.int64)

    def int(self) -> Tensor:
        """In int32; fractions are cut off."""
        return self.to(dtypes.int32)

    def bool(self) -> Tensor:
        """True where a value is not 0."""
        return self.to(dtypes.bool_)

    def type_as(self, other: Tensor) -> Tensor:
        """In the type of `other`."""
        return self.to(other.dtype)

    def half(self) -> Tensor:
        """Refused: no kernel computes in float16."""
        return self.to(np.float16)

    def is_floating_point(self) -> Any:
        """True for float32 and float64."""
        return self.dtype.kind == "f"

    # The tape.

    @property
    def is_leaf(self) -> Any:
        """True for a tensor that no operation on the tape computed."""
        return self.node is None

    @property
    def grad_fn(self) -> Any:
        """The node on the tape, None for a leaf."""
        return self.node

    def requires_grad_(self, requires_grad: Any = True) -> Self:
        """Switch the gradient on or off; returns the tensor."""
        if requires_grad:
            self._require_float("requires_grad_")
        self._own.requires_grad = requires_grad
        return self

    # In place.

    def add_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """x <- x + alpha other."""
        return self._change("add_", lambda x, o: x.add(o, alpha=alpha), other, needs_old=False)

    def sub_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """x <- x - alpha other."""
        return self._change("sub_", lambda x, o: x.sub(o, alpha=alpha), other, needs_old=False)

    def mul_(self, other: Any) -> Tensor:
        """x <- x other."""
        return self._change("mul_", lambda x, o: x * o, other)

    def div_(self, other: Any) -> Tensor:
        """x <- x / other."""
        return self._change("div_", lambda x, o: x / o, other)

    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        """x <- x within [min, max]."""
        return self._change("clamp_", lambda x: x.clamp(min, max))

    def relu_(self) -> Tensor:
        """x <- max(x, 0)."""
        return self._change("relu_", lambda x: x.relu())

    def fill_(self, value: Any) -> Self:
        """Every value <- `value`."""
        self._own[...] = value
        return self

    def zero_(self) -> Self:
        """Every value <- 0."""
        return self.fill_(0)

    def copy_(self, other: Any) -> Self:
        """The values of `other`, which broadcasts, in this tensor's type."""
        self._own[...] = other
        return self

    def _change(self, what: str, function: Any, *others: Any, needs_old: Any = True) -> Tensor:
        return self.functions.in_place(self._own, function, what, *others, needs_old=needs_old)

    # Arguments.

    def _holding(self, values: Any) -> Tensor:
        """The values, of any type, off the tape."""
        array = values if devices.is_array(values) else np.asarray(values)
        return self.functions.plain(array)

    @property
    def _own(self) -> Any:
        """This tensor, which the type checker knows as Tensor's base alone."""
        return self

    def _require_float(self, what: str) -> None:
        if self.dtype.kind != "f":
            raise TypeError(
                f"{what}: is of floating-point values, and the Tensor of shape {self.shape} is of "
                f"{self.dtype}; .float() converts it"
            )

    def _axis(self, dim: Any, what: str) -> Any:
        return self._axes(dim, what)[0]

    def _axes(self, dims: Dims, what: str) -> tuple[Any, ...]:
        given = (dims,) if isinstance(dims, int | np.integer) else tuple(dims or ())
        for dim in given:
            if not -self.ndim <= dim < self.ndim:
                raise IndexError(f"{what}: the shape {self.shape} has no axis {dim}")
        return tuple(dim % self.ndim for dim in given)


def _values(other: Any) -> Any:
    return other._array if isinstance(other, Methods) else other


def _numpy_axis(dim: Dims) -> Any:
    return dim if dim is None or isinstance(dim, int) else tuple(dim)
