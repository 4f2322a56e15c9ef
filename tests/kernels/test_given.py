"""Kernels judged on geometries that the user names, and the coverage of each kernel."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kernels import ConvGeometry, all_kernels, named
from kernels.cli import app
from kernels.contract import registry
from kernels.contract.geometry import PoolGeometry
from kernels.contract.sources import load
from kernels.verify import OPERATIONS, PROFILES, PROPERTIES, try_property
from kernels.verify.calls import make
from kernels.verify.coverage import DRAWN, coverage
from kernels.verify.forms import FORMS
from kernels.verify.given import Given, geometry, layer, layers
from kernels.verify.strata import NETWORKS, THRESHOLDS
from kernels.verify.suite import plan

SPECIALISED = """
from kernels import kernel
from kernels.definition.convolution import conv2d

@kernel("conv2d", name="{name}", spreads="padding", supports=lambda g: {supports})
def forward(x, w, g, *, bias=None):
    {body}
    y = conv2d(x, w, g, x.dtype)
    return y if bias is None else y + bias[:, None, None]
"""
RECTIFIER = """
import numpy as np
from kernels import kernel

@kernel("relu", name="{name}", supports=lambda g: {supports})
def forward(x):
    {body}
    return np.where(x <= 0, x.dtype.type(0), x)
