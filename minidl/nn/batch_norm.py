"""Batch normalisation as layers, named as in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from minidl import functional as F
from minidl.functional import arguments
from minidl.nn.elementwise import Affine
from minidl.nn.module import Module, Parameter
from minidl.tensor import Tensor, plain


class BatchNorm2d(Module):
    """F.batch_norm of x (N,C,H,W) with its own weight and bias (C,), and running statistics.

    In training it uses the batch's mean and variance and updates the buffers running_mean and
    running_var; in eval it uses the buffers. momentum None: the mean of all batches so far. Without
    track_running_stats it has no buffers, and uses the batch's statistics in eval too.
    """

    axes: tuple[int, ...] = (4,)
    """Numbers of axes that x may have."""
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        kind = type(self).__name__
        self.num_features = C = arguments.integer(num_features, f"{kind}: num_features", least=1)
        self.eps = arguments.number(eps, f"{kind}: eps")
        self.momentum = (
            None if momentum is None else arguments.number(momentum, f"{kind}: momentum")
        )
        self.affine = arguments.flag(affine, f"{kind}: affine")
        self.track_running_stats = arguments.flag(
            track_running_stats, f"{kind}: track_running_stats"
        )
        self.weight = Parameter(np.ones(C, np.float32)) if self.affine else None
        self.bias = Parameter(np.zeros(C, np.float32)) if self.affine else None
        tracked = self.track_running_stats
        self.register_buffer("running_mean", Tensor(np.zeros(C, np.float32)) if tracked else None)
        self.register_buffer("running_var", Tensor(np.ones(C, np.float32)) if tracked else None)
        self.register_buffer("num_batches_tracked", plain(np.array(0)) if tracked else None)

    @classmethod
    def of(
        cls,
        weight: np.ndarray | None = None,
        bias: np.ndarray | None = None,
        running_mean: np.ndarray | None = None,
        running_var: np.ndarray | None = None,
        num_batches_tracked: np.ndarray | None = None,
        **settings: Any,
    ) -> Self:
        """The layer with these arrays; `settings` are num_features, eps and momentum.

        ValueError unless weight and bias are both there or both not, the three statistics too, all
        of num_features elements and one type.
        """
        given = {"weight": weight, "bias": bias, "running_mean": running_mean,
                 "running_var": running_var}  # fmt: skip
        C = arguments.integer(settings.pop("num_features", None), f"{cls.__name__}: num_features")
        _check_stored(cls.__name__, C, given, num_batches_tracked)
        layer = cls(1, affine=False, track_running_stats=False, **settings)
        layer.num_features, layer.affine = C, weight is not None
        layer.track_running_stats = running_mean is not None
        layer.weight = None if weight is None else Parameter(weight)
        layer.bias = None if bias is None else Parameter(bias)
        statistics = {"running_mean": running_mean, "running_var": running_var}
        for name, array in statistics.items():
            layer.register_buffer(name, None if array is None else Tensor(array.copy()))
        if num_batches_tracked is not None:
            counted = np.array(int(num_batches_tracked))
            layer.register_buffer("num_batches_tracked", plain(counted))
        return layer

    @property
    def settings(self) -> dict[str, Any]:
        """What `of` takes beside the arrays."""
        return {"num_features": self.num_features, "eps": self.eps, "momentum": self.momentum}

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim not in self.axes:
            raise ValueError(
                f"{type(self).__name__}: x must have {' or '.join(map(str, self.axes))} axes, got "
                f"{x.shape}"
            )
        factor = self._count_batch() if self.training and self.track_running_stats else 0.0
        updated = self.training or not self.track_running_stats
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, updated, factor,
            self.eps,
        )  # fmt: skip

    def _count_batch(self) -> float:
        """The weight of this batch in the running statistics."""
        counted = self.num_batches_tracked
        assert counted is not None
        counted.assign(np.asarray(counted._array + 1))
        return 1 / int(counted.item()) if self.momentum is None else self.momentum

    def affine_of_running(self) -> Affine:
        """The layer of fixed statistics, as in eval; ValueError if it tracks none."""
        if self.running_mean is None or self.running_var is None:
            raise ValueError(f"{type(self).__name__}: has no running statistics to fix")
        scale = 1 / np.sqrt(self.running_var._array + self.running_var.dtype.type(self.eps))
        scale = scale if self.weight is None else scale * self.weight._array
        shift = -self.running_mean._array * scale
        return Affine(scale, shift if self.bias is None else shift + self.bias._array)

    def reset_running_stats(self) -> None:
        """Running mean 0 and variance 1, no batch counted."""
        for buffer, value in (
            (self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0),
        ):  # fmt: skip
            if buffer is not None:
                buffer.assign(np.full_like(buffer._array, value))

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(BatchNorm2d):
    """The same of x (N,C) or (N,C,L)."""

    axes = (2, 3)


def _check_stored(
    kind: str, C: int, given: Mapping[str, np.ndarray | None], counted: np.ndarray | None
) -> None:
    """ValueError for arrays of a file that are not those of one normalisation."""
    arrays = {name: array for name, array in given.items() if array is not None}
    affine = {"weight", "bias"} & arrays.keys()
    tracked = {"running_mean", "running_var"} & arrays.keys()
    if len(affine) == 1 or len(tracked) + (counted is not None) not in (0, 3):
        raise ValueError(
            f"{kind}: weight and bias go together, and so do running_mean, running_var and "
            f"num_batches_tracked; got {', '.join(arrays) or 'none of the four'}"
        )
    for name, array in arrays.items():
        arguments.array(array, f"{kind}: {name}")
    if any(array.shape != (C,) for array in arrays.values()) or C < 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"{kind}: arrays of {C} features must be ({C},), got {shapes}")
    if len({array.dtype for array in arrays.values()}) > 1:
        raise ValueError(f"{kind}: its arrays must be of one type")
    if counted is not None and (counted.shape or counted.dtype.kind not in "iu" or counted < 0):
        raise ValueError(
            f"{kind}: num_batches_tracked must be one whole number from 0 on, got "
            f"{counted.dtype} {counted.shape}"
        )
    if "running_var" in arrays and not (arrays["running_var"] >= 0).all():
        raise ValueError(f"{kind}: running_var must not be negative")
