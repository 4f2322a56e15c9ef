"""Published networks, and networks in users' files: forward, and a training step.

Ours is a graph of `minidl.nn` with batch normalisation folded, as `load_onnx(file, fold=True)`
gives it. Engines read the ONNX file, PyTorch has its own layers with the same weights. All are
compared with the definition in float64 (`bench/definition/network.py`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench import network_sizes
from bench.cases import Case
from bench.definition.chain import allowed, rms
from bench.network_layers import Network as Layer
from bench.operations.networks import Forward, Network
from bench.operations.operation import Call, Part, at_most, generator, operation
from bench.operations.training import RATE, Step
from bench.published import published
from kernels.bounds import LAMBDA, eps
from minidl import Tensor, load_onnx, nn, no_grad
from minidl.nn.folding import fold


class OfLayer(Network):
    """A published network by its name, or one in a file."""

    layer = Layer

    def model(self, case: Case) -> nn.Graph:
        assert isinstance(case.layer, Layer)
        return _model(case.layer)

    def sizes(self, case: Case) -> network_sizes.Sizes:
        assert isinstance(case.layer, Layer)
        return _of_one_image(case.layer).of_batch(case.batch)


def _model(net: Layer) -> nn.Graph:
    if net.file:
        return load_onnx(net.file, size=(net.H, net.W))
    return published(net.network, (net.C, net.H, net.W), generator())


@functools.cache
def _of_one_image(net: Layer) -> network_sizes.Sizes:
    return network_sizes.sizes_by_a_run(_model(net), net.shape(1))


@operation
class NetworkForward(OfLayer, Forward):
    """The result for normal images, in inference."""

    name = "network_forward"

    def inference(self, case: Case) -> Any:
        return fold(self.model(case).eval())

    def file(self, case: Case, folder: Path) -> Path:
        net = case.layer
        assert isinstance(net, Layer)
        return Path(net.file) if net.file else super().file(case, folder)

    def onnxruntime(self, case: Case, threads: int) -> Call:
        return self.engine("onnxruntime", case, threads)

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        (x,) = self.inputs(case).values()
        try:
            from bench.definition.network import Definition

            plain, noisy = (Definition(self.model(case), noise) for noise in (False, True))
        except (ImportError, TypeError):
            yield from self._beside_onnx_runtime(case, x)
            return
        # Noise of one image shows the effect of rounding on all.
        most = allowed(plain.forward(x[:1]), noisy.forward(x[:1]))
        for image in range(case.batch):
            where = slice(image, image + 1)
            yield Part(0, where, plain.forward(x[where]), at_most(most))

    def _beside_onnx_runtime(self, case: Case, x: np.ndarray) -> Iterator[Part]:
        """ONNX Runtime's result in float32, and the change of ours by a rounding of its weights."""
        call = self.engine("onnxruntime", case, 1)
        expected = np.asarray(call.results()[0], np.float64)
        net = self.inference(case)
        before = _result(net, x[:1])
        block = 1 + 2 * eps(np.float32) * np.random.default_rng(1).uniform(-1, 1, 99_991)
        for parameter in net.parameters():
            factors = np.resize(block.astype(np.float32), parameter.shape)
            parameter.change(lambda array, by=factors: np.multiply(array, by, out=array))
        change = rms(_result(net, x[:1]) - before)
        yield Part(0, ..., expected, at_most(2 * LAMBDA * change))


def _result(net: nn.Graph, x: np.ndarray) -> np.ndarray:
    with no_grad():
        return np.asarray(net(Tensor(x)).data, np.float64)


@operation
class NetworkStep(OfLayer, Step):
    """The loss and the weights after a step of SGD, batch normalisation in training."""

    name = "network_step"

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        from bench.definition.network import Definition

        x, labels = self.inputs(case).values()
        both = [Definition(self.model(case), noise, training=True) for noise in (False, True)]
        (loss, logits), (_, others) = (each.step(x, labels) for each in both)
        # A loss changes by at most twice as much as a logit; its own rounding is the logarithm's.
        most = 2 * allowed(logits, others) + LAMBDA * eps(np.float32) * loss
        yield Part(0, ..., np.array(loss), at_most(most))
        start = [np.asarray(p.data) for p in self.model(case).parameters()]
        gradients = zip(start, *(each.gradients() for each in both), strict=True)
        for output, (w, g, other) in enumerate(gradients, start=1):
            expected, moved = (w - RATE * each for each in (g, other))
            yield Part(output, ..., expected, at_most(allowed(expected, moved)), as_norm=True)
