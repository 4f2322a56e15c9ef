"""The command line: messages for mistakes, and commands that follow one another.

Most call `main` in this process, as the console script does; one starts a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.zfnet.empty_folders import classes_of
from tests.zfnet.tiny import Pictures, network
from zfnet import resuming
from zfnet.cli import main
from zfnet.cli import train as train_module
from zfnet.network import FILE
from zfnet.origin import Origin

TINY = [
    "--epochs", "1", "--batch-size", "8", "--image-size", "32", "--width", "0.03", "--strides",
    "2", "1", "--pool5-padding", "1", "--hidden", "8", "6", "--init", "he", "--workers", "0",
]  # fmt: skip


def zfnet(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit status of `zfnet ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["zfnet", *map(str, arguments)])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def folder(where: Path, classes: tuple[str, ...] = ("blue", "green", "red")) -> Path:
    """Eight images per class, one of the last class's cut off in the middle."""
    data = Pictures(8 * len(classes))
    for index, picture in enumerate(data.images):
        place = where / classes[index % len(classes)]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{index:02}.png")
    whole = (place / f"{index:02}.png").read_bytes()
    (place / f"{index:02}.png").write_bytes(whole[: len(whole) // 2])
    return where


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with a network of three classes, not trained."""
    (tmp_path / "run").mkdir()
    network().save(tmp_path / "run")
    return tmp_path / "run"


def refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: object,
) -> str:
    """The stderr of a command that ends with status 2."""
    assert zfnet(monkeypatch, *arguments) == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    return " ".join(told.err.split())


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        (["--epochs", "-1"], "epochs must be at least 0, got -1"),
        (["--batch-size", "0"], "batch_size must be at least 1, got 0"),
        (["--lr", "nan"], "lr=nan"),
        (["--norm", "batch"], "'batch'"),
        (["--width", "-1"], "got -1.0"),
        (["--image-size", "14"], "14x14"),
        (["--dropout", "1"], "got 1.0"),
        (["--threads", "0"], "got 0"),
        (["--epochs", "2", "--keep-epochs", "1,5"], "names epoch 5"),
        (["--depth", "9"], "--depth"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_bad_option_is_reported_with_its_value(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: list[str],
    shown: str,
) -> None:
    data = folder(tmp_path / "data")
    options = ["train", "--data", data, "--out", tmp_path / "run", *TINY, *wrong]
    assert shown in refused(monkeypatch, capsys, *options)
    assert not (tmp_path / "run" / FILE).exists()


def test_a_folder_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", tmp_path / "nowhere", "--out", tmp_path / "run"]
    assert "nowhere does not exist" in refused(monkeypatch, capsys, "train", *options)


def test_a_folder_with_one_class_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", folder(tmp_path / "data", ("red",)), "--out", tmp_path / "run"]
    assert "has one class ('red')" in refused(monkeypatch, capsys, "train", *options)


@pytest.mark.parametrize("command", ["evaluate", "features"])
def test_a_model_that_is_missing_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    options = ["--model", tmp_path / "nothing", "--data", "scenes"]
    told = refused(monkeypatch, capsys, command, *options)
    assert "no network at" in told
    assert "nothing" in told


def test_a_truncated_model_is_named(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (run / FILE).read_bytes()
    (run / FILE).write_bytes(whole[: len(whole) // 2])
    told = refused(monkeypatch, capsys, "evaluate", "--model", run, "--data", "scenes")
    assert f"{FILE} is not a whole safetensors file" in told


def test_a_network_of_other_classes_is_not_evaluated(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(monkeypatch, capsys, "evaluate", "--model", run, "--data", "scenes")
    assert "3 classes (red, green, blue)" in told
    assert "12 classes" in told


def test_an_unreadable_image_is_named_where_training_is_strict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = folder(tmp_path / "data")
    options = ["--data", data, "--out", tmp_path / "run", *TINY, "--strict"]
    assert "23.png" in refused(monkeypatch, capsys, "train", *options)


def test_training_goes_on_where_it_ended_and_its_network_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = folder(tmp_path / "data"), tmp_path / "run"
    options = ["train", "--data", data, "--out", out, *TINY]
    assert zfnet(monkeypatch, *options) == 0
    assert "skipped red/23.png" in capsys.readouterr().out
    assert "give --resume" in refused(monkeypatch, capsys, *options)
    assert zfnet(monkeypatch, *options, "--epochs", "2", "--resume") == 0
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in log] == [1, 2]
    capsys.readouterr()
    assert zfnet(monkeypatch, "evaluate", "--model", out, "--data", data, "--ten-crops") == 0
    assert "top-1 error" in capsys.readouterr().out


def test_resuming_with_other_classes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    first = ["train", "--data", folder(tmp_path / "data"), "--out", out, *TINY]
    other = folder(tmp_path / "other", ("ape", "bee", "cow"))
    assert zfnet(monkeypatch, *first) == 0
    capsys.readouterr()
    told = refused(monkeypatch, capsys, "train", "--data", other, "--out", out, "--resume")
    assert "ape, bee, cow" in told


def test_a_projection_of_a_picture_is_written(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, out = tmp_path / "picture.png", tmp_path / "shown"
    noise = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    Image.fromarray(noise).save(picture)
    options = ["--model", run, "--layer", "conv2", "--map", "1", "--out", out, picture]
    assert zfnet(monkeypatch, "project", *options) == 0
    assert "conv2 map 1" in capsys.readouterr().out
    assert (out / "index.html").stat().st_size > 0


@pytest.mark.parametrize(
    ("wrong", "shown"), [(["--layer", "conv9"], "conv9"), (["--layer", "conv2", "--map", "8"], "8")]
)
def test_a_layer_or_map_that_does_not_exist_is_reported(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: list[str],
    shown: str,
) -> None:
    picture = tmp_path / "picture.png"
    Image.fromarray(Pictures(1).images[0]).save(picture)
    options = ["--model", run, "--out", tmp_path / "shown", *wrong, picture]
    assert shown in refused(monkeypatch, capsys, "project", *options)


def test_a_process_ends_with_status_2_and_one_message(tmp_path: Path) -> None:
    program = "from zfnet.cli import main; main()"
    arguments = ["train", "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("zfnet: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_names_that_look_like_markup_are_shown_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "zz[/x][bold]"
    assert zfnet(monkeypatch, "train", "--data", missing, "--out", tmp_path / "run") == 2
    assert "zz[/x][bold]" in capsys.readouterr().err


def test_a_test_part_validates_if_asked_for_and_links_are_followed_if_asked_for(
    tmp_path: Path,
) -> None:
    for part in ("elsewhere", "data/Test"):
        classes_of(tmp_path / part, a=2, b=2)
    (tmp_path / "data" / "train").symlink_to(tmp_path / "elsewhere")
    of_test = Origin(data=str(tmp_path / "data"), use_test=True)
    train, val = resuming.open_split(replace(of_test, follow_links=True))
    assert len(train) == len(val) == 4 and val.title(0) == "Test/a/000.png"
    with pytest.raises(ValueError, match="--follow-links"):
        resuming.open_split(of_test)


def test_a_resumed_run_keeps_its_own_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["train", "--data", folder(tmp_path / "data"), "--out", tmp_path / "run", *TINY]
    assert zfnet(monkeypatch, *run, "--seed", "5") == 0
    splits: list[int] = []
    opened = resuming.open_dataset
    monkeypatch.setattr(
        resuming,
        "open_dataset",
        lambda data, split, *, seed, **how: (
            splits.append(seed) or opened(data, split, seed=seed, **how)
        ),
    )
    assert zfnet(monkeypatch, *run, "--resume") == 0
    assert splits == [5, 5]
    assert "--seed 6 needs another --out" in refused(
        monkeypatch, capsys, *run, "--seed", "6", "--resume"
    )


def test_a_stopped_training_has_a_status_of_its_own_and_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["train", "--data", folder(tmp_path / "data"), "--out", tmp_path / "run", *TINY]

    @contextmanager
    def pressed() -> Iterator[list[bool]]:
        yield [True]

    with monkeypatch.context() as patch:
        patch.setattr(train_module, "stop_on_interrupt", pressed)
        assert zfnet(monkeypatch, *run) == 130
    assert "--resume" in capsys.readouterr().out
    assert zfnet(monkeypatch, *run, "--resume") == 0
