"""Tests of the benchmark: its layers, the check of results before timing, ratios and rounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import numpy as np
import pytest

from bench.cases import Case, Contender
from bench.catalogue import LAYERS, select
from bench.contenders import LAYOUTS, call_of, contenders
from bench.correctness import compare, judge
from bench.definition.convolution import (
    absolutes,
    one_pixel,
    parts,
    plane_maxima,
    plane_sums,
    values,
)
from bench.layers import Convolution
from bench.machine import Machine
from bench.operations import of
from bench.processes import Setting
from bench.round_robin import RAMP, SETTLE, Effort, measure
from bench.rows import Row, baseline, ratios, shown, spread
from kernels import ConvGeometry, all_kernels, reference
from kernels.contract import registry, sources
from zfnet.model import AlexNet, ZFNet

TINY = Convolution("tiny", "conv", C=4, H=7, W=6, K=6, R=3, S=3, padding=1, groups=2)
COPIES = ((1 << 20, 40.0), (1 << 28, 10.0))
MACHINE = Machine("a processor", 2, 2, {"numpy": "2"}, "2000-01-01", 100.0, COPIES)
OPERATIONS = pytest.mark.parametrize("operation", ["conv2d", "conv2d_dgrad", "conv2d_wgrad"])

USERS_FILE = """
import os
from kernels import kernel
from kernels.conv2d.im2col import forward, terms

@kernel("conv2d", name="right", error_bound=terms)
def right(x, w, g, *, bias=None):
    print("ok 0 to standard output")
    return forward.function(x, w, g)

@kernel("conv2d", name="unwritten", error_bound=terms)
def unwritten(x, w, g, *, bias=None):
    y = forward.function(x, w, g)
    y[-1, :, -1] = 0
    return y

@kernel("conv2d", name="raising", error_bound=terms)
def raising(x, w, g, *, bias=None):
    raise RuntimeError("seven geese")

@kernel("conv2d", name="dying", error_bound=terms)
def dying(x, w, g, *, bias=None):
    os._exit(7)
