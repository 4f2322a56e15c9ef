"""`python -m kernels fingerprint`: reproducible inputs, and detection of every changed bit."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from kernels import all_kernels, named
from kernels.cli.app import main
from kernels.verify import fingerprint
from kernels.verify.drawn import case, known


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit status of `python -m kernels fingerprint ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["kernels", "fingerprint", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_every_registered_operation_has_cases() -> None:
    assert [k.operation for k in all_kernels() if not known(k.operation)] == []


@pytest.mark.parametrize("operation", ["conv2d", "max_unpool2d", "matmul", "random_bits"])
def test_a_case_is_the_same_every_time_and_another_for_another_seed(operation: str) -> None:
    def drawn(seed: int) -> tuple[object, str]:
        one = case(operation, "float32", 3, seed)
        return one.g, fingerprint.digest([a for a in one.arrays()[0] if isinstance(a, np.ndarray)])

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_these_inputs_were_drawn_so_on_another_day() -> None:
    """A file of digests is useful only if its inputs can be drawn again."""
    g = case("conv2d", "float32", 3, 0).g
    (x, w, _), _ = case("conv2d", "float32", 3, 0).arrays()
    assert (g.x_shape, g.w_shape, g.stride) == ((3, 46, 7, 6), (1, 46, 2, 2), (2, 2))
    assert fingerprint.digest((x, w))[:16] == "962ea67855abd74b"


def test_a_digest_sees_type_shape_sign_and_the_last_bit() -> None:
    x = np.array([1.0, 0.0, np.nan], np.float32)
    others = (
        *(x.astype(np.float64), x.reshape(1, 3), x[:2], (x, x)),
        *(np.array([1, -0.0, np.nan], np.float32), np.nextafter(x, np.float32(2))),
    )
    assert fingerprint.digest(x) == fingerprint.digest((x.copy()[::1],))
    assert fingerprint.digest(x) == fingerprint.digest(-np.abs(-x) * np.float32(-1))
    assert fingerprint.digest(x) not in {fingerprint.digest(other) for other in others}


def test_all_forms_of_a_kernel_are_run() -> None:
    subject = fingerprint.of_kernel(named("conv2d", "winograd_1d"), "cpu")
    keys = fingerprint.digests(subject, "float32", 0, fingerprint.numbers(subject, "float32", 0, 5))
    assert {key.partition(" ")[2] for key in keys} == {"", "prepared", "rectified", "pooled"}


def test_the_same_state_is_equal_and_a_changed_one_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, only = tmp_path / "before.json", ("--op", "relu,random_bits", "--cases", 3)
    assert run(monkeypatch, *only, "--out", file) == 0
    assert run(monkeypatch, *only, "--against", file) == 0
    assert "12 equal, 0 differ, 0 are gone, 0 are new" in capsys.readouterr().out
    written = json.loads(file.read_text())
    first, second = list(written["digests"])[:2]
    written["digests"][first] = "0" * 64
    written["digests"]["relu/elementwise/cpu/float32/9999 other"] = written["digests"].pop(second)
    file.write_text(json.dumps(written))
    assert run(monkeypatch, *only, "--against", file) == 1
    said = capsys.readouterr().out
    assert f"differs: {first}\n" in said
    assert "gone: relu/elementwise/cpu/float32/9999 other" in said


def test_another_seed_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "before.json"
    assert run(monkeypatch, "--op", "relu", "--cases", 1, "--seed", 5, "--out", file) == 0
    assert run(monkeypatch, "--op", "relu", "--against", file) == 2
    assert "--seed 5 fits" in capsys.readouterr().err
