"""Tests of networks of today from both of PyTorch's exporters, against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.bounds import LAMBDA, within
from minidl import Tensor, no_grad
from minidl.formats.onnx import load_onnx
from tests.minidl.onnx_graphs import onnx, runtime
from tests.minidl.onnx_networks import NETWORKS, SIDE, exported, network
from tests.minidl.onnx_running import exact_and_width, run

# Exporter, batch in the file (None: any), opset: older ones spell LayerNorm and Hardswish out.
FORMS = [(False, None, 17), (False, 2, 14), (True, None, 18), (True, 1, 18)]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("dynamo", "batch", "opset"), FORMS)
def test_a_network_gives_what_onnx_runtime_gives_for_any_batch(
    name: str, dynamo: bool, batch: int | None, opset: int
) -> None:
    """Both results differ from float64's by a few times the measured difference of float32; a file
    for one number of images is read for any."""
    if dynamo:
        pytest.importorskip("onnxscript")
    content = exported(network(name), batch, dynamo, opset)
    net, x = load_onnx(content), np.random.default_rng(1).standard_normal((2, 3, SIDE, SIDE))
    image = x.astype(np.float32)
    given = [image[:1], image[1:], image] if batch is None else np.split(image, 2 // batch)
    expected = [runtime(onnx.ModelProto.FromString(content), each) for each in given]
    together = run(net, image)
    separate = [run(net, each) for each in given]
    exact, width = exact_and_width(net, image, np.random.default_rng(2))
    bound = 2 * LAMBDA * width
    assert bound < 1e-3 * exact.std(), "what is left is rounding"
    for theirs, ours in zip(expected, separate, strict=True):
        assert within(ours, theirs, bound)
    joined = np.concatenate(expected[:2] if batch is None else expected)
    assert within(together, joined, bound)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_activation_has_the_images_in_front(name: str) -> None:
    net = load_onnx(exported(network(name), None, dynamo=False, opset=17))
    x: Any = np.random.default_rng(1).standard_normal((3, 3, SIDE, SIDE)).astype(np.float32)

    with no_grad():
        outputs = net.activations(Tensor(x))
        alone = net.activations(Tensor(x[1:2]))
    assert all(parameter.data.flags.writeable for parameter in net.parameters())
    for layer, y in outputs.items():
        assert len(y) == 3
        np.testing.assert_allclose(y.data[1:2], alone[layer].data, rtol=1e-3, atol=1e-5)