"""


@pytest.fixture(scope="module")
def users_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Row]]:
    """The rows of a user's kernels, by name: a correct one, a wrong one, one that raises, one whose
    process ends."""
    file = tmp_path_factory.mktemp("users") / "mine.py"
    file.write_text(USERS_FILE)
    before = all_kernels()
    found = sources.load(str(file))
    names = [Contender("kernels", k.name) for k in found]
    effort = Effort(turn=0.0, rounds=2)
    rows = measure(Case("conv2d", TINY, 2), names, Setting(1, str(file)), effort)
    registry.unregister(*(k for k in all_kernels() if k not in before))
    yield {row.contender.name: row for row in rows}


def test_a_right_kernel_is_timed_every_round_whatever_it_prints(users_rows: dict[str, Row]) -> None:
    row = users_rows["right"]
    assert not row.problem
    assert len(row.seconds) == 2
    assert min(row.seconds) > 0


def test_a_wrong_kernel_is_reported_with_its_error_and_not_timed(
    users_rows: dict[str, Row],
) -> None:
    row = users_rows["unwritten"]
    assert row.problem.startswith("WRONG: off by")
    assert not row.seconds


def test_what_a_kernel_raises_is_reported(users_rows: dict[str, Row]) -> None:
    assert users_rows["raising"].problem == "failed: RuntimeError: seven geese"


def test_a_process_that_ends_is_reported_with_its_status(users_rows: dict[str, Row]) -> None:
    assert "ended with status 7" in users_rows["dying"].problem


def convolutions_of(network: str) -> list[Convolution]:
    return [layer for layer in select([network]) if isinstance(layer, Convolution)]


@pytest.mark.parametrize("network", ["zfnet", "alexnet"])
def test_layers_are_those_of_the_model(network: str) -> None:
    model = {"zfnet": ZFNet, "alexnet": AlexNet}[network](hidden=(1, 1))
    built = model.geometries().items()
    convolutions = {name: g for name, g in built if isinstance(g, ConvGeometry)}
    assert {layer.name: layer.geometry(1) for layer in convolutions_of(network)} == convolutions


def test_vgg16_has_its_published_number_of_weights() -> None:
    repeats = {"conv3_2": 2, "conv4_2": 2, "conv5_1": 3}
    weights = {
        layer.name: math.prod(layer.geometry(1).w_shape) for layer in convolutions_of("vgg16")
    }
    biases = 2 * (64 + 128) + 3 * (256 + 512 + 512)
    assert sum(repeats.get(n, 1) * count for n, count in weights.items()) + biases == 14_714_688


def small_integers(case: Case) -> list[np.ndarray]:
    """Small integers as inputs, whose sums are exact."""
    return [np.round(2 * array) for array in of(case).inputs(case).values()]


@OPERATIONS
@pytest.mark.parametrize(("stride", "groups"), [(1, 1), (2, 1), (3, 2)])
def test_the_fast_definition_equals_the_nested_loops(
    operation: str, stride: int, groups: int
) -> None:
    layer = Convolution("tiny", "conv", 4, 9, 8, 6, 3, 2, stride, padding=2, groups=groups)
    case = Case(operation, layer, 2)
    a, b = small_integers(case)
    g, result = layer.geometry(2), np.full(of(case).outputs(case)[0].shape, np.nan)
    for where, part in parts(operation, a, b, g, values, values):
        result[where] = part
    assert np.array_equal(result, getattr(reference, operation)(a, b, g))


@OPERATIONS
def test_every_kernel_that_serves_a_layer_passes_the_judge(operation: str) -> None:
    case = Case(operation, TINY, 2)
    those = contenders(case, [], [])
    verdicts = judge(case, {c: call_of(case, c, 1).results() for c in those})
    assert verdicts
    assert not [verdict.message for verdict in verdicts.values() if verdict.message]


@pytest.mark.skipif(not find_spec("torch"), reason="PyTorch is not installed")
@OPERATIONS
@pytest.mark.parametrize("layout", LAYOUTS["torch"])
def test_pytorchs_call_is_the_same_operation(operation: str, layout: str) -> None:
    import torch

    threads, grad = torch.get_num_threads(), torch.is_grad_enabled()
    case, contender = Case(operation, TINY, 2), Contender("torch", layout)
    try:
        results = call_of(case, contender, threads).results()
    finally:
        torch.set_grad_enabled(grad)
    assert not judge(case, {contender: results})[contender].message


IM2COL = Contender("kernels", "im2col")


@pytest.mark.parametrize("planted", [np.nan, np.inf, 1.001])
def test_one_wrong_element_makes_a_result_wrong(planted: float) -> None:
    case = Case("conv2d", TINY, 2)
    (result,) = call_of(case, IM2COL, 1).results()
    result[1, 2, 3, 4] *= planted
    assert judge(case, {IM2COL: [result]})[IM2COL].message.startswith("WRONG: off by")


@pytest.mark.parametrize("changed", [lambda y: y[:, :, :-1], lambda y: y.astype(np.float64)])
def test_a_result_of_another_shape_or_type_is_wrong(
    changed: Callable[[np.ndarray], np.ndarray],
) -> None:
    case = Case("conv2d", TINY, 2)
    (result,) = call_of(case, IM2COL, 1).results()
    results = [changed(result)]
    assert "expected float32 (2, 6, 7, 6)" in judge(case, {IM2COL: results})[IM2COL].message


@OPERATIONS
def test_a_norm_wise_sum_is_nowhere_below_the_sum_of_absolute_products(operation: str) -> None:
    case = Case(operation, TINY, 2)
    (a, b), g = small_integers(case), TINY.geometry(2)
    by_norm = parts(operation, a, b, one_pixel(g), plane_maxima, plane_sums)
    plain = parts(operation, a, b, g, absolutes, absolutes)
    for (_, norms), (_, absolute) in zip(by_norm, plain, strict=True):
        assert (norms >= absolute).all()


def test_an_error_is_judged_by_the_bound_of_its_own_element() -> None:
    result, expected = np.array([1.5, 7.0], np.float32), np.array([1.0, 5.0])
    assert compare(result, expected, np.array([1.0, 4.0])).share == 0.5
    assert "at [1]" in compare(result, expected, np.array([4.0, 1.0])).message


def row(name: str, *seconds: float, library: str = "kernels", problem: str = "") -> Row:
    return Row(Case("conv2d", TINY, 1), Contender(library, name), seconds, problem=problem)


def test_ratios_are_formed_round_by_round() -> None:
    ours, theirs = row("a", 1.0, 2.0, 4.0), row("NCHW", 2.0, 6.0, 2.0, library="torch")
    assert ratios(ours, theirs) == [2.0, 3.0, 0.5]


def test_a_time_is_the_median_and_its_spread_half_the_quartiles_distance() -> None:
    seconds = (1.0, 2.0, 4.0, 8.0, 100.0)
    assert row("a", *seconds).time == 4.0
    assert spread(seconds) == (8.0 - 2.0) / 2 / 4.0


def test_operations_are_those_of_the_definition() -> None:
    assert row("a", 0.5).gflops == 2 * TINY.geometry(1).macs / 0.5 / 1e9


def test_only_the_faster_layout_of_a_library_is_compared_with_and_shown() -> None:
    slow, fast = row("NCHW", 3.0, library="torch"), row("NHWC", 2.0, library="torch")
    rows = [row("a", 1.0), slow, fast]
    assert baseline(rows, rows[0].case) is fast
    assert shown(rows) == [rows[0], fast]


def test_rounds_fit_into_the_time_given_and_are_never_too_few() -> None:
    effort = Effort(seconds=1.0, turn=0.05, least=3, most=25)
    assert effort.calls(0.01) == 5
    assert effort.command(0.004) == "time 12 5"
    assert effort.command(1.0) == "time 1 1"  # the first call of a turn is not counted
    assert effort.round_count([0.05, 0.05]) == int(1.0 / (2 * (2 * 0.05 + SETTLE)))
    assert effort.round_count([10.0]) == 3
    assert effort.round_count([1e-6]) == int(1.0 / (0.05 + SETTLE + RAMP))


def test_titles_name_one_layer_each() -> None:
    assert len({layer.title for layer in LAYERS}) == len(LAYERS)
