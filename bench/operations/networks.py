"""Networks in minidl, PyTorch and ONNX Runtime: ZFNet forward.

Ours is a `minidl.nn.Sequential`, which chooses and fuses kernels as for any user. The expected
result is the definition's chain of layers, and the error bound follows from that chain with noise
as large as rounding (`bench/definition/chain.py`). The bound holds element by element for the
network's output. For gradients and updated weights it holds for the root mean square over each
array, since one ReLU whose mask rounding reverses changes one element by a large amount.
"""

from __future__ import annotations

import functools
import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bench import network_sizes, onnx_runtime
from bench.cases import Case, Contender
from bench.definition.chain import CHUNK, SEED, Chain, allowed, steps_of
from bench.layers import Branching, Stage, Whole
from bench.operations.operation import (
    Call,
    Inputs,
    Operation,
    Output,
    Part,
    Tensors,
    at_most,
    generator,
    normal,
    operation,
)
from minidl import Tensor, nn, no_grad
from zfnet.model import ZFNet


class Network(Operation):
    """A network that minidl computes as a whole."""

    products = True

    @abstractmethod
    def model(self, case: Case) -> Any:
        """The network, an nn.Sequential or nn.Graph, the same in every process."""

    def shape(self, case: Case) -> tuple[int, ...]:
        """The shape of x."""
        assert isinstance(case.layer, Stage | Whole | Branching)
        return case.layer.shape(case.batch)

    def sizes(self, case: Case) -> network_sizes.Sizes:
        """Operations and shapes; cached, because building a network takes time."""
        return _sizes(self, case)

    def ours(self, case: Case, names: Sequence[str], device: str = "cpu") -> list[Contender]:
        found = [Contender("minidl", "minidl", device)]
        return [c for c in found if not names or c.name in names]

    def picked(self, case: Case, device: str = "cpu") -> str:
        return "minidl"

    def inputs(self, case: Case) -> Inputs:
        return {"x": normal(self.shape(case), generator())}

    def chains(self, case: Case, tf32: bool = False) -> tuple[Any, Any]:
        """The definition, and the definition with noise as large as rounding."""
        model = self.model(case)
        return Chain(steps_of(model)), Chain(steps_of(model), np.random.default_rng(SEED), tf32)


@functools.cache
def _sizes(operation: Network, case: Case) -> network_sizes.Sizes:
    return network_sizes.sizes(operation.model(case), operation.shape(case))


class Forward(Network):
    """y from x, without a tape."""

    libraries = "torch", "onnxruntime"

    def operations(self, case: Case) -> int:
        return self.sizes(case).forward

    def bytes(self, case: Case) -> int:
        sizes, x = self.sizes(case), self.shape(case)
        return 4 * (math.prod(x) + sizes.parameters + math.prod(sizes.output))

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.sizes(case).output)]

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        (x,) = self.inputs(case).values()
        plain, moved = self.chains(case, tf32)
        for first in range(0, case.batch, CHUNK):
            where = slice(first, first + CHUNK)
            expected, other = (
                chain.forward(x[where].astype(np.float64)) for chain in (plain, moved)
            )
            bound = allowed(expected, other)
            yield Part(0, where, expected, at_most(bound))

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        model, (x,) = self.model(case).to(device).eval(), map(Tensor, self.moved(case, device))

        def timed() -> Any:
            with no_grad():
                return model(x).data

        return Call(timed, judged=timed)

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        from bench.torch_networks import network

        counterpart, x = network(self.model(case)).to(memory_format=layout).eval(), tensors["x"]
        return Call(lambda: counterpart(x), judged=lambda: counterpart(x))

    def onnxruntime(self, case: Case, threads: int) -> Call:
        nodes, weights = onnx_runtime.network(self.model(case))
        return onnx_runtime.call(nodes, self.inputs(case), weights, threads)

    def serves(self, library: str, case: Case) -> bool:
        contrast = getattr(case.layer, "norm", "") == "lcn"  # which ONNX has no operator for
        return super().serves(library, case) and not (contrast and library == "onnxruntime")


class OfZFNet(Network):
    """ZFNet with He's initial weights: with the paper's, activations shrink from layer to layer."""

    layer = Whole

    def model(self, case: Case) -> nn.Sequential:
        return zfnet(case)


def zfnet(case: Case) -> ZFNet:
    """The network of a case, as it starts training."""
    net = case.layer
    assert isinstance(net, Whole)
    options: dict[str, Any] = {"init": "he", "norm": net.norm}
    return ZFNet(net.classes, net.image, net.width, **options)


@operation
class ZFNetForward(OfZFNet, Forward):
    """Logits of normal images, dropout off."""

    name = "zfnet_forward"
