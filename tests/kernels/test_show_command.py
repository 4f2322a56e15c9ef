"""`python -m kernels show`: its output, its files, its errors."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from kernels import kernel, reference
from kernels.cli.app import main
from kernels.contract.registry import without

Capture = pytest.CaptureFixture[str]


def show(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit status of `python -m kernels show ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["kernels", "show", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["conv2d", "--channels", "2", "--filters", "2", "--groups", "2", "--padding", "1x0x2x0"],
        ["conv2d", "--algorithm", "winograd", "--padding", "1"],
        ["conv2d", "--algorithm", "loops", "--input", "6x5", "--kernel", "2x3", "--dilation", "2"],
        ["conv2d_dgrad", "--input", "5x5", "--stride", "2"],
        ["conv2d_wgrad", "--batch", "2"],
        ["max_pool2d"],
        ["max_unpool2d", "--kernel", "3", "--stride", "1"],
    ],
    ids=" ".join,
)
def test_small_integers_come_out_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, arguments: list[str]
) -> None:
    assert show(monkeypatch, *arguments) == 0
    assert "gives the same numbers" in capsys.readouterr().out


def test_contrast_normalisation_agrees_within_rounding(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert show(monkeypatch, "local_contrast_norm", "--channels", "2") == 0
    out = capsys.readouterr().out
    assert "separable agrees within rounding" in out or "gives the same numbers" in out


def test_rows_and_columns_have_the_names_of_the_field(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, tmp_path: Path
) -> None:
    (tmp_path / "w.txt").write_text("1 2 3\n4 5 6\n7 8 9\n")
    assert show(monkeypatch, "conv2d", "--w", tmp_path / "w.txt") == 0
    assert (
        "      h0          h1          h2          h3\n"
        "      w0 w1 w2 w3 w0 w1 w2 w3 w0 w1 w2 w3 w0 w1 w2 w3\n"
        "p0 q0  1  2  3  .  4  5  6  .  7  8  9  .  .  .  .  .\n"
    ) in capsys.readouterr().out


def test_the_same_seed_prints_the_same(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    printed = []
    for seed in (1, 1, 2):
        show(monkeypatch, "conv2d", "--seed", seed)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != printed[2]


def test_written_matrices_are_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sizes = ["--input", "9x12", "--channels", "2", "--filters", "3"]
    assert show(monkeypatch, "conv2d", *sizes, "--csv", tmp_path / "a") == 0
    files = ["--x", tmp_path / "a" / "x.csv", "--w", tmp_path / "a" / "w.csv", "--seed", "7"]
    assert show(monkeypatch, "conv2d", *sizes, *files, "--csv", tmp_path / "b") == 0
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_numpy_files_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    x = np.arange(16, dtype=np.float32).reshape(4, 4)  # (HW,) -> (H,W)
    np.save(tmp_path / "x.npy", x)
    options = ["--x", tmp_path / "x.npy", "--csv", tmp_path]
    assert show(monkeypatch, "max_pool2d", *options) == 0
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "x.csv", delimiter=","), x)


def test_a_picture_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = ["--input", "10x10", "--picture", tmp_path / "deep" / "p.svg"]
    assert show(monkeypatch, "conv2d", *options) == 0
    assert (tmp_path / "deep" / "p.svg").read_text(encoding="utf-8").endswith("</svg>\n")


def test_a_wrong_kernel_gives_status_1(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    with without():
        kernel("conv2d", name="wrong", error_bound=lambda g: 1.0)(
            lambda x, w, g, bias=None: -reference.conv2d(x, w, g)
        )
        assert show(monkeypatch, "conv2d", "--algorithm", "wrong") == 1
    assert "conv2d wrong DISAGREES" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["conv3d"], "cannot show 'conv3d'; there is conv2d, conv2d_dgrad"),
        (["conv2d", "--input", "4x"], "--input '4x' is not of the form 3 or 3x3"),
        (["conv2d", "--input", "4x4x4"], "--input '4x4x4' is not of the form 3 or 3x3"),
        (["conv2d", "--kernel", "axb"], "--kernel 'axb' is not of the form 3 or 3x3"),
        (["conv2d", "--input", "0x4"], "--input 0x4 has no pixels"),
        (["conv2d", "--kernel", "5x5"], "does not fit into the input 4x4"),
        (["conv2d", "--kernel", "0"], "R must be at least 1"),
        (["conv2d", "--stride", "0"], "stride: must be at least 1"),
        (["conv2d", "--groups", "2"], "--groups 2 must be at least 1 and divide --channels 1"),
        (["conv2d", "--groups", "0"], "--groups 0 must be at least 1"),
        (["conv2d", "--filters", "0"], "--filters must be at least 1, got 0"),
        (["conv2d", "--seed", "-1"], "--seed must be at least 0, got -1"),
        (["conv2d", "--input", "9x9"], "81 columns; up to 64 are printed"),
        (["conv2d", "--input", "999x999", "--csv", "x"], "994009 x 998001 numbers, more than"),
        (["max_pool2d", "--input", "9999x9999"], "1 x 1 x 9999 x 9999 numbers, more than"),
        (["conv2d", "--algorithm", "fft"], "no kernel 'fft'"),
        (["conv2d", "--algorithm", "winograd", "--stride", "2"], "winograd is for --kernel 3x3"),
        (["max_pool2d", "--w", "w.csv"], "max_pool2d has no w; it takes --x"),
        (["local_contrast_norm", "--kernel", "3x5"], "--kernel 3x5: the window"),
        (["local_contrast_norm", "--kernel", "4"], "size must be odd"),
        (["conv2d_wgrad", "--picture", "p.svg"], "there is no picture of conv2d_wgrad"),
        (["conv2d", "--input", "30x30", "--picture", "p.svg"], "cells is too large"),
        (["conv2d", "--x", "nowhere.csv"], "nowhere.csv"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_of_the_user_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    tmp_path: Path,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert show(monkeypatch, *arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3\n4,5,6\n", "shape 2x3; x is 1x1x4x4 here, so 4x4 would fit"),
        ("1 2 3 4\n" * 3 + "1 2\n", "every row must have as many numbers"),
        ("1 2 3 4\n" * 3 + "1 2 x 4\n", "line 4: '1 2 x 4' is not all numbers"),
        ("1 2 3 4\n" * 3 + "1 2 nan 4\n", "NaN or an infinity"),
        ("", "shape 0"),
    ],
)
def test_text_that_does_not_fit_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "x.csv").write_text(text)
    assert show(monkeypatch, "conv2d", "--x", tmp_path / "x.csv") == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "array", [np.ones((3, 5)), np.ones((2, 4, 4)), np.ones((4, 4), complex), np.array(["a"] * 16)]
)
def test_a_numpy_file_that_does_not_fit_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, tmp_path: Path, array: np.ndarray
) -> None:
    np.save(tmp_path / "x.npy", array)
    assert show(monkeypatch, "conv2d", "--x", tmp_path / "x.npy") == 2
    assert "x.npy holds" in capsys.readouterr().err


class Trap:
    """Unpickling it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("wrapped", [True, False])
def test_nothing_is_unpickled(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, tmp_path: Path, wrapped: bool
) -> None:
    sprung, path = tmp_path / "sprung", tmp_path / "x.npy"
    if wrapped:
        np.save(path, np.array([Trap(sprung)], object), allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(Trap(sprung)))
    assert show(monkeypatch, "conv2d", "--x", path) == 2
    assert "is not an .npy file of numbers" in capsys.readouterr().err
    assert not sprung.exists()
