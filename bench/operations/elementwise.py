"""Local response and local contrast normalisation, the ReLU, and their gradients.

Bounded by memory: a few operations per element. The error bound follows from the definition with
noise as large as rounding (`bench/definition/chain.py`).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar

import numpy as np

from bench import onnx_runtime
from bench.cases import KERNELS_FOR, Case
from bench.definition import steps
from bench.definition.chain import SEED, Chain, allowed
from bench.layers import Normalised, Planes, Rectified
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
from kernels import pick
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.definition.precisions import Rounding


class Elementwise(KernelOperation):
    """An operation whose `operands` all have the shape of x; with gy among them, a gradient."""

    operands: ClassVar[tuple[str, ...]] = ("x",)

    @abstractmethod
    def step(self, case: Case) -> steps.Step:
        """The definition of the operation."""

    @abstractmethod
    def torch_function(self, case: Case) -> Callable[[Any], Any]:
        """The function from a tensor x to y in PyTorch."""

    def shape(self, case: Case) -> tuple[int, ...]:
        """The shape of every array."""
        assert isinstance(case.layer, Planes)
        return case.layer.shape(case.batch)

    def bytes(self, case: Case) -> int:
        return 4 * (len(self.operands) + 1) * math.prod(self.shape(case))

    def inputs(self, case: Case) -> Inputs:
        rng = generator()
        return {name: normal(self.shape(case), rng) for name in self.operands}

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.shape(case))]

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        inputs = self.inputs(case)
        plain = Chain({"": self.step(case)})
        moved = Chain({"": self.step(case)}, np.random.default_rng(SEED), tf32)
        for n in range(case.batch):
            image = {name: a[n : n + 1].astype(np.float64) for name, a in inputs.items()}
            expected, other = (self._defined(chain, image) for chain in (plain, moved))
            bound = allowed(expected, other)
            rounded = partial(self._rounded, chain=plain, image=image)
            yield Part(0, n, expected[0], at_most(bound), rounded=rounded)

    def _rounded(self, change: Rounding, chain: Chain, image: Inputs) -> np.ndarray:
        """The expected image for rounded operands."""
        operands = {name: change(a) for name, a in image.items()}
        return self._defined(chain, operands)[0]

    def _defined(self, chain: Chain, image: Inputs) -> np.ndarray:
        y = chain.forward(image["x"])
        return chain.backward(image["gy"]) if "gy" in image else y

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        function, x = self.torch_function(case), tensors["x"]
        if "gy" not in tensors:
            return Call(lambda: function(x))
        with torch.enable_grad():
            y = function(x.requires_grad_())
        return Call(lambda: torch.autograd.grad(y, x, tensors["gy"], retain_graph=True)[0])


class Response(Elementwise):
    """ZFNet's settings; PyTorch and ONNX divide alpha by the size too."""

    layer = Normalised

    def geometry(self, case: Case) -> LRNGeometry:
        return LRNGeometry.of(self.shape(case))

    def step(self, case: Case) -> steps.Step:
        return steps.NormaliseResponse({})

    def torch_function(self, case: Case) -> Callable[[Any], Any]:
        import torch

        g, norm = self.geometry(case), torch.nn.functional.local_response_norm
        return lambda x: norm(x, g.size, g.alpha, g.beta, g.k)


@operation
class LocalResponseNorm(Response):
    name = kernel = "local_response_norm"
    libraries = "torch", "onnxruntime"

    def onnxruntime(self, case: Case, threads: int) -> Call:
        g = self.geometry(case)
        settings = {"size": g.size, "alpha": g.alpha, "beta": g.beta, "bias": g.k}
        node = onnx_runtime.Node("LRN", ("x",), ("y",), settings)
        return onnx_runtime.call([node], self.inputs(case), {}, threads)


@operation
class LocalResponseNormVjp(Response):
    name = kernel = "local_response_norm_vjp"
    operands = "gy", "x"


class Contrast(Elementwise):
    """PyTorch has no such function: `bench/torch_layers.py` has the formula in its functions."""

    layer = Normalised
    products = True

    def geometry(self, case: Case) -> LCNGeometry:
        return LCNGeometry.of(self.shape(case))

    def step(self, case: Case) -> steps.Step:
        return steps.NormaliseContrast({})

    def torch_function(self, case: Case) -> Callable[[Any], Any]:
        from bench.torch_layers import ContrastNorm

        return ContrastNorm(self.geometry(case))


@operation
class LocalContrastNorm(Contrast):
    name = kernel = "local_contrast_norm"

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        return Call(super().call(case, name, device).timed, lambda found: found[:1])


@operation
class LocalContrastNormVjp(Contrast):
    """The gradient; its kernels get the arrays that the forward kernel saved."""

    name = kernel = "local_contrast_norm_vjp"
    operands = "gy", "x"

    def arguments(self, case: Case, device: str) -> tuple[Any, ...]:
        (gy, x), g = self.moved(case, device), self.geometry(case)
        _, saved = pick("local_contrast_norm", KERNELS_FOR[device], g)(x, g)
        return gy, x, saved, g


class Rectifier(Elementwise):
    layer = Rectified

    def geometry(self, case: Case) -> tuple[int, ...]:
        return self.shape(case)

    def arguments(self, case: Case, device: str) -> tuple[Any, ...]:
        return tuple(self.moved(case, device))

    def step(self, case: Case) -> steps.Step:
        return steps.Rectify()

    def torch_function(self, case: Case) -> Callable[[Any], Any]:
        return lambda x: x.relu()


@operation
class Relu(Rectifier):
    name = kernel = "relu"
    libraries = "torch", "onnxruntime"

    def onnxruntime(self, case: Case, threads: int) -> Call:
        node = onnx_runtime.Node("Relu", ("x",), ("y",))
        return onnx_runtime.call([node], self.inputs(case), {}, threads)


@operation
class ReluVjp(Rectifier):
    name = kernel = "relu_vjp"
    operands = "gy", "x"
