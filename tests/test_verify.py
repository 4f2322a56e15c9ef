"""The property suite as a tool: what it draws, how it reports, and what it does with bad input."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, find, settings
from hypothesis.errors import NonInteractiveExampleWarning

from kernels import ConvGeometry, Kernel, all_kernels, reference, registry
from kernels.cli import app
from kernels.sources import load
from kernels.verify import PROPERTIES, Outcome, make, try_property
from kernels.verify.geometries import LARGE, SMALL, conv_geometries
from kernels.verify.served import narrowed
from kernels.verify.snippet import snippet
from kernels.verify.suite import FAR_BELOW, _judged, plan

SOUND = """
from kernels import kernel
from kernels.verify.oracles.taps import conv_by_taps

@kernel("conv2d", name="{name}", spreads="padding", supports=lambda g: {supports}, exact={exact})
def forward(x, w, g, *, bias=None):
    {body}
    y = conv_by_taps("gy", g, {{"x": x, "w": w}}, x.dtype)
    return y if bias is None else y + bias[:, None, None]
"""


@pytest.fixture(autouse=True)
def nothing_stays_registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    copy = {operation: dict(table) for operation, table in registry._registry.items()}
    monkeypatch.setattr(registry, "_registry", copy)
    yield


def write(folder: Path, name: str, supports: str = "True", exact: str = "True",
          body: str = "pass") -> str:  # fmt: skip
    file = folder / f"{name}.py"
    text = SOUND.format(name=name, supports=supports, exact=exact, body=body)
    file.write_text(text, encoding="utf-8")
    return str(file)


def verify(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit status and everything printed."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as left:
        patch.setattr(sys, "argv", ["kernels", "verify", *arguments])
        app.main()
    printed = capsys.readouterr()
    return int(left.value.code or 0), printed.out + printed.err


def test_every_kernel_has_its_definition_among_its_properties() -> None:
    judged = {kernel for kernel, law in plan(all_kernels()).trials if law.name == "definition"}
    assert judged == set(all_kernels())


def test_every_property_concerns_some_kernel() -> None:
    assert {law.name for _, law in plan(all_kernels()).trials} == set(PROPERTIES)


def test_every_property_says_what_it_is_in_a_sentence() -> None:
    assert all(law.sentence.endswith(".") for law in PROPERTIES.values())


@pytest.mark.parametrize(
    "wanted",
    [
        lambda g: g.stride == (4, 4),
        lambda g: g.stride[0] != g.stride[1],
        lambda g: g.dilation == (3, 3),
        lambda g: (g.R, g.S) == (11, 11),
        lambda g: g.R == 1 < g.S,
        lambda g: g.padding[0] > g.extent[0],
        lambda g: min(g.padding) == -2,
        lambda g: g.padding[2] != g.padding[3],
        lambda g: g.groups == g.C == g.K == 4,
        lambda g: g.P == g.Q == 1,
        lambda g: g.H != g.W,
        lambda g: g.N == 0,
        lambda g: g.C == 0,
        lambda g: g.K == 0,
        lambda g: g.H == 0,
        lambda g: g.P > 1 and (g.H + g.padding[0] + g.padding[1] - g.extent[0]) % g.stride[0] != 0,
    ],
)
def test_every_kind_of_convolution_is_drawn(wanted: Callable[[ConvGeometry], bool]) -> None:
    quiet = settings(max_examples=20_000, database=None, suppress_health_check=list(HealthCheck))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonInteractiveExampleWarning)
        find(conv_geometries(SMALL), wanted, settings=quiet)


def kernel_that_serves(supports: Callable[[ConvGeometry], bool]) -> Kernel:
    def forward(x: np.ndarray, w: np.ndarray, g: ConvGeometry) -> np.ndarray:
        return reference.conv2d(x, w, g).astype(x.dtype)

    return Kernel("conv2d", "some", "cpu", forward, True, supports, lambda g: 0.0, None)


@pytest.mark.parametrize(
    "supports",
    [
        lambda g: (g.R, g.S) == (3, 3) and g.stride == (1, 1) and g.dilation == (1, 1),
        lambda g: g.C // g.groups % 16 == 0 and g.K // g.groups % 16 == 0 and g.groups == 1,
        lambda g: g.groups == g.C == g.K,
        lambda g: (g.R, g.S) == (1, 1) and g.padding == (0, 0, 0, 0),
        lambda g: g.stride == (2, 2) and g.padding[:2] == g.padding[2:],
    ],
)
def test_a_kernel_that_serves_little_gets_examples_that_it_serves(
    supports: Callable[[ConvGeometry], bool],
) -> None:
    outcome = try_property(kernel_that_serves(supports), PROPERTIES["definition"], 10)
    assert outcome.holds and outcome.examples == 10


def test_ranges_are_not_narrowed_for_a_kernel_that_serves_everything() -> None:
    everything = kernel_that_serves(lambda g: True)
    assert narrowed(everything, SMALL) == SMALL
    assert narrowed(everything, LARGE) == LARGE


def test_the_same_seed_draws_the_same_examples_and_another_seed_others() -> None:
    seen: list[list[str]] = []
    for seed in (1, 1, 2):
        drawn: list[str] = []

        def note(
            x: np.ndarray, w: np.ndarray, g: ConvGeometry, to: list[str] = drawn
        ) -> np.ndarray:
            to.append(f"{g} {x.tobytes()!r}")
            return reference.conv2d(x, w, g).astype(x.dtype)

        noting = Kernel("conv2d", "notes", "cpu", note, True, lambda g: True, lambda g: 0.0, None)
        try_property(noting, PROPERTIES["integers"], 10, seed)
        seen.append(drawn)
    assert seen[0] == seen[1] != seen[2]


def test_all_hold_for_the_definition_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = verify(write(tmp_path, "sound"), "--profile", "dev", capsys=capsys)
    assert status == 0, printed
    assert "1 kernel," in printed and "all hold (profile dev, seed 0" in printed


def test_a_wrong_kernel_fails_and_its_example_fails_again_when_pasted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "wrong", body="w = w[:, :, ::-1]")
    (kernel,) = load(path)
    outcome = try_property(kernel, PROPERTIES["definition"], 40)
    assert outcome.failure is not None
    program = snippet(kernel, outcome.law, outcome.failure, path)
    done = subprocess.run([sys.executable, "-c", program], cwd="/", capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.rstrip().splitlines()[-1].endswith(outcome.failure.reason)


def test_a_failing_example_is_made_small() -> None:
    def unflipped(x: np.ndarray, w: np.ndarray, g: ConvGeometry) -> np.ndarray:
        return reference.conv2d(x, w[:, :, ::-1], g).astype(x.dtype)

    wrong = Kernel("conv2d", "flips", "cpu", unflipped, True, lambda g: True, lambda g: 0.0, None)
    outcome = try_property(wrong, PROPERTIES["integers"], 40)
    assert outcome.failure is not None
    call = outcome.failure.call
    assert call.g.macs <= 4
    assert all(np.count_nonzero(a) <= 1 and a.max() <= 1 for a in call.inputs.values())


def test_a_kernel_that_raises_is_named_with_its_line_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write(tmp_path, "raising", body="x = x[[g.N]] if g.N > 1 else x"), write(tmp_path, "a")
    status, printed = verify(*files, "--profile", "dev", capsys=capsys)
    assert status == 1
    assert "the kernel raises IndexError" in printed and "raising.py:7" in printed
    assert "2 kernels," in printed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "registers no kernel"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_file_without_kernels_is_named_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (tmp_path / "bad.py").write_text(text, encoding="utf-8")
    good = write(tmp_path, "sound")
    status, printed = verify(str(tmp_path / "bad.py"), good, "--profile", "dev", capsys=capsys)
    assert status == 2
    assert "bad.py" in printed and message in printed
    assert "1 kernel," in printed and "all hold" in printed


def test_what_a_file_registered_before_it_failed_is_not_kept(tmp_path: Path) -> None:
    path = Path(write(tmp_path, "half"))
    path.write_text(path.read_text() + "\n1 / 0\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"half\.py does not import: ZeroDivisionError.*line 11"):
        load(str(path))
    assert "half" not in {k.name for k in all_kernels()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--op", "convolve"], "there is no kernel 'convolve'; there are"),
        (["--kernel", "fft"], "there is no kernel 'fft'"),
        (["--profile", "thorough"], "--profile must be one of dev, ci, intense"),
        (["no_such_file.py"], "no_such_file.py does not import"),
    ],
)
def test_a_mistake_is_told_in_a_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = verify(*arguments, capsys=capsys)
    assert status == 2
    assert message in printed and "Traceback" not in printed


def test_a_kernel_that_supports_nothing_could_not_be_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "nothing", supports="False")
    status, printed = verify(path, "--profile", "dev", capsys=capsys)
    assert status == 2
    assert "its supports(g) is false for all that was drawn" in printed


def test_a_kernel_of_an_unknown_operation_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(write(tmp_path, "strange"))
    path.write_text(path.read_text().replace('"conv2d"', '"softmax"'), encoding="utf-8")
    status, printed = verify(str(path), capsys=capsys)
    assert status == 2
    assert "softmax strange: no such operation; there are" in printed


def test_a_kernel_that_is_not_exact_must_state_its_bound(tmp_path: Path) -> None:
    (kernel,) = load(write(tmp_path, "vague", exact="False"))
    outcome = try_property(kernel, PROPERTIES["definition"], 5)
    assert outcome.failure is not None
    assert "is not exact and states no error_bound" in outcome.failure.reason


@pytest.mark.parametrize(("used", "holds"), [(0.5, True), (1 / FAR_BELOW, True), (0.01, False)])
def test_a_limit_that_nothing_comes_near_is_no_limit(used: float, holds: bool) -> None:
    outcome = Outcome(all_kernels()[0], PROPERTIES["statistical line"], 1000, used=used)
    assert _judged(outcome).holds is holds


@pytest.mark.parametrize(("operation", "g"), [("relu_vjp", (2, 3)), ("matmul", (2, 3, 4))])
def test_a_call_is_the_same_for_the_same_seed(operation: str, g: tuple[int, ...]) -> None:
    first, again, other = (make(operation, g, "normal", seed) for seed in (7, 7, 8))
    for name, array in first.inputs.items():
        assert np.array_equal(array, again.inputs[name])
        assert not np.array_equal(array, other.inputs[name])
