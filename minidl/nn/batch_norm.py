"""Batch normalisation as layers, named as in PyTorch."""

from __future__ import annotations

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
