"""Tests of the ONNX import against other readers: operators, the zoo's networks, a trained one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from kernels.bounds import LAMBDA, rounding, same_bits, within
from minidl import Tensor, nn, no_grad
from minidl.formats.onnx import load_onnx, read_shape
from minidl.formats.onnx.call import OPERATORS
from minidl.nn.describe import build, describe
from tests.minidl import (  # noqa: F401  (their cases)
    onnx_elements,
    onnx_moves,
    onnx_shapes,
    onnx_windows,
)
from tests.minidl.onnx_cases import CASES, Case, forms
from tests.minidl.onnx_graphs import reference, runtime, zoo
from tests.minidl.onnx_running import absolute, exact_and_width, loaded, run

DRAWS = settings().max_examples // 5
SHARED = Path(__file__).parents[3] / "shared" / "data"
Reader = Callable[[Any, np.ndarray], np.ndarray]
MORE = {"inception_v2", "densenet121", "shufflenet"}
ZOO = ["squeezenet", "inception_v1", "resnet50", "bvlc_alexnet", "zfnet512", *sorted(MORE)]


def allowed(case: Case, net: nn.Graph, result: np.ndarray) -> np.ndarray | float:
    """The bound on the difference of two readers that each round `case.terms` times."""
    if case.of == "products":
        size = absolute(net, case.x)
    else:
        size = np.abs(result) if case.of == "result" else np.ones_like(result)
    return 2 * rounding(case.terms, size, np.float32)


def test_every_operator_has_a_drawn_case() -> None:
    """Two are not in the standard of these opsets; they are tried as formulas."""
    assert CASES.keys() | {"Swish", "LCN"} == OPERATORS.keys()


@pytest.mark.parametrize("reader", [reference, runtime])
@pytest.mark.parametrize(
    ("operator", "opset"), [(name, opset) for name in CASES for opset in forms(name)]
)
def test_a_drawn_operator_gives_what_other_readers_give(
    operator: str, opset: int, reader: Reader, tmp_path: Path, exact_kernels: None
) -> None:
    for seed in range(DRAWS):
        case = CASES[operator](np.random.default_rng([seed, opset]), opset)
        if reader is reference and not case.reference:
            continue
        net, expected = loaded(case.proto, tmp_path), reader(case.proto, case.x)
        result = run(net, case.x)
        assert within(result, expected, allowed(case, net, result)), case.proto


@pytest.mark.parametrize("operator", CASES)
def test_what_was_imported_is_built_again_from_its_description(
    operator: str, tmp_path: Path
) -> None:
    case = CASES[operator](np.random.default_rng(0), max(13, forms(operator)[0]))
    net = loaded(case.proto, tmp_path)
    written = json.dumps(describe(net), allow_nan=False)
    again = build(json.loads(written), net.state_dict())
    assert same_bits(run(again, case.x), run(net, case.x))


@pytest.mark.parametrize("name", ZOO)
def test_a_network_of_the_zoo_with_drawn_weights_gives_what_onnx_runtime_gives(
    name: str, tmp_path: Path
) -> None:
    """Both results differ from float64's by a few times the measured difference of float32."""
    if name in MORE and DRAWS < 100:
        pytest.skip("HYPOTHESIS_PROFILE=intense tries it")
    rng = np.random.default_rng(0)
    proto = zoo(name, rng)
    x = 60 * rng.standard_normal((1, 3, 224, 224), np.float32)
    expected, net = runtime(proto, x), loaded(proto, tmp_path)
    result = run(net, x)
    exact, width = exact_and_width(net, x, rng)
    assert within(expected, exact, LAMBDA * width)
    assert within(result, expected, 2 * LAMBDA * width)
    assert LAMBDA * width < 1e-4 * exact.std(), "what is left is rounding"


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the trained network beside the checkout")
def test_a_trained_googlenet_gives_the_reference_logits() -> None:
    """Logits of eight images within 1e-4 of another program's."""
    saved = np.load(SHARED / "bvlc_googlenet_reference.npz")
    net = load_onnx(SHARED / "bvlc_googlenet.onnx")
    with no_grad():
        outputs = net.activations(Tensor(saved["input"]), until="loss3/classifier")
    assert within(outputs["loss3/classifier"].data, saved["logits"], 1e-4)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the trained network beside the checkout")
def test_a_trained_googlenet_keeps_its_names_and_its_softmax() -> None:
    net = load_onnx(SHARED / "bvlc_googlenet.onnx")
    assert net.output == "prob"
    assert {"conv1/7x7_s2", "inception_3a/output", "pool5/7x7_s1"} <= net.wiring().keys()
    assert read_shape(SHARED / "bvlc_googlenet.onnx") == (3, 224, 224)
