"""Calls of stages: a convolution with bias and ReLU, then max-pooling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from kernels.contract.declarations import never
from kernels.contract.geometry import PoolGeometry
from kernels.contract.registry import Kernel, all_kernels, named
from kernels.contract.stage_geometry import StageGeometry
from kernels.definition import pooling
from kernels.verify.arrays import small
from kernels.verify.calls import OPERATIONS, Bounds, Call, Operation, Results, operation
from kernels.verify.geometries import LARGE, SMALL, conv_geometries
from kernels.verify.served import narrowed

POOLING_FILTERS = 64, 90
"""Filters for a kernel that fuses pooling, which takes several vectors of filters at a time."""


@operation
class ConvReluPool(Operation):
    """Its result is y. The switches have a property of their own, since rounding can make values
    equal or unequal, and so change which maximum is the first."""

    name = "conv_relu_pool"
    returns = "y (N,K,P',Q')", "switches (N,K,P',Q') int32"

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[StageGeometry]:
        return _stages(kernel, large)

    def shapes(self, g: StageGeometry) -> dict[str, tuple[int, ...]]:
        return {"x": g.conv.x_shape, "w": g.conv.w_shape}

    def optional(self, g: StageGeometry) -> dict[str, tuple[int, ...]]:
        return {"bias": (g.conv.K,)}

    def run(self, kernel: Kernel, call: Call) -> Results:
        y, _ = self.both(kernel, call)
        return (y,)

    def both(self, kernel: Kernel, call: Call) -> Results:
        """y and the switches."""
        return self.called(call.on(kernel), *self.arguments(call), **call.options)

    def define(self, call: Call) -> Results:
        return super().define(call)[:1]

    def in_float64(self, call: Call) -> Results:
        convolved = replace(call, operation="conv2d", g=call.g.conv)
        (planes,) = OPERATIONS["conv2d"].in_float64(convolved)
        return (pooling.max_pool2d(np.where(planes <= 0, 0.0, planes), call.g.pool)[0],)

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        """The largest bound of the convolution's kernel in each window."""
        g, device = call.g, "cpu" if kernel.device == "cpu" else "cuda"
        convolved = replace(call, operation="conv2d", g=g.conv)
        bound = OPERATIONS["conv2d"].bound(named("conv2d", g.convolution, device), convolved)[0]
        planes = np.broadcast_to(bound, g.conv.y_shape)
        return (pooling.max_pool2d(planes, g.pool)[0],)


@st.composite
def _stages(draw: st.DrawFn, kernel: Kernel, large: bool) -> StageGeometry:
    """Stages of all convolution kernels on the device; those that fuse pooling are more likely."""
    every = [k for k in all_kernels("conv2d") if k.device == kernel.device]
    pooling = [k for k in every if k.pools is not never]
    alone = kernel.name == "one_pass"
    convolve = draw(st.sampled_from(pooling if alone else [*every, *pooling]))
    g = draw(conv_geometries(narrowed(convolve, LARGE if large else SMALL).filled()))
    if alone:
        g = replace(g, K=draw(st.integers(*POOLING_FILTERS)))
    assume(min(g.P, g.Q) >= (4 if alone else 2))
    size, padding = draw(small(2, min(3, g.P, g.Q))), draw(small(0, 1))
    pool = PoolGeometry.of(g.y_shape, size, 2, padding, ceil_mode=draw(st.booleans()))
    return StageGeometry(g, pool, convolve.name)
