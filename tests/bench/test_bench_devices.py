"""Tests of the benchmark's --device: errors, the check in the emulator, and the bounds of TF32."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.cases import Case, Contender
from bench.catalogue import LAYERS
from bench.contenders import call_of, contenders
from bench.correctness import judge
from bench.definition import convolution, steps
from bench.definition.chain import Chain, steps_of
from bench.operations import OPERATIONS, of
from bench.operations.networks import zfnet
from bench.plots import roofline
from bench.records import read_json, write_json
from bench.report import table
from bench.round_robin import RAMP, SETTLE, Effort
from bench.rows import Row, baseline, shown
from bench.tables import NEVER, cells, write_table
from kernels import all_kernels
from kernels.contract import registry
from kernels.cuda import emulator
from kernels.definition.convolution import conv2d
from tests.bench.test_bench import MACHINE, TINY, row
from tests.bench.test_bench_command import bench
from tests.bench.test_bench_operations import NAMES, tiny

needs_compiler = pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")
GPU = replace(MACHINE, device="cuda", copies=((1 << 31, 2000.0),))
USERS_FILE = """
from kernels import kernel

@kernel("relu", name="mine", device="cuda")
def mine(x):
    return x + abs(x) if x.ndim == 4 else x

@kernel("relu", name="on_the_cpu")
def on_the_cpu(x):
    return x
"""


def test_without_a_gpu_cuda_is_one_line_that_names_the_emulator_and_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert bench(monkeypatch, "--quick", "--device", "cuda", "--against", "torch") == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "CuPy" in printed.err
    assert "--device emulator" in printed.err
    assert "measuring" not in printed.out


@needs_compiler
@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        (["--against", "torch"], "--against none"),
        (["--rounds", "3"], "--rounds"),
        (["--json", "rows.json"], "--json"),
        (["--kernel", "loops", "--op", "conv2d"], "implicit_gemm"),
    ],
)
def test_in_the_emulator_what_asks_for_times_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: list[str],
    shown: str,
) -> None:
    assert bench(monkeypatch, "--quick", "--device", "emulator", *wrong) == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert shown in printed.err


def test_without_a_compiler_the_emulator_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(emulator, "available", lambda: False)
    assert bench(monkeypatch, "--device", "emulator") == 2
    assert "g++" in capsys.readouterr().err


@needs_compiler
def test_the_emulator_finds_each_kernel_right_or_wrong_and_prints_no_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(USERS_FILE)
    before = all_kernels()
    selected = ["--device", "emulator", "--op", "relu", "--layer", "zfnet"]
    try:
        assert bench(monkeypatch, file, *selected) == 1
    finally:
        registry.unregister(*(k for k in all_kernels() if k not in before))
    printed = capsys.readouterr().out
    assert re.search(r"elementwise +right, exactly", printed)
    assert re.search(r"mine +WRONG", printed)
    assert "off by" in printed
    assert "on_the_cpu" not in printed
    assert NEVER in printed
    assert not re.search(r"\d (ms|s)\b", printed)


@needs_compiler
def test_a_users_kernels_for_the_cpu_alone_are_a_mistake_in_the_emulator(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(USERS_FILE.replace('name="mine", device="cuda"', 'name="mine"'))
    before = all_kernels()
    try:
        assert bench(monkeypatch, file, "--device", "emulator") == 2
    finally:
        registry.unregister(*(k for k in all_kernels() if k not in before))
    assert 'device="cuda", and these are relu mine (cpu)' in capsys.readouterr().err


@needs_compiler
@NAMES
def test_all_of_ours_pass_the_judge_in_the_emulator(name: str) -> None:
    case = tiny(name)
    those = contenders(case, [], [], "emulator")
    verdicts = judge(case, {c: call_of(case, c, 1).results() for c in those})
    assert verdicts
    assert not [verdict.message for verdict in verdicts.values() if verdict.message]


def test_every_layer_has_a_smallest_size_of_its_own_kind() -> None:
    for layer in LAYERS:
        assert type(layer.smallest()) is type(layer)


@pytest.mark.skipif(not find_spec("torch"), reason="PyTorch is not installed")
@NAMES
def test_every_result_of_pytorch_is_on_the_requested_device(name: str) -> None:
    """PyTorch's device "meta" has no memory: only shapes, types and devices are computed."""
    if name in ("projection", "occlusion") and not find_spec("captum"):
        pytest.skip("Captum is not installed")
    case, on_meta = tiny(name), Contender("torch", "NHWC", "meta")
    if not OPERATIONS[name].serves("torch", case):
        pytest.skip("PyTorch does not have the operation")
    call = call_of(case, on_meta, 1)
    assert {tensor.device.type for tensor in call.arrays(call.timed())} == {"meta"}


