"""The command `zfnet compare-rules`: where its page is, and bad input."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.zfnet.commands import zfnet
from tests.zfnet.tiny import Pictures, network
from zfnet.experiments.compare_rules.explained import BASELINES


@pytest.fixture
def model(tmp_path: Path) -> Path:
    network().save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def photographs(folder: Path, count: int = 3) -> Path:
    folder.mkdir()
    for number, picture in enumerate(Pictures(count).images):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return folder


FAST = ("--images", 2, "--randomised", 1, "--steps", 3, "--levels", 2, "--rules", "gradient")


def test_the_command_ends_with_where_the_page_is(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = photographs(tmp_path / "pictures"), tmp_path / "out"
    arguments = ("compare-rules", folder, "--model", model, "--out", out, *FAST)
    assert zfnet(monkeypatch, *arguments) == 0
    said = "".join(capsys.readouterr().out.split())  # (long lines are broken)
    assert str(out / "index.html") in said and "compare-rules.json" in said
    lines = (out / "methods.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["method", "gradient", *BASELINES]
    assert (out / "deletion-areas.png").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rules", "saliency"), "no rules 'saliency'; there are"),
        (("--pointing",), "has a box or mask"),
        (("--boxes", "nowhere"), "nowhere does not exist"),
    ],
)
def test_the_command_refuses_in_one_sentence(
    tmp_path: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    said: str,
) -> None:
    folder = photographs(tmp_path / "pictures")
    arguments = ("compare-rules", folder, "--model", model, "--out", tmp_path / "out")
    assert zfnet(monkeypatch, *arguments, *FAST, *options) == 2
    error = capsys.readouterr().err
    assert said in " ".join(error.split()) and "Traceback" not in error


def test_a_folder_without_images_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    arguments = ("compare-rules", tmp_path / "empty", "--out", tmp_path / "out")
    assert zfnet(monkeypatch, *arguments) == 2
    error = capsys.readouterr().err
    assert "no data set in" in error and "Traceback" not in error