"""
EIGHTS = "g.padding == (1, 1, 1, 1) and (g.R, g.S) == (3, 3) and g.groups == 1 and g.C % 8 == 0"
SMALL = "N=2 C=8 H=9 W=7 K=5 R=3 S=3 padding=1"


@pytest.fixture(autouse=True)
def nothing_stays_registered() -> Iterator[None]:
    with registry.without():
        yield


def write(folder: Path, supports: str = EIGHTS, body: str = "pass", text: str = SPECIALISED) -> str:
    file = folder / "special.py"
    file.write_text(text.format(name="special", supports=supports, body=body), encoding="utf-8")
    return str(file)


def write_relu(folder: Path, supports: str, body: str = "pass") -> str:
    return write(folder, supports, body, RECTIFIER)


def verify(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit status and everything printed."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as left:
        patch.setattr(sys, "argv", ["kernels", "verify", *arguments])
        app.main()
    printed = capsys.readouterr()
    return int(left.value.code or 0), printed.out + printed.err


def test_every_operation_has_a_form() -> None:
    assert set(FORMS) == set(OPERATIONS)


@pytest.mark.parametrize(
    ("text", "operation", "expected"),
    [
        (
            "N=1 C=64 H=56 W=56 K=64 R=3 S=3 stride=1 padding=1",
            "conv2d_wgrad",
            ConvGeometry.of((1, 64, 56, 56), (64, 64, 3, 3), 1, 1),
        ),
        (
            "C=6 H=9 W=8 K=4 R=3 S=1 stride=2x1 padding=1,0,-1,2 dilation=1,2 groups=2",
            "conv2d",
            ConvGeometry.of((1, 6, 9, 8), (4, 3, 3, 1), (2, 1), (1, 0, -1, 2), (1, 2), 2),
        ),
        (
            "C=4 H=9 W=9 R=3 S=3 stride=2 ceil_mode=true",
            "avg_pool2d",
            PoolGeometry.of((1, 4, 9, 9), 3, 2, ceil_mode=True),
        ),
        ("M=3 N=4 K=5", "matmul", (3, 4, 5)),
        ("shape=3x4", "relu", (3, 4)),
        ("shape=7", "sgd_step", (7,)),
        ("words=40", "random_bits", 40),
    ],
)
def test_a_geometry_is_read_as_it_is_written(text: str, operation: str, expected: object) -> None:
    assert geometry(text).geometries[operation] == (expected,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty; a geometry is written as"),
        ("C=3 x", "'x' is not name=value"),
        ("C=3 C=4", "'C=4' is given twice"),
        ("C=6 H=5 W=5 K=4 R=3", "for conv2d S is missing; its form is C= H= W= K= R= S= "),
        ("C=6 H=5 W=5 K=4 R=3 S=3 strides=2", "strides is no size"),
        ("C=6 H=5 W=5 K=4 R=7 S=7", "the window 7x7 .* does not fit into the input 5x5"),
        ("C=6 H=5 W=5 K=4 R=3 S=3 groups=4", "C=6 is no multiple of groups=4"),
        ("C=2.5 H=5 W=5 K=4 R=3 S=3", "C must be a whole number of at least 0, got 2.5"),
        ("C=-1 H=5 W=5 K=4 R=3 S=3", "C must be a whole number of at least 0, got -1"),
        ("C=6 H=5 W=5 K=4 R=3 S=3 stride=fast", "stride must be a number, or numbers joined"),
        ("shape=3xx4", "'shape=3xx4' is no number, and no numbers joined by x or a comma"),
        ("C=6 H=5 W=5 alpha=nan", "alpha must be a number, got nan"),
    ],
)
def test_a_geometry_that_is_wrong_is_said_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        geometry(text)
    assert "\n" not in str(refused.value)


def test_layers_are_those_of_the_stratum_and_more_by_name() -> None:
    known = layers()
    for operation in ("conv2d", "max_pool2d", "matmul", "conv_relu_pool"):
        named = {g for found in known.values() for g in found.get(operation, ())}
        assert named >= set(NETWORKS.geometries(operation))
    (g,) = layer("vgg16.conv3_1").geometries["conv2d_dgrad"]
    assert g == ConvGeometry.of((1, 128, 56, 56), (256, 128, 3, 3), 1, 1)
    with pytest.raises(ValueError, match=r"no layer 'vgg16\.conv3'; nearest are .*vgg16\.conv3_1"):
        layer("vgg16.conv3")


@pytest.mark.parametrize(("body", "status"), [("pass", 0), ("x = x * (np.arange(8) < 7)", 1)])
def test_a_kernel_is_judged_on_the_given_geometry_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str, status: int
) -> None:
    path = write_relu(tmp_path, "len(g) == 2 and g[1] == 8", body)
    arguments = "--geometry", "shape=3x8", "--profile", "few"
    left, printed = verify(path, *arguments, capsys=capsys)
    assert left == status, printed
    assert "admits 1 of 1, judged 1" in printed
    assert ("all hold" in printed) is (status == 0)
    assert ("g = (3, 8)" in printed) is (status == 1)


def test_every_property_that_can_hold_a_geometry_fixed_does(tmp_path: Path) -> None:
    (kernel,) = load(write(tmp_path))
    given = geometry(SMALL)
    (wanted,) = given.geometries["conv2d"]
    trials = plan([kernel], given=[given]).trials
    drawn = {law.name for _, law in plan([kernel]).trials}
    left = {"output size", "thresholds", "nothing"}
    assert {law.name for _, law in trials} == drawn - left
    for name in ("definition", "one element", "networks", "any threads", "NaN and infinity"):
        (law,) = (law for _, law in trials if law.name == name)
        outcome = try_property(kernel, law, PROFILES["few"])
        assert outcome.holds and outcome.judged == (wanted,)


def test_a_property_that_does_not_concern_a_given_geometry_ends_soon() -> None:
    kernel = next(k for k in all_kernels("conv2d") if (k.name, k.device) == ("im2col", "cpu"))
    trials = plan([kernel], given=[geometry(SMALL)]).trials
    (law,) = (law for _, law in trials if law.name == "groups")
    outcome = try_property(kernel, law, PROFILES["ci"])
    assert outcome.inapplicable


def test_no_property_runs_the_definitions_loops_on_a_large_geometry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def loops(*arrays: object, **options: object) -> None:
        raise AssertionError("nested loops over 29 million multiply-adds")

    monkeypatch.setattr("kernels.reference.conv2d", loops)
    kernel = next(k for k in all_kernels("conv2d") if (k.name, k.device) == ("im2col", "cpu"))
    trials = plan([kernel], given=[geometry("C=64 H=28 W=28 K=64 R=3 S=3 padding=1")]).trials
    for name in ("definition", "integers", "bias", "dead filters"):
        (law,) = (law for _, law in trials if law.name == name)
        outcome = try_property(kernel, law, PROFILES["few"])
        assert outcome.holds, outcome.failure and outcome.failure.reason
    (law,) = (law for _, law in trials if law.name == "NaN and infinity")
    assert try_property(kernel, law, PROFILES["few"]).inapplicable


@pytest.mark.parametrize("which", [0, 1])
def test_a_large_geometry_demands_no_products_of_the_padding(which: int) -> None:
    """The definition's array expressions, which a large geometry is judged by, multiply it."""
    g = ConvGeometry.of((1, 64, 14, 14), (64, 64, 3, 3), 2, 1)
    call, kernel = make("conv2d", g, "integers", 0, np.float32), named("conv2d", "loops")
    for seed in range(8):
        PROPERTIES["dead filters"](kernel, call, seed=seed, value=np.nan, which=which)


