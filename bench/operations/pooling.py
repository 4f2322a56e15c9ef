"""Max-pooling with switches, unpooling, and their gradients.

Bounded by memory. Pooling's gradient is unpooling that adds where windows share a switch. PyTorch's
unpooling does not define the result where several windows have one switch, so for it every window
has a switch of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from bench import onnx_runtime
from bench.cases import Case
from bench.layers import Pool as Layer
from bench.operations.operation import (
    Call,
    Inputs,
    KernelOperation,
    Output,
    Part,
    Tensors,
    at_most,
    generator,
    normal,
    operation,
)
from kernels import PoolGeometry
from kernels.bounds import rounding, statistical
from kernels.contract import memory
from kernels.definition import pooling
from kernels.definition.precisions import Rounding


class Pooling(KernelOperation):
    """An operation on pooling windows: x or gx, y or gy, and the switches."""

    layer = Layer

    def geometry(self, case: Case) -> PoolGeometry:
        assert isinstance(case.layer, Layer)
        return case.layer.geometry(case.batch)

    def bytes(self, case: Case) -> int:
        """4 for each number, and for each switch."""
        g = self.geometry(case)
        return 4 * (math.prod(g.x_shape) + 2 * math.prod(g.y_shape))


@operation
class MaxPool(Pooling):
    """y and switches from x; bitwise equal to the definition."""

    name = kernel = "max_pool2d"
    libraries = "torch", "onnxruntime"

    def inputs(self, case: Case) -> Inputs:
        return {"x": normal(self.geometry(case).x_shape, generator())}

    def outputs(self, case: Case) -> list[Output]:
        shape = self.geometry(case).y_shape
        return [Output(shape), Output(shape, whole=True)]

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        g, (x,) = self.geometry(case), self.inputs(case).values()
        for n in range(g.N):
            for output, expected in enumerate(pooling.max_pool2d(x[n], g)):
                yield Part(output, n, expected, at_most(0.0))

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        return Call(super().call(case, name, device).timed, tuple)

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        layer, (x,) = case.layer, tensors.values()
        assert isinstance(layer, Layer)
        settings = layer.size, layer.stride, layer.padding
        pool = torch.nn.functional.max_pool2d
        return Call(lambda: pool(x, *settings, return_indices=True), tuple)

    def onnxruntime(self, case: Case, threads: int) -> Call:
        g = self.geometry(case)
        node = onnx_runtime.Node("MaxPool", ("x",), ("y", "switches"), onnx_runtime.window(g))
        call = onnx_runtime.call([node], self.inputs(case), {}, threads)
        # ONNX's indices count through all planes, ours through each.
        return Call(call.timed, lambda found: (found[0], found[1] % (g.H * g.W)))


class Scatter(Pooling):
    """x or gx from the windows' values, scatter-added: sums of at most R S of them."""

    kernel = "max_unpool2d"
    distinct: bool

    def inputs(self, case: Case) -> Inputs:
        g, rng = self.geometry(case), generator()
        return {"y": normal(g.y_shape, rng), "switches": _switches(g, rng, self.distinct)}

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.geometry(case).x_shape)]

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        g, (y, switches) = self.geometry(case), self.inputs(case).values()
        for n in range(g.N):
            absolute = pooling.max_unpool2d(np.abs(y[n]), switches[n], g)
            terms = g.R * g.S
            line = statistical(terms + 1, absolute, np.float32)
            bound = np.minimum(rounding(terms, absolute, np.float32), line)
            expected = pooling.max_unpool2d(y[n], switches[n], g)
            rounded = partial(_rounded, y=y[n], switches=switches[n], g=g)
            yield Part(0, n, expected, at_most(bound), rounded=rounded)


def _rounded(change: Rounding, y: np.ndarray, switches: np.ndarray, g: PoolGeometry) -> np.ndarray:
    return pooling.max_unpool2d(change(y), switches, g)


@operation
class MaxPoolVjp(Scatter):
    """gx of pooling from gy and switches that windows share."""

    name = "max_pool2d_vjp"
    distinct = False

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        layer = case.layer
        assert isinstance(layer, Layer)
        x = torch.empty(self.geometry(case).x_shape).contiguous(memory_format=layout)
        size, stride, padding, one = ([n, n] for n in (layer.size, layer.stride, layer.padding, 1))
        settings = x, size, stride, padding, one, False, tensors["switches"]
        gy = tensors["y"]
        return Call(lambda: torch.ops.aten.max_pool2d_with_indices_backward(gy, *settings))


@operation
class MaxUnpool(Scatter):
    """x from y and switches."""

    name = "max_unpool2d"
    distinct = True

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        g, (y, switches) = self.geometry(case), tensors.values()
        return Call(lambda: torch.ops.aten.max_unpool2d(y, switches, [g.H, g.W]))


@operation
class MaxUnpoolVjp(Pooling):
    """gy of unpooling from gx and switches."""

    name = kernel = "max_unpool2d_vjp"

    def inputs(self, case: Case) -> Inputs:
        g, rng = self.geometry(case), generator()
        return {"gx": normal(g.x_shape, rng), "switches": _switches(g, rng, distinct=True)}

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.geometry(case).y_shape)]

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        g, (gx, switches) = self.geometry(case), self.inputs(case).values()
        for n in range(g.N):
            expected = pooling.max_unpool2d_vjp(gx[n], switches[n], g)
            yield Part(0, n, expected, at_most(0.0))

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        g, (gx, switches) = self.geometry(case), tensors.values()
        with torch.enable_grad():
            y = torch.zeros(g.y_shape).contiguous(memory_format=layout).requires_grad_()
            x = torch.ops.aten.max_unpool2d(y, switches, [g.H, g.W])
        return Call(lambda: torch.autograd.grad(x, y, gx, retain_graph=True)[0])


def _switches(g: PoolGeometry, rng: np.random.Generator, distinct: bool) -> np.ndarray:
    """(N,C,P,Q) int32: a tap of each window; if `distinct`, one that no other window has."""
    N, C, P, Q = g.y_shape
    lines = []
    for axis, (size, windows, taps) in enumerate(((g.H, P, g.R), (g.W, Q, g.S))):
        shape, before = (N, P, Q, C), g.padding[2 * axis]
        first, reach = (before, g.stride[axis]) if distinct else (0, taps)
        # (P,) -> (1,P,1,1), (Q,) -> (1,1,Q,1)
        index = np.arange(windows).reshape((1, -1, 1, 1) if axis == 0 else (1, 1, -1, 1))
        line = index * g.stride[axis] - before + first + rng.integers(reach, size=shape)
        lines.append(np.clip(line, 0, size - 1))
    switches = memory.empty(g.y_shape, np.int32, "NHWC")
    memory.nhwc(switches)[...] = lines[0] * g.W + lines[1]  # (N,P,Q,C)
    return switches