TF32, FULL = (Contender("torch", "NCHW", "cuda", tf32) for tf32 in (True, False))


def cut(a: np.ndarray) -> np.ndarray:
    """Factors as tensor cores take them: float32 truncated to 10 bits of fraction."""
    bits = np.ascontiguousarray(a, np.float32).view(np.uint32) & np.uint32(0xFFFFE000)
    return bits.view(np.float32)


@pytest.mark.parametrize("operation", ["conv2d", "conv2d_dgrad", "conv2d_wgrad"])
def test_products_of_tf32s_factors_are_right_for_tf32_alone(operation: str) -> None:
    case = Case(operation, TINY, 2)
    (a, b), g = of(case).inputs(case).values(), TINY.geometry(2)
    result = np.empty(of(case).outputs(case)[0].shape, np.float32)
    exact = convolution.values
    for where, part in convolution.parts(operation, cut(a), cut(b), g, exact, exact):
        result[where] = part
    verdicts = judge(case, {TF32: [result], FULL: [result]})
    assert not verdicts[TF32].message
    assert verdicts[FULL].message.startswith("WRONG")


def test_a_network_of_tf32s_factors_is_right_for_tf32_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = tiny("zfnet_forward")
    x = of(case).inputs(case)["x"].astype(np.float64)
    with monkeypatch.context() as patched:
        patched.setattr(steps, "conv2d", lambda x, w, g: conv2d(cut(x), cut(w), g))
        result = Chain(steps_of(zfnet(case))).forward(x).astype(np.float32)
    verdicts = judge(case, {TF32: [result], FULL: [result]})
    assert not verdicts[TF32].message
    assert verdicts[FULL].message.startswith("WRONG")


def test_one_wrong_number_is_wrong_in_tf32_too() -> None:
    case = tiny("zfnet_forward")
    x = of(case).inputs(case)["x"].astype(np.float64)
    result = Chain(steps_of(zfnet(case))).forward(x).astype(np.float32)
    result.reshape(-1)[3] *= 1.5
    assert judge(case, {TF32: [result]})[TF32].message.startswith("WRONG")


def on_gpu(of: Row, tf32: bool = False) -> Row:
    return replace(of, contender=replace(of.contender, device="cuda", tf32=tf32))


@pytest.fixture
def measured() -> list[Row]:
    """Made-up measurements: one of ours, PyTorch in float32 and, faster, in TF32."""
    torchs = [row(name, s, library="torch") for name, s in (("NCHW", 3.0), ("NHWC", 2.0))]
    ours, slow, fast = (on_gpu(r) for r in (row("naive", 1.0), *torchs))
    return [ours, slow, fast, *(on_gpu(replace(r, seconds=(0.5,)), True) for r in torchs)]


def test_ours_is_compared_with_pytorch_in_float32_and_tf32_has_a_row(measured: list[Row]) -> None:
    ours, _, fast, coarse, _ = measured
    assert baseline(measured, ours.case) is fast
    assert shown(measured) == [ours, fast, coarse]
    assert cells(ours, measured, GPU)[8] == "2.00 ±0%"
    assert cells(coarse, measured, GPU)[3] == "torch NCHW TF32"
    assert cells(coarse, measured, GPU)[7] == "-"  # the limit is float32's


def test_what_was_measured_on_a_gpu_is_read_back_and_drawn(
    tmp_path: Path, measured: list[Row]
) -> None:
    write_json(tmp_path / "rows.json", measured, GPU)
    assert read_json([tmp_path / "rows.json"]) == (measured, GPU)
    assert all(path.stat().st_size for path in roofline(measured, GPU, tmp_path))


@pytest.mark.parametrize(("machine", "never"), [(MACHINE, True), (GPU, False)])
def test_a_table_without_a_gpus_times_says_that_there_are_none(
    tmp_path: Path, measured: list[Row], machine: Any, never: bool
) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- bench -->\n<!-- /bench -->")
    write_table(page, measured, machine)
    assert (NEVER in page.read_text()) is never
    assert (NEVER in table(measured, machine)) is never


def test_a_turn_on_a_gpu_counts_what_the_flush_takes() -> None:
    effort = Effort(seconds=1.0, turn=0.05, between=0.015)
    assert effort.calls(0.01) == 2
    assert effort.round_count([0.01]) == int(1.0 / (2 * (0.01 + 0.015) + SETTLE + RAMP))


def test_every_operation_says_where_its_kernels_compute() -> None:
    for name in OPERATIONS:
        for device in ("cpu", "cuda", "emulator"):
            those = contenders(tiny(name), [], [], device)
            assert those, (name, device)
            assert {c.device for c in those} == {device}
            assert of(tiny(name)).picked(tiny(name), device) in {c.name for c in those}
