"""Resumption: a run goes on as it began, and whatever would change its weights is refused."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import minidl
from kernels.bounds import same_bits
from tests.zfnet.commands import CLASSES, NETWORK, pictures, stopped, zfnet
from zfnet import origin
from zfnet.checkpoint import CHECKPOINT, load_checkpoint, load_images
from zfnet.recipe import Recipe
from zfnet.resuming import split_of_run

BEGUN = ["--epochs", "2", "--schedule", "cosine", "--checkpoint-every", "3", "--seed", "5"]


class Run:
    """A training of the command line; its output is what the last command said."""

    def __init__(
        self, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.data, self.out = pictures(folder / "data"), folder / "run"
        self._patch, self._capsys = patch, capsys
        self.output = ""

    def begin(self, *options: object, stop: bool = False) -> int:
        arguments = ["--data", self.data, "--out", self.out, *NETWORK, *options]
        if stop:
            return self._said(stopped(self._patch, *arguments))
        return self._said(zfnet(self._patch, "train", *arguments))

    def resume(self, *options: object) -> int:
        return self._said(zfnet(self._patch, "train", "--resume", "--out", self.out, *options))

    def _said(self, status: int) -> int:
        told = self._capsys.readouterr()
        self.output = " ".join((told.out + told.err).split())
        assert "Traceback" not in self.output
        return status

    @property
    def recipe(self) -> Recipe:
        return load_checkpoint(self.out)[1]

    @property
    def state(self) -> dict[str, Any]:
        return load_checkpoint(self.out)[3]

    def parts(self) -> dict[str, set[str]]:
        """The titles of train and val in the list of its images."""
        images = load_images(self.out, self.state["origin"]["images"])
        return {p: {e.title for e in images.entries if e.part == p} for p in ("train", "val")}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(tmp_path, monkeypatch, capsys)


@pytest.fixture(autouse=True)
def the_same_threads() -> Iterator[None]:
    """Resuming sets the number of threads of the process."""
    before = minidl.get_num_threads()
    yield
    minidl.set_num_threads(before)


def add(run: Run, *names: str, level: int = 9) -> None:
    """Files of one grey, of the class that begins the name."""
    for name in names:
        (run.data / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((36, 36, 3), level, np.uint8)).save(run.data / name)


def test_a_plain_resume_goes_on_as_the_run_began_to_the_same_bits(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Run(tmp_path / "whole", monkeypatch, run._capsys)
    assert whole.begin(*BEGUN) == 0
    assert run.begin(*BEGUN, stop=True) == 130
    command = f"zfnet train --resume --out {run.out}"
    assert run.output.endswith(command)
    begun = run.recipe
    assert zfnet(monkeypatch, *command.split()[1:]) == 0
    assert run.recipe == begun == whole.recipe
    assert (begun.epochs, begun.schedule, begun.checkpoint_every) == (2, "cosine", 3)
    first, second = (load_checkpoint(out)[2] for out in (whole.out, run.out))
    assert first.keys() == second.keys()
    assert all(same_bits(first[name], second[name]) for name in first)
    assert run.state["changes"] == []


def test_the_same_command_with_resume_goes_on(run: Run) -> None:
    assert run.begin(*BEGUN, stop=True) == 130
    assert run.begin(*BEGUN, "--resume") == 0
    assert run.state["position"]["epoch"] == 2


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--epochs", "4"], "--epochs was 2 and is 4"),
        (["--schedule", "plateau"], "--schedule was cosine and is plateau"),
        (["--lr", "0.02"], "--lr was 0.01 and is 0.02"),
        (["--batch-size", "4"], "--batch-size was 8 and is 4"),
        (["--momentum", "0.5"], "--momentum was 0.9 and is 0.5"),
        (["--crops", "centre"], "--crops was ten and is centre"),
        (["--autotune"], "--autotune was False and is True"),
        (["--seed", "6"], "--seed 5"),
        (["--width", "0.06"], "--width 0.03"),
        (["--image-size", "36"], "--image-size 32"),
        (["--norm", "none"], "--norm lcn"),
        (["--resize", "40"], "--resize 37"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_an_option_with_another_value_is_refused_and_named(
    run: Run, option: list[str], said: str
) -> None:
    assert run.begin(*BEGUN, stop=True) == 130
    before = (run.out / CHECKPOINT).read_bytes()
    assert run.resume(*option) == 2
    assert said in run.output
    assert run.output.startswith("zfnet: ")
    assert (run.out / CHECKPOINT).read_bytes() == before


def test_changes_that_are_allowed_are_named_and_noted(run: Run) -> None:
    assert run.begin(*BEGUN, stop=True) == 130
    assert run.resume("--epochs", "3", "--lr", "0.02", "--allow-changes") == 0
    assert "going on with changes: --epochs was 2 and is 3" in run.output
    assert (run.recipe.epochs, run.recipe.lr) == (3, 0.02)
    (noted,) = run.state["changes"]
    assert noted["step"] == 1
    assert any("--lr was 0.01 and is 0.02" in one for one in noted["changes"])


def test_an_epoch_in_batches_of_another_size_begins_anew(run: Run) -> None:
    assert run.begin(*BEGUN, stop=True) == 130
    images = len(run.parts()["train"])
    options = ["--batch-size", "5", "--schedule", "plateau", "--allow-changes"]
    assert run.resume(*options) == 0
    position = run.state["position"]
    assert position["step"] == 1 + 2 * -(-images // 5)
    assert [line["epoch"] for line in position["history"]] == [1, 2]


def test_more_epochs_until_a_plateau_break_nothing_and_are_named(run: Run) -> None:
    assert run.begin("--epochs", "1") == 0
    command = run.output[run.output.index("zfnet train --resume") :].split()
    assert command[-2:] == ["--epochs", "2"]
    assert run.resume(*command[5:]) == 0
    assert "--epochs was 1 and is 2" in run.output
    assert run.state["position"]["epoch"] == 2


def test_options_that_change_no_numbers_may_be_given_anew(run: Run) -> None:
    assert run.begin(*BEGUN, stop=True) == 130
    options = ["--checkpoint-every", "2", "--keep-epochs", "1", "--workers", "1", "--strict"]
    assert run.resume(*options) == 0
    assert (run.recipe.checkpoint_every, run.recipe.keep_epochs) == (2, (1,))
    assert "--strict was False and is True" in run.output


def test_changed_data_are_refused_and_the_images_are_named(run: Run) -> None:
    assert run.begin(*BEGUN, stop=True) == 130
    add(run, "blue/new0.png", "red/new1.png")
    (run.data / "green" / "001.png").unlink()
    assert run.resume() == 2
    assert "2 images added (blue/new0.png, red/new1.png)" in run.output
    assert "1 image removed (green/001.png)" in run.output


def test_a_replaced_image_of_the_same_size_and_time_is_noticed(run: Run) -> None:
    assert run.begin(*BEGUN, stop=True) == 130
    file = run.data / "blue" / "000.png"
    before, whole = file.stat(), file.read_bytes()
    file.write_bytes(whole[:-20] + bytes(b ^ 1 for b in whole[-20:]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert run.resume() == 2
    assert "1 image replaced by others (blue/000.png)" in run.output


def test_data_that_were_moved_as_they_are_are_the_same(run: Run, tmp_path: Path) -> None:
    assert run.begin(*BEGUN, stop=True) == 130
    shutil.copytree(run.data, tmp_path / "elsewhere")
    shutil.rmtree(run.data)
    assert run.resume() == 2
    assert "does not exist" in run.output
    assert run.resume("--data", tmp_path / "elsewhere") == 0


def test_validation_images_are_never_trained_on_after_a_change(run: Run) -> None:
    assert run.begin("--epochs", "1") == 0
    before = run.parts()
    add(run, *(f"{name}/{kind}{i}.png" for name in CLASSES for kind in "az" for i in range(9)))
    assert run.resume("--epochs", "2", "--allow-changes") == 0
    now = run.parts()
    assert "54 images added" in run.output
    assert before["val"] <= now["val"] and before["train"] <= now["train"]
    assert not now["val"] & now["train"]
    assert len(now["val"] | now["train"]) == 3 * 8 + 54
    assert run.resume() == 0  # the change was noted once


def test_a_validation_image_that_was_moved_to_train_still_validates(
    run: Run, tmp_path: Path
) -> None:
    run.data = split = tmp_path / "split"
    files = [f"{part}/{name}/{part}{i}.png" for name in CLASSES for part in ("train", "val")
             for i in range(4)]  # fmt: skip
    for level, file in enumerate(files):
        add(run, file, level=5 * level)
    assert run.begin("--epochs", "1") == 0
    (split / "val" / "red" / "val0.png").rename(split / "train" / "red" / "more.png")
    assert run.resume("--epochs", "2", "--allow-changes") == 0
    assert "train/red/more.png" in run.parts()["val"]


def test_another_number_of_threads_is_refused_and_the_runs_own_is_used(run: Run) -> None:
    most = minidl.get_num_threads()
    if most < 2:
        pytest.skip("needs two threads")
    assert run.begin(*BEGUN, "--threads", "1", stop=True) == 130
    assert run.resume("--threads", "2") == 2
    assert "the number of --threads was 1 and is 2" in run.output
    minidl.set_num_threads(most)
    assert run.resume() == 0
    assert minidl.get_num_threads() == run.state["origin"]["threads"] == 1


@pytest.mark.parametrize("what", ["code", "processor", "versions"])
def test_other_kernels_are_refused(run: Run, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    assert run.begin(*BEGUN, stop=True) == 130
    other: Any = {"numpy": "9.9"} if what == "versions" else "another"
    monkeypatch.setattr(origin, what, lambda: other)
    assert run.resume() == 2
    assert "is 9.9" in run.output or "is another" in run.output
    assert run.resume("--allow-changes") == 0


def test_a_lost_list_of_images_is_named(run: Run) -> None:
    assert run.begin(*BEGUN, stop=True) == 130
    (file,) = run.out.glob("images-*.jsonl")
    file.write_text(file.read_text().replace("000.png", "00x.png"))
    assert run.resume() == 2
    assert "the list of its images" in run.output
    assert run.resume("--allow-changes") == 0


def test_a_new_run_needs_data_and_has_nothing_to_allow(run: Run, tmp_path: Path) -> None:
    assert zfnet(run._patch, "train", "--out", tmp_path / "x") == 2
    assert run.begin("--allow-changes") == 2
    assert not (tmp_path / "x").exists() and not run.out.exists()


def test_a_network_is_evaluated_on_the_images_that_its_run_held_back(run: Run) -> None:
    assert run.begin("--epochs", "1", "--seed", "3") == 0
    held_back = run.parts()["val"]
    add(run, *(f"{name}/{i}.png" for name in CLASSES for i in range(5)))
    found = split_of_run(run.out, str(run.data), "val")
    assert found is not None
    titles = {found.title(i) for i in range(len(found))}
    assert held_back <= titles and not titles & run.parts()["train"]
    status = zfnet(run._patch, "evaluate", "--model", run.out, "--data", run.data)
    assert run._said(status) == 0
    assert f"{len(found)} images of val, as the run" in run.output
    status = zfnet(run._patch, "evaluate", "--model", run.out, "--data", run.data, "--seed", "0")
    assert run._said(status) == 0
    assert "as the run" not in run.output
