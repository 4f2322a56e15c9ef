"""The property suite as a tool: its draws, its reports, and its errors for bad input."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kernels import ConvGeometry, Kernel, all_kernels, reference
from kernels.cli import app
from kernels.contract import registry
from kernels.contract.sources import load
from kernels.verify import PROFILES, PROPERTIES, Outcome, try_property
from kernels.verify.snippet import snippet
from kernels.verify.suite import FAR_BELOW, Trial, _judged, plan, run

SOUND = """
from kernels import kernel
from kernels.definition.convolution import conv2d

@kernel("conv2d", name="{name}", spreads="padding", supports=lambda g: {supports}, exact={exact})
def forward(x, w, g, *, bias=None):
    {body}
    y = conv2d(x, w, g, x.dtype)
    return y if bias is None else y + bias[:, None, None]
"""


@pytest.fixture(autouse=True)
def nothing_stays_registered() -> Iterator[None]:
    with registry.without():
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


def every_trial() -> list[Trial]:
    return [trial for device in ("cpu", "emulator") for trial in plan(all_kernels(), device).trials]


def test_every_kernel_has_its_definition_among_its_properties() -> None:
    judged = {kernel for kernel, law in every_trial() if law.name == "definition"}
    assert judged == set(all_kernels())


def test_every_property_concerns_some_kernel() -> None:
    assert {law.name for _, law in every_trial()} == set(PROPERTIES)


def test_every_property_says_what_it_is_in_a_sentence() -> None:
    assert all(law.sentence.endswith(".") for law in PROPERTIES.values())


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

    wrong = Kernel("conv2d", "flips", "cpu", unflipped)
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
    ("body", "reason"),
    [
        ("import sys; sys.exit(0)", "it ends the process, status 0"),
        ("return None", "the kernel returns NoneType; conv2d is one array"),
        ("return [x]", "the kernel returns list; conv2d is one array"),
        ("return x, w", "the kernel returns ndarray, ndarray; conv2d is one array"),
    ],
)
def test_a_kernel_that_returns_no_array_is_reported(tmp_path: Path, body: str, reason: str) -> None:
    (kernel,) = load(write(tmp_path, "odd", body=body))
    outcome = try_property(kernel, PROPERTIES["definition"], 5)
    assert outcome.failure is not None
    assert reason in outcome.failure.reason


@pytest.mark.parametrize(
    ("body", "law"),
    [
        ("bias = bias if bias is None else bias * (np.arange(g.K) < 16)", "large integers"),
        ("w = w * (np.arange(g.K) < 256)[:, None, None, None]", "large integers"),
        ("x = x * (np.arange(g.W) < 48)", "large integers"),
        ("x = x if x.dtype == np.float32 or g.C // g.groups < 5 else 0 * x", "large integers"),
        ("x *= 0 if g.C > 16 else 1", "inputs kept"),
        ("w = kept.setdefault(id(w), w.copy())", "changed in place"),
    ],
)
def test_what_only_large_calls_and_later_ones_show_is_caught(
    tmp_path: Path, body: str, law: str
) -> None:
    path = Path(write(tmp_path, "sly", body=body))
    path.write_text(path.read_text().replace("@kernel", "kept = {}\n\n@kernel"), encoding="utf-8")
    (kernel,) = load(str(path))
    outcome = try_property(kernel, PROPERTIES[law], PROFILES["ci"], shrink=False)
    assert outcome.failure is not None


@pytest.mark.parametrize(
    ("operation", "result"),
    [("local_contrast_norm", None), ("local_contrast_norm", []), ("max_unpool2d", None)],
)
def test_no_array_as_a_result_is_one_message(operation: str, result: object) -> None:
    kernel = Kernel(operation, "nothing", "cpu", lambda *arrays, **options: result)
    failing = [o for o in run(plan([kernel]).trials, "few", 0) if not o.holds and o.examples]
    assert len(failing) > 10
    assert len({outcome.cause for outcome in failing}) == 1


def test_a_kernel_of_a_device_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(write(tmp_path, "far"))
    path.write_text(path.read_text().replace("exact=True", 'device="tpu"'), encoding="utf-8")
    status, printed = verify(str(path), capsys=capsys)
    assert status == 2
    assert "conv2d far: there is no 'tpu' here" in printed and "all hold" not in printed


def test_a_kernel_whose_supports_raises_is_named(tmp_path: Path) -> None:
    (kernel,) = load(write(tmp_path, "unsure", supports="1 / 0"))
    outcome = try_property(kernel, PROPERTIES["definition"], 5)
    assert "conv2d unsure: supports(g) raises ZeroDivisionError" in outcome.unmet


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
        (["--op", "convolve"], "there is no operation 'convolve'; there are activation, "),
        (["--kernel", "fft"], "there is no kernel 'fft'; there are activation elementwise, "),
        (["--op", "relu", "--kernel", "fft"], "relu has no kernel 'fft'; there are elementwise"),
        (["--profile", "thorough"], "--profile must be one of few, dev, ci, intense"),
        (["--sample", "3"], "--sample and --every belong to --mutants"),
        (["some.py", "--mutants"], "leave the file out"),
        (["no_such_file.py"], "no_such_file.py does not import"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = verify(*arguments, capsys=capsys)
    assert status == 2
    assert message in printed and "Traceback" not in printed


def test_a_kernel_that_supports_nothing_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "nothing", supports="False")
    status, printed = verify(path, "--profile", "dev", capsys=capsys)
    assert status == 1
    assert "nothing judged: its supports(g) is false for all drawn calls" in printed


def test_a_kernel_of_an_unknown_operation_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(write(tmp_path, "strange"))
    path.write_text(path.read_text().replace('"conv2d"', '"fourier"'), encoding="utf-8")
    status, printed = verify(str(path), capsys=capsys)
    assert status == 2
    assert "fourier strange: no such operation; there are" in printed


def test_a_kernel_that_is_not_exact_must_state_its_bound(tmp_path: Path) -> None:
    (kernel,) = load(write(tmp_path, "vague", exact="False"))
    outcome = try_property(kernel, PROPERTIES["definition"], 5)
    assert outcome.failure is not None
    assert "is not exact and states no error_bound" in outcome.failure.reason


@pytest.mark.parametrize(("used", "holds"), [(0.5, True), (1 / FAR_BELOW, True), (0.01, False)])
def test_a_limit_that_nothing_comes_near_is_no_limit(used: float, holds: bool) -> None:
    outcome = Outcome(all_kernels()[0], PROPERTIES["statistical line"], 1000, used=used)
    assert _judged(outcome).holds is holds
