"""Tests of the operations of the benchmark: definitions, libraries, detection of wrong results."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from bench import network_sizes
from bench.cases import Case, Contender
from bench.contenders import LAYOUTS, NEEDS, call_of, contenders
from bench.correctness import judge
from bench.definition import steps
from bench.layers import (
    Activated,
    Attended,
    Convolution,
    Cut,
    Filters,
    Grouped,
    Heads,
    Joined,
    Layer,
    Normalised,
    Pool,
    Rectified,
    Stage,
    Weights,
)
from bench.network_layers import Branching, Network, Square, Unit, Whole
from bench.operations import OPERATIONS, KernelOperation, of
from bench.operations.networks import zfnet
from bench.operations.operation import Operation
from kernels import all_kernels
from kernels.bounds import rounding
from kernels.definition.precisions import ROUNDINGS
from tests.bench.tiny_network import TINY_NETWORK

TINY: dict[type[Layer], Layer] = {
    Convolution: Convolution("tiny", "conv", C=4, H=7, W=6, K=6, R=3, S=3, padding=1, groups=2),
    Pool: Pool("tiny", "pool", C=5, H=8, W=6, size=3, stride=2, padding=1),
    Normalised: Normalised("tiny", "norm", C=7, H=6, W=5),
    Rectified: Rectified("tiny", "relu", C=3, H=4, W=5),
    Cut: Cut("tiny", "patches", C=5, side=9, size=6, part=3),
    Heads: Heads("tiny", "scores", 3, 5, 4, 6),
    Activated: Activated("tiny", "gelu", 5, 9, "gelu"),
    Attended: Attended("tiny", "softmax", 2, 5, 7),
    Grouped: Grouped("tiny", "group", 2, 5, 6, 2),
    Joined: Joined("tiny", "branches", (3, 4, 8), 5),
    Weights: Weights("tiny", "fc", 6, 5),
    Filters: Filters("tiny", "filters", 6, 5, 3),
    Stage: Stage("tiny", "stage", 3, 12, 5, 3, 1, 1, 3, 2, 1),
    Whole: Whole("tiny", "lrn", "lrn", image=64, width=1 / 16, classes=5),
    Branching: Branching("tiny", "whole", image=64, width=1 / 16, classes=5),
    Unit: Unit("tiny", "unit", "lrn", image=64, width=1 / 16, classes=5, layer="conv2"),
    Network: TINY_NETWORK,
    Square: Square("tiny", "square", "lrn", 64, 1 / 16, 5, square=32, stride=16),
}
NAMES = pytest.mark.parametrize("name", OPERATIONS)
RNG = np.random.default_rng(11)


def tiny(name: str) -> Case:
    return Case(name, TINY[OPERATIONS[name].layer], 2)


def test_a_step_walks_back_what_finite_differences_find() -> None:
    x, w = RNG.standard_normal((2, 3, 6, 5)), RNG.standard_normal((4, 3, 3, 2))
    bias, settings = RNG.standard_normal(4), {"stride": 2, "padding": 1}
    step = steps.Convolve(w, bias, settings)
    gy, moved = RNG.standard_normal(step.forward(x).shape), RNG.standard_normal(w.shape)
    step.backward(gy)
    ahead = steps.Convolve(w + moved, bias, settings).forward(x)  # linear: any step is small enough
    change = (gy * (ahead - step.forward(x))).sum()
    assert abs((step.gradients["weight"] * moved).sum() - change) < 1e-9 * abs(change)


@NAMES
def test_all_of_ours_pass_the_judge(name: str) -> None:
    case = tiny(name)
    those = contenders(case, [], [])
    verdicts = judge(case, {c: call_of(case, c, 1).results() for c in those})
    assert verdicts
    assert not [verdict.message for verdict in verdicts.values() if verdict.message]


COMPILED = "torch.compile"
"""It takes tens of seconds for one network: `test_bench_networks.py` tries it on few layers."""


@pytest.mark.parametrize("library", [name for name in LAYOUTS if name != COMPILED])
@NAMES
def test_a_librarys_call_is_the_same_operation(name: str, library: str) -> None:
    if not all(map(find_spec, NEEDS[library])):
        pytest.skip(f"{library} is not installed")
    case = tiny(name)
    those = [c for c in contenders(case, [], [library]) if not c.ours]
    assert bool(those) == (library in OPERATIONS[name].libraries)
    verdicts = judge(case, {c: call_of(case, c, 2).results() for c in those})
    assert not [verdict.message for verdict in verdicts.values() if verdict.message]


@NAMES
def test_a_result_with_one_number_off_is_wrong(name: str) -> None:
    case = tiny(name)
    contender = contenders(case, [], [])[0]
    for place in range(len(of(case).outputs(case))):
        results = [np.array(a, order="C") for a in call_of(case, contender, 1).results()]
        flat = results[place].reshape(-1)
        flat[flat.size // 2] += 1
        verdict = judge(case, {contender: results})[contender]
        assert verdict.message.startswith("WRONG"), place


SUMS = ("conv2d", "conv2d_dgrad", "conv2d_wgrad", "batched_matmul", "max_unpool2d",
        "max_pool2d_vjp", "local_response_norm", "local_response_norm_vjp",
        "local_contrast_norm")  # fmt: skip


@pytest.mark.parametrize("precision", ["TensorFloat-32", "bfloat16 (cut off)"])
@pytest.mark.parametrize("name", SUMS)
def test_operands_of_lower_precision_are_named(
    name: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = tiny(name)
    contender = contenders(case, [], [])[0]
    change, exact = ROUNDINGS[precision], of(case).inputs(case)
    rounded = {key: change(a) for key, a in exact.items()}
    with monkeypatch.context() as patched:
        patched.setattr(of(case), "inputs", lambda case: rounded, raising=False)
        results = call_of(case, contender, 1).results()
    message = judge(case, {contender: results})[contender].message
    assert message.startswith("WRONG")
    assert f"these are the results for operands rounded to {precision}" in message


def test_sums_of_lower_precision_are_named() -> None:
    case = tiny("batched_matmul")
    contender = contenders(case, [], [])[0]
    a, b = of(case).inputs(case).values()
    sums = np.zeros((*a.shape[:2], b.shape[2]), np.float16)
    for k in range(a.shape[2]):
        sums += (a[:, :, k, None] * b[:, None, k]).astype(np.float16)  # (B,M,1) x (B,1,N)
    message = judge(case, {contender: [sums.astype(np.float32)]})[contender].message
    assert message.endswith("all results are numbers of float16")


def test_a_long_sum_of_rounded_operands_is_wrong_though_its_worst_case_would_pass_it() -> None:
    """The errors of rounded operands grow as the root of the number of terms, as the line does."""
    case = Case("batched_matmul", Heads("tiny", "long", 1, 4, 5, 768), 1)
    contender = contenders(case, [], [])[0]
    a, b = of(case).inputs(case).values()
    rounded = ROUNDINGS["TensorFloat-32"]
    result = (rounded(a).astype(np.float64) @ rounded(b)).astype(np.float32)
    absolute = np.abs(a.astype(np.float64)) @ np.abs(b)
    assert (np.abs(result - a.astype(np.float64) @ b) <= rounding(769, absolute, np.float32)).all()
    message = judge(case, {contender: [result]})[contender].message
    assert message.endswith("operands rounded to TensorFloat-32 or float16")


class Mistaken:
    """A network with one wrong layer."""

    def __init__(self, operation: Operation, layer: str, **settings: Any) -> None:
        self.model = operation.model  # type: ignore[attr-defined]
        self.layer, self.settings = layer, settings

    def __call__(self, case: Case) -> Any:
        model = self.model(case)
        getattr(model, self.layer).settings |= self.settings
        return model


@pytest.mark.parametrize(
    ("layer", "settings"),
    [
        ("norm1", {"k": 2.001}),
        ("norm2", {"size": 3, "alpha": 0.1}),
        ("pool1", {"ceil_mode": True, "padding": 0}),
    ],
)
def test_a_network_with_a_mistaken_layer_is_wrong(
    monkeypatch: pytest.MonkeyPatch, layer: str, settings: dict[str, Any]
) -> None:
    case = tiny("zfnet_forward")
    contender = Contender("minidl", "minidl")
    with monkeypatch.context() as patched:
        patched.setattr(of(case), "model", Mistaken(of(case), layer, **settings), raising=False)
        results = call_of(case, contender, 1).results()
    assert judge(case, {contender: results})[contender].message.startswith("WRONG")


def test_a_step_with_another_rate_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    case, contender = tiny("zfnet_step"), Contender("minidl", "minidl")
    with monkeypatch.context() as patched:
        patched.setattr("bench.operations.training.RATE", 0.0099)
        results = call_of(case, contender, 1).results()
    assert judge(case, {contender: results})[contender].message.startswith("WRONG")


def test_a_networks_operations_are_those_of_its_layers() -> None:
    case = Case("zfnet_forward", Whole("zfnet", "lrn", "lrn"), 1)
    model = zfnet(case)
    macs = sum(g.macs for g in model.geometries().values() if hasattr(g, "macs"))
    linear = sum(getattr(model, name).weight.size for name in ("fc6", "fc7", "fc8"))
    products = 2 * (macs + linear)
    sizes = network_sizes.sizes(model, (1, 3, 224, 224))
    assert sizes.parameters == model.parameter_count
    assert products < sizes.forward < 1.02 * products
    first = 2 * model.geometries()["conv1"].macs  # type: ignore[union-attr]
    assert 0 < sizes.backward - (2 * products - first) < 0.02 * products


def test_every_kernel_that_a_network_runs_on_can_be_timed() -> None:
    timed = {o.kernel for o in OPERATIONS.values() if isinstance(o, KernelOperation)}
    networks = {"avg_pool2d", "avg_pool2d_vjp", "matmul", "random_bits"}
    assert {k.operation for k in all_kernels()} - networks <= timed
