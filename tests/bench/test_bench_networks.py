"""Tests of whole networks in the benchmark: published ones, users' files, and other engines."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from bench import cli, machine, networks, run
from bench.cases import Case, Contender
from bench.contenders import NEEDS, call_of
from bench.correctness import judge
from bench.network_layers import Network
from bench.network_table import means, to_best
from bench.published import PUBLISHED, SIDES, published
from bench.rows import Row, best
from minidl import nn
from tests.bench.test_bench import MACHINE, row
from tests.bench.test_bench_command import bench
from tests.bench.tiny_network import NAME, TINY_NETWORK, tiny_file

WEIGHTS = {
    "resnet50": 25_557_032, "resnet18": 11_689_512, "mobilenet_v2": 3_504_872,
    "googlenet_bn": 6_624_904, "squeezenet1_1": 1_235_496, "densenet121": 7_978_856,
    "inception_v3": 23_834_568, "alexnet_2014": 61_100_840, "efficientnet_b0": 5_288_548,
    "mobilenet_v3_large": 5_483_032, "convnext_tiny": 28_589_128,
}  # fmt: skip
"""As torchvision publishes them; of Inception without the classifier at its side (3,326,696)."""
torch = pytest.importorskip("torch")
OURS = Contender("minidl", "minidl")


@pytest.fixture(autouse=True)
def known_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "measure", lambda: replace(MACHINE, versions={}))


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_published_network_has_its_number_of_weights(name: str) -> None:
    side = SIDES.get(name, 224)
    net = published(name, (3, side, side), np.random.default_rng(0))
    # ConvNeXt's scales of channels have no bias there.
    scales = [layer for _, layer in net.children() if isinstance(layer, nn.Affine)]
    weights = sum(math.prod(p.shape) for p in net.parameters())
    assert weights - sum(layer.bias.size for layer in scales) == WEIGHTS[name]


def test_every_published_network_can_be_asked_for() -> None:
    assert set(PUBLISHED) - {NAME} | {"zfnet"} == set(networks.FORWARD)
    assert set(WEIGHTS) | {"vgg16"} == set(PUBLISHED) - {NAME}


@pytest.mark.parametrize("name", ["mobilenet_v3_large", "convnext_tiny"])
def test_ours_and_pytorch_agree_with_the_definition(name: str) -> None:
    case = Case("network_forward", Network(name, "network", H=64, W=64), 2)
    those = (OURS, Contender("torch", "NHWC"))
    threads, grad = torch.get_num_threads(), torch.is_grad_enabled()
    try:
        verdicts = judge(case, {c: call_of(case, c, threads).results() for c in those})
    finally:
        torch.set_grad_enabled(grad)
    assert [verdict.message for verdict in verdicts.values()] == ["", ""]


def test_a_network_with_one_weight_off_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case("network_forward", TINY_NETWORK, 2)
    with monkeypatch.context() as patched:
        patched.setattr("minidl.nn.folding._affine", lambda *_: None)  # nothing is folded
        (right,) = call_of(case, OURS, 1).results()
    made = networks_model(case)
    weight = dict(made.named_parameters())["one.conv.weight"]
    weight.change(lambda array: np.multiply(array, 1.0002, out=array))
    wrong = run_of(made, case)
    verdicts = [judge(case, {OURS: [y]})[OURS].message for y in (right, wrong)]
    assert verdicts[0] == ""
    assert verdicts[1].startswith("WRONG: off by")


def networks_model(case: Case) -> nn.Graph:
    from bench.operations import of

    return of(case).model(case).eval()  # type: ignore[attr-defined]


def run_of(model: nn.Graph, case: Case) -> np.ndarray:
    from bench.operations import of
    from minidl import Tensor, no_grad

    with no_grad():
        return np.asarray(model(Tensor(of(case).inputs(case)["x"])).data)


@pytest.mark.parametrize("name", ["network_forward", "network_step"])
def test_torch_compile_computes_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph is traced as a whole; it is not compiled, which takes half a minute."""
    traced = functools.partial(torch.compile, backend="eager", fullgraph=True)
    monkeypatch.setattr(torch, "compile", traced)
    case, compiled = Case(name, TINY_NETWORK, 2), Contender("torch.compile", "NHWC")
    grad = torch.is_grad_enabled()
    try:
        results = call_of(case, compiled, torch.get_num_threads()).results()
    finally:
        torch.set_grad_enabled(grad)
    assert judge(case, {compiled: results})[compiled].message == ""


