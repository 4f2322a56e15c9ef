"""Stages in minidl, PyTorch and ONNX Runtime: convolution with bias, ReLU and max-pooling.

Forward a stage is one kernel, which is given the name of the convolution's kernel. The expected
result is the definition's chain of layers (`networks.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bench.cases import KERNELS_FOR, Case, Contender
from bench.definition.chain import CHUNK, allowed
from bench.layers import Stage
from bench.operations.networks import Forward, Network
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
from kernels import ConvGeometry, PoolGeometry, all_kernels, named, pick
from kernels.contract.problem import Problem
from kernels.contract.stage_geometry import StageGeometry
from minidl import Tensor, nn


class Staged(Network):
    """One stage with normal weights of He's standard deviation."""

    layer = Stage

    def model(self, case: Case) -> nn.Sequential:
        s = case.layer
        assert isinstance(s, Stage)
        rng = generator()
        conv = nn.Conv2d(s.C, s.K, s.size, s.stride, s.padding, rng=rng)
        assert conv.bias is not None
        conv.bias.assign(rng.normal(0, 0.5, s.K).astype(np.float32))
        pool = nn.MaxPool2d(s.pool_size, s.pool_stride, s.pool_padding)
        return nn.Sequential(conv=conv, relu=nn.ReLU(), pool=pool)


@operation
class ConvReluPool(KernelOperation, Staged, Forward):
    """A stage forward by each kernel that supports it, with the convolution's kernel that minidl
    picks and its prepared weights, as in inference."""

    name = kernel = "conv_relu_pool"

    def geometry(self, case: Case, device: str = "cpu") -> StageGeometry:
        s = case.layer
        assert isinstance(s, Stage)
        g = ConvGeometry.of(self.shape(case), (s.K, s.C, s.size, s.size), s.stride, s.padding)
        pool = PoolGeometry.of(g.y_shape, s.pool_size, s.pool_stride, s.pool_padding)
        return StageGeometry(
            g, pool, pick("conv2d", KERNELS_FOR[device], Problem(g, prepared=True)).name
        )

    def ours(self, case: Case, names: Sequence[str], device: str = "cpu") -> list[Contender]:
        those = [k for k in all_kernels(self.kernel) if k.device == KERNELS_FOR[device]]
        serving = (k for k in those if k.supports(self.geometry(case, device)))
        found = [Contender("kernels", k.name, device) for k in serving]
        return [c for c in found if not names or c.name in names]

    def picked(self, case: Case, device: str = "cpu") -> str:
        return pick(self.kernel, KERNELS_FOR[device], self.geometry(case, device)).name

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        side, g = KERNELS_FOR[device], self.geometry(case, device)
        kernel, convolve = named(self.kernel, name, side), named("conv2d", g.convolution, side)
        model, (x,) = self.model(case).to(device), self.moved(case, device)
        w, bias = (p.data for p in model.parameters())
        options = {"bias": bias, "prepared": convolve.prepared(w, g.conv)}
        return Call(lambda: kernel(x, w, g, **options), lambda found: found[:1])


@operation
class ConvReluPoolVjp(Staged):
    """A stage forward and backward: the gradients of weight and bias for a random cotangent."""

    name = "conv_relu_pool_vjp"

    def operations(self, case: Case) -> int:
        return self.sizes(case).forward + self.sizes(case).backward

    def bytes(self, case: Case) -> int:
        sizes, x = self.sizes(case), self.shape(case)
        return 4 * (math.prod(x) + 2 * sizes.parameters + math.prod(sizes.output))

    def inputs(self, case: Case) -> Inputs:
        rng = generator()
        shapes = {"x": self.shape(case), "gy": self.sizes(case).output}
        return {name: normal(shape, rng) for name, shape in shapes.items()}

    def outputs(self, case: Case) -> list[Output]:
        return [Output(shape) for shape in self.sizes(case).weights]

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        x, gy = (a.astype(np.float64) for a in self.inputs(case).values())
        chains = self.chains(case, tf32)
        for first in range(0, case.batch, CHUNK):
            where = slice(first, first + CHUNK)
            for chain in chains:
                chain.forward(x[where])
                chain.backward(gy[where])
        both = zip(*(chain.gradients(case.batch) for chain in chains), strict=True)
        for output, ((_, expected), (_, other)) in enumerate(both):
            bound = allowed(expected, other)
            yield Part(output, ..., expected, at_most(bound), as_norm=True)

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        model, (x, gy) = self.model(case).to(device), map(Tensor, self.moved(case, device))
        weights = list(model.parameters())

        def timed() -> tuple[Tensor, ...]:
            return model(x).backward(gy, inputs=weights)

        return Call(timed, lambda found: [g.data for g in found])

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        from bench.torch_networks import network

        counterpart = network(self.model(case)).to(memory_format=layout)
        weights, (x, gy) = list(counterpart.parameters()), tensors.values()

        @torch.enable_grad()
        def timed() -> Any:
            return torch.autograd.grad(counterpart(x), weights, gy)

        return Call(timed, tuple)
