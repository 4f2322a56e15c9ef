"""Networks in minidl and in other engines: ZFNet forward.

Ours is a `minidl.nn.Sequential`, which chooses and fuses kernels as for any user. The expected
result is the definition's chain of layers, and the error bound follows from that chain with noise
as large as rounding (`bench/definition/chain.py`). The bound holds element by element for the
network's output. For gradients and updated weights it holds for the root mean square over each
array, since one ReLU whose mask rounding reverses changes one element by a large amount.
"""

from __future__ import annotations

import functools
import math
import tempfile
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench import engines, network_sizes, onnx_runtime
from bench.cases import Case, Contender
from bench.definition.chain import CHUNK, SEED, Chain, allowed, steps_of
from bench.layers import Stage
from bench.network_layers import Branching, Whole
from bench.network_layers import Network as Layer
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
from minidl.formats.onnx import save_onnx
from zfnet.model import ZFNet


class Network(Operation):
    """A network that minidl computes as a whole."""

    products = True

    @abstractmethod
    def model(self, case: Case) -> Any:
        """The network, an nn.Sequential or nn.Graph, the same in every process."""

    def shape(self, case: Case) -> tuple[int, ...]:
        """The shape of x."""
        assert isinstance(case.layer, Stage | Whole | Branching | Layer)
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

    libraries = "torch", "torch.compile", "onnxruntime", "openvino", "ncnn"

    def inference(self, case: Case) -> Any:
        """Our network as it infers."""
        return self.model(case).eval()

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
        model, (x,) = self.inference(case).to(device), map(Tensor, self.moved(case, device))

        def timed() -> Any:
            with no_grad():
                return model(x).data

        return Call(timed, judged=timed)

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        from bench.torch_networks import network

        counterpart, x = network(self.model(case)).to(memory_format=layout).eval(), tensors["x"]
        return Call(lambda: counterpart(x), judged=lambda: counterpart(x))

    def compiled(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        """By TorchInductor, with weights as constants, which it then stores as it likes."""
        import torch
        import torch._inductor.config as inductor

        from bench.torch_networks import network

        inductor.freezing = True
        x, plain = tensors["x"], network(self.model(case)).to(memory_format=layout).eval()
        counterpart = torch.compile(plain)
        return Call(lambda: counterpart(x), judged=lambda: counterpart(x))

    def onnxruntime(self, case: Case, threads: int) -> Call:
        nodes, weights = onnx_runtime.network(self.model(case))
        return onnx_runtime.call(nodes, self.inputs(case), weights, threads)

    def engine(self, library: str, case: Case, threads: int) -> Call:
        """OpenVINO's or ncnn's call, from an ONNX file of the network."""
        (x,) = self.inputs(case).values()
        with tempfile.TemporaryDirectory() as folder:
            return Call(engines.prepared(library, self.file(case, Path(folder)), x, threads))

    def file(self, case: Case, folder: Path) -> Path:
        """The network as an ONNX file, written into the folder."""
        shape, file = self.shape(case), folder / "network.onnx"
        save_onnx(self.model(case).eval(), file, (shape[1], shape[2], shape[3]))
        return file

    def serves(self, library: str, case: Case) -> bool:
        contrast = getattr(case.layer, "norm", "") == "lcn"  # which ONNX has no operator for
        return super().serves(library, case) and not (contrast and library in engines.ENGINES)


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