@pytest.mark.skipif(not find_spec("onnx"), reason="onnx is not installed")
def test_a_users_file_is_timed_kept_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, numbers = tiny_file(tmp_path), tmp_path / "rows.json"
    given = ["networks", file, "--batch", "1", "--against", "torch", "--rounds", "1"]
    given += ["--threads", "1", "--json", numbers]
    monkeypatch.setattr(networks, "EFFORT", replace(networks.EFFORT, turn=0.001))
    assert bench(monkeypatch, *given) == 0
    printed = capsys.readouterr().out
    assert "network_forward tiny.file, batch 1: minidl" in printed
    assert "of the best" in printed and "PyTorch" in printed
    rows = json.loads(numbers.read_text())["rows"]
    assert [r["contender"]["library"] for r in rows] == ["minidl", "torch", "torch"]
    monkeypatch.setattr(run, "measure", None)  # nothing is measured again
    assert bench(monkeypatch, *given, "--resume") == 0
    assert "1 of 1 cases are in" in capsys.readouterr().out
    assert json.loads(numbers.read_text())["rows"] == rows


def test_a_run_that_is_killed_keeps_what_it_measured_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers, asked = tmp_path / "rows.json", list[int]()

    def measure(case: Case, contenders: object, *rest: object) -> list[Row]:
        asked.append(case.batch)
        if len(asked) == 2:
            raise SystemExit(137)  # as if the process ended
        return [replace(row("minidl", 1.0, library="minidl"), case=case, contender=OURS)]

    monkeypatch.setattr(run, "measure", measure)
    given = ["networks", "--network", "squeezenet1_1", "--batch", "1,2,3", "--against", "none"]
    given += ["--json", numbers]
    assert bench(monkeypatch, *given) == 137
    assert [r["case"]["batch"] for r in json.loads(numbers.read_text())["rows"]] == [1]
    assert bench(monkeypatch, *given, "--resume") == 0
    assert asked == [1, 2, 2, 3]
    assert [r["case"]["batch"] for r in json.loads(numbers.read_text())["rows"]] == [1, 2, 3]
    monkeypatch.setattr(machine, "measure", lambda: replace(MACHINE, threads=7))
    assert bench(monkeypatch, *given, "--resume") == 2


def test_the_best_of_the_others_counts() -> None:
    case = Case("network_forward", TINY_NETWORK, 1)
    timed = {"minidl": 2.0, "torch": 3.0, "openvino": 1.0, "ncnn": 1.5}
    rows = [replace(row("a", time, library=name), case=case) for name, time in timed.items()]
    found = best(rows, case)
    assert found is not None and found.contender.library == "openvino"
    assert to_best(rows, case) == 0.5
    assert list(means(rows)) == [
        "forward, batch 1: the best engine's time over ours, geometric mean 0.50, least 0.50 (tiny)"
    ]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["nowhere.onnx"], "nowhere.onnx"),
        (["--network", "resnet19"], "resnet18"),
        (["--work", "sleep"], "forward, step or both"),
        (["--batch", "0"], "--batch takes numbers"),
        (["--resume"], "--json FILE"),
        (["--network", "vgg16", "--work", "step"], "nothing to time"),
        ([__file__], "test_bench_networks.py"),
        ([__file__, "--network", "vgg16"], "not both"),
    ],
)
def test_an_error_of_the_user_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: list[str],
    shown: str,
) -> None:
    assert bench(monkeypatch, "networks", *given) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert shown in printed


def test_each_library_has_the_packages_that_it_needs_in_the_extra() -> None:
    setup = (Path(cli.__file__).parents[1] / "setup.py").read_text()
    extra = setup.partition("BENCH = [")[2].partition("]")[0]
    for name in {package for needed in NEEDS.values() for package in needed} - {"torch"}:
        assert f'"{name}>=' in extra