def test_a_kernel_that_refuses_what_is_given_is_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_relu(tmp_path, "len(g) == 2")
    arguments = "--profile", "few", "--geometry"
    status, printed = verify(path, *arguments, "shape=3x8x2", capsys=capsys)
    assert status == 1  # nothing was judged
    assert "refuses all 1" in printed and "false for all given calls" in printed


def test_a_kernel_of_whose_operation_nothing_is_given_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = verify(
        write_relu(tmp_path, "True"), "--geometry", "M=1 N=2 K=3", capsys=capsys
    )
    assert status == 2
    assert "relu special: none of the given geometries is of its operation" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layer", "resnet"], "there is no layer 'resnet'; "),
        (["--geometry", "C=3"], "is missing; its form is"),
        (["--op", "conv2d", "--geometry", "N=1 C=0"], "for conv2d H, W, K, R, S is missing"),
        (["--op", "matmul", "--geometry", "N=1 C=0"], "for matmul "),
        (["--seed", "-1"], "greater than or equal to 0"),
        (["--layer", "vgg16.conv3_1", "--mutants"], "leave --mutants out"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = verify(*arguments, capsys=capsys)
    assert status == 2
    assert message in printed and "Traceback" not in printed


def test_the_coverage_says_what_was_admitted_and_judged(tmp_path: Path) -> None:
    (kernel,) = load(write(tmp_path))
    trials = [law for _, law in plan([kernel]).trials if law.name in ("definition", "thresholds")]
    found = coverage(kernel, [try_property(kernel, law, PROFILES["few"]) for law in trials])
    drawn, layers_, blocks = (found.parts[name] for name in ("drawn", "networks", "thresholds"))
    assert drawn.listed == DRAWN and drawn.supported < DRAWN
    assert layers_.supported == sum(kernel.supports(g) for g in NETWORKS.geometries("conv2d")) > 0
    assert layers_.judged == 0 < blocks.judged <= blocks.supported
    sizes = found.sizes
    assert str(sizes["padding"]) == "1" and str(sizes["R"]) == "3" and str(sizes["groups"]) == "1"
    assert sizes["C"].unit % 8 == 0
    assert found.refused == [name for name, share in found.parts.items() if share.supported == 0]
    assert json.loads(json.dumps(found.as_dict())) == found.as_dict()


def test_a_stratum_that_is_refused_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_relu(tmp_path, "len(g) == 1 and g[0] < 64")
    status, printed = verify(path, "--profile", "few", capsys=capsys)
    assert status == 0, printed
    assert "relu: coverage" in printed
    assert f"refuses all {len(NETWORKS.geometries('relu'))}" in printed
    assert f"refuses all {len(THRESHOLDS.geometries('relu'))}" not in printed


def test_a_kernel_that_admits_a_shape_and_refuses_it_when_called_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_relu(tmp_path, "True", body='assert x.size < 8, "seven elements"')
    status, printed = verify(path, "--profile", "few", capsys=capsys)
    assert status == 1
    assert "the kernel raises AssertionError: seven elements" in printed


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_the_coverage_of_every_operation_is_told(operation: str) -> None:
    found = (coverage(k, []) for k in all_kernels(operation) if k.device == "cpu")
    assert any(one.parts["drawn"].supported > 0 and "networks" not in one.refused for one in found)


def test_a_stage_is_given_with_every_convolution_that_may_compute_it() -> None:
    given: Given = layer("alexnet.conv1")
    names = {g.convolution for g in given.geometries["conv_relu_pool"]}
    assert {"im2col", "direct"} <= names
    assert all(np.prod(g.conv.x_shape) == 3 * 227 * 227 for g in given.geometries["conv_relu_pool"])
