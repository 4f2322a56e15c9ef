"""The three convolutions fprop, dgrad and wgrad."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any, ClassVar

import numpy as np

from bench import onnx_runtime
from bench.cases import KERNELS_FOR, Case, Contender
from bench.definition.convolution import (
    absolutes,
    one_pixel,
    parts,
    plane_maxima,
    plane_sums,
    values,
)
from bench.definition.tf32 import FACTORS
from bench.layers import Convolution as Layer
from bench.operations.operation import (
    Call,
    Inputs,
    KernelOperation,
    Output,
    Part,
    Tensors,
    generator,
    line_of,
    normal,
    operation,
)
from kernels import ConvGeometry, Problem, named, pick
from kernels.bounds import rounding
from kernels.definition.precisions import Rounding


class Convolution(KernelOperation):
    """Bounded by arithmetic: 2 N K P Q C/groups R S operations.

    The bound of a kernel is its `error_bound(g)` times eps times the sum of the absolute products,
    and no more than the statistical line: a worst case of long sums would pass operands of ten
    bits.
    For a `norm_wise` kernel every pixel of that sum, padding too, is replaced by the largest of its
    plane. A library declares no bound: it gets the bound of a sum of the definition's products in
    any order.
    """

    layer = Layer
    products = True
    operands: ClassVar[tuple[str, str]]

    def terms(self, g: ConvGeometry) -> int:
        """The number of products in one sum of the result."""
        raise NotImplementedError

    def shape(self, g: ConvGeometry) -> tuple[int, ...]:
        """The result's shape."""
        raise NotImplementedError

    def geometry(self, case: Case) -> ConvGeometry:
        assert isinstance(case.layer, Layer)
        return case.layer.geometry(case.batch)

    def bytes(self, case: Case) -> int:
        g = self.geometry(case)
        return 4 * sum(map(math.prod, (g.x_shape, g.w_shape, g.y_shape)))

    def inputs(self, case: Case) -> Inputs:
        g, rng = self.geometry(case), generator()
        shapes = {"x": g.x_shape, "w": g.w_shape, "gy": g.y_shape}
        return {name: normal(shapes[name], rng) for name in self.operands}

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.shape(self.geometry(case)))]

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        (a, b), g = self.inputs(case).values(), self.geometry(case)
        true = parts(self.name, a, b, g, values, values)
        plain = parts(self.name, a, b, g, absolutes, absolutes)
        by_norm = parts(self.name, a, b, one_pixel(g), plane_maxima, plane_sums)
        three = zip(true, plain, by_norm, strict=True)
        for n, ((where, expected), (_, absolute), (_, norms)) in enumerate(three):
            sums = {False: absolute, True: np.broadcast_to(norms, absolute.shape)}
            bound = partial(self._bound, g=g, sums=sums)
            rounded = partial(self._rounded, number=n, a=a, b=b, g=g)
            yield Part(0, where, expected, bound, rounded=rounded)

    def _rounded(
        self, change: Rounding, number: int, a: np.ndarray, b: np.ndarray, g: ConvGeometry
    ) -> np.ndarray:
        """Part `number` of the expected result for rounded operands."""
        found = parts(self.name, change(a), change(b), g, values, values)
        return next(islice(found, number, None))[1]

    def _bound(
        self, contender: Contender, g: ConvGeometry, sums: dict[bool, np.ndarray]
    ) -> np.ndarray:
        """`sums`: the sums of the absolute products, by `norm_wise`."""
        terms = self.terms(g)
        definition = rounding(terms, np.maximum(sums[False], sums[True]), np.float64)
        factors = FACTORS * sums[False] if contender.tf32 else 0.0
        return definition + line_of(contender, self.kernel, g, terms, sums) + factors


def _backward(case: Case, gy: Any, x: Any, w: Any, wanted: tuple[bool, bool, bool]) -> Call:
    """PyTorch's function for the two gradients, without its tape."""
    import torch

    layer = case.layer
    assert isinstance(layer, Layer)
    stride, padding, one, none = ([n, n] for n in (layer.stride, layer.padding, 1, 0))
    settings = None, stride, padding, one, False, none, layer.groups, wanted
    place = wanted.index(True)
    return Call(lambda: torch.ops.aten.convolution_backward(gy, x, w, *settings)[place])


@operation
class Fprop(Convolution):
    """y from x and w, as in inference: weights are prepared once and kept for all calls, as the
    engine and ONNX Runtime do. The two gradients prepare them at each call, as in training."""

    name = kernel = "conv2d"
    prepared = True
    operands = "x", "w"
    libraries = "torch", "onnxruntime"

    def picked(self, case: Case, device: str = "cpu") -> str:
        problem = Problem(self.geometry(case), prepared=True)
        return pick(self.kernel, KERNELS_FOR[device], problem).name

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        kernel = named(self.kernel, name, KERNELS_FOR[device])
        x, w, g = self.arguments(case, device)
        kept = {} if kernel.prepare is None else {"prepared": kernel.prepared(w, g)}
        return Call(lambda: kernel(x, w, g, **kept))

    def terms(self, g: ConvGeometry) -> int:
        return g.C // g.groups * g.R * g.S

    def shape(self, g: ConvGeometry) -> tuple[int, ...]:
        return g.y_shape

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        layer, (x, w) = case.layer, tensors.values()
        assert isinstance(layer, Layer)
        settings = layer.stride, layer.padding, 1, layer.groups
        return Call(lambda: torch.conv2d(x, w, None, *settings))

    def onnxruntime(self, case: Case, threads: int) -> Call:
        inputs, g = self.inputs(case), self.geometry(case)
        node = onnx_runtime.Node("Conv", ("x", "w"), ("y",), onnx_runtime.window(g))
        return onnx_runtime.call([node], {"x": inputs["x"]}, {"w": inputs["w"]}, threads)


@operation
class Dgrad(Convolution):
    """gx from gy and w."""

    name = kernel = "conv2d_dgrad"
    operands = "gy", "w"

    def terms(self, g: ConvGeometry) -> int:
        return g.K // g.groups * g.R * g.S

    def shape(self, g: ConvGeometry) -> tuple[int, ...]:
        return g.x_shape

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        x = torch.empty(self.geometry(case).x_shape).contiguous(memory_format=layout)
        return _backward(case, tensors["gy"], x, tensors["w"], (True, False, False))


@operation
class Wgrad(Convolution):
    """gw from x and gy."""

    name = kernel = "conv2d_wgrad"
    operands = "x", "gy"

    def terms(self, g: ConvGeometry) -> int:
        return g.N * g.P * g.Q

    def shape(self, g: ConvGeometry) -> tuple[int, ...]:
        return g.w_shape

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        w = torch.empty(self.geometry(case).w_shape).contiguous(memory_format=layout)
        return _backward(case, tensors["gy"], tensors["x"], w, (False, True, False))
