"""A run's folder under signals, a second process, removal and damage; real processes, as users run.

Processes train a network of some hundred parameters on pictures of 36 pixels.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kernels.bounds import same_bits
from kernels.storage.atomic import temporaries
from kernels.storage.folders import LOCK, FolderRemoved
from tests.zfnet.commands import NETWORK, pictures, zfnet
from tests.zfnet.test_train import same_run
from tests.zfnet.tiny import network, resumed, trainer
from zfnet.checkpoint import CHECKPOINT, load_checkpoint
from zfnet.run_check import check_run

PROGRAM = "import sys; sys.argv[0] = 'zfnet'; from zfnet.cli import main; main()"
SECONDS = 240
"""Until a process counts as hung, also on a machine that is busy."""


class Process:
    """A command of zfnet in a process of its own."""

    def __init__(self, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.pid, self.output = self._process.pid, ""

    def until(self, *start: str) -> None:
        """Read its output to the line that begins with `start`."""
        assert self._process.stdout
        for line in self._process.stdout:
            self.output += line
            if line.startswith(start):
                return
        pytest.fail(f"no line began with {start!r}: {self.output}")

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def status(self) -> int:
        """Wait for its end."""
        try:
            self.output += self._process.communicate(timeout=SECONDS)[0]
        finally:
            self._process.kill()
        assert "Traceback" not in self.output
        return self._process.returncode


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return pictures(tmp_path / "data", 4)


def training(data: Path, out: Path, epochs: int, *options: object) -> Process:
    return Process("train", "--data", data, "--out", out, *NETWORK, "--epochs", epochs, *options)


def weights(out: Path) -> dict[str, np.ndarray]:
    return load_checkpoint(out)[2]


def whole(out: Path) -> bool:
    """Whether nothing in the folder is damaged."""
    findings = check_run(out)
    return bool(findings) and all(finding.whole is not False for finding in findings)


def test_sigterm_stops_with_a_checkpoint_and_the_printed_command_goes_on(
    tmp_path: Path, data: Path
) -> None:
    out = tmp_path / "run"
    process = training(data, out, 100_000, "--schedule", "cosine")
    process.until("epoch 1:")
    process.send(signal.SIGTERM)
    assert process.status() == 143
    assert process.output.rstrip().endswith(f"zfnet train --resume --out {out}")
    assert whole(out)
    assert sorted(f.name for f in out.iterdir() if f.name.startswith(".")) == []
    step = load_checkpoint(out)[3]["position"]["step"]
    again = Process("train", "--resume", "--out", out)
    again.until("going on")
    assert "of 100000" in again.output
    again.until("epoch ")
    again.send(signal.SIGTERM)
    again.send(signal.SIGTERM)  # as batch systems do
    assert again.status() == 143
    assert load_checkpoint(out)[3]["position"]["step"] > step


def test_runs_killed_at_drawn_moments_are_whole_and_go_on_to_the_same_bits(
    tmp_path: Path, data: Path
) -> None:
    out, rng = tmp_path / "run", np.random.default_rng(3)
    options = ["--checkpoint-every", "1", "--keep-epochs", "2"]
    process = training(data, out, 5, *options)
    for _ in range(2):
        process.until("epoch ", "The network")  # it may be at its end already
        time.sleep(float(rng.uniform(0, 0.3)))
        process.send(signal.SIGKILL)
        assert process.status() in (-signal.SIGKILL, 0)
        assert whole(out)
        process = Process("train", "--resume", "--out", out)
    assert process.status() == 0
    once = tmp_path / "once"
    assert training(data, once, 5, *options).status() == 0
    first, second = weights(out), weights(once)
    assert first.keys() == second.keys()
    assert all(same_bits(first[name], second[name]) for name in first)
    assert temporaries(out) == temporaries(out / "epochs") == []


def test_of_two_trainings_in_one_folder_one_is_refused(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "run"
    both = [training(data, out, 3) for _ in range(2)]
    found = {process.status(): process for process in both}
    assert found.keys() == {0, 2}
    said = found[2].output
    assert f"{out} is in use by process {found[0].pid}" in said or "holds a run already" in said
    assert whole(out)
    assert len((out / "log.jsonl").read_text().splitlines()) == 3


def test_a_run_in_use_is_refused_to_every_command_that_writes_there(
    tmp_path: Path,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    process = training(data, out, 100_000)
    process.until("epoch 1:")
    picture = next(data.glob("*/*.png"))
    for command in (
        ["train", "--resume", "--out", out],
        ["features", "--data", data, "--model", out, "--out", out],
        ["project", "--layer", "conv1", "--out", out, picture],
        ["ablation", "--data", data, "--out", out],
        ["paper", "--data", data, "--out", out],
        ["tour", "--out", out],
    ):
        assert zfnet(monkeypatch, *command) == 2, command
        assert f"in use by process {process.pid}" in " ".join(capsys.readouterr().err.split())
    assert zfnet(monkeypatch, "check-run", out) == 0
    assert f"in use by process {process.pid}" in " ".join(capsys.readouterr().out.split())
    process.send(signal.SIGKILL)
    process.status()
    assert zfnet(monkeypatch, "check-run", out) == 0
    assert "in use by" not in capsys.readouterr().out


def test_a_folder_that_is_removed_in_training_is_an_error(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "run"
    process = training(data, out, 100_000)
    process.until("epoch 1:")
    shutil.rmtree(out, ignore_errors=True)
    assert process.status() == 2
    assert f"{out} was removed" in process.output
    assert not (out / LOCK).exists()


def test_a_folder_whose_files_alone_are_removed_is_an_error_too(tmp_path: Path) -> None:
    """As a removal leaves it that runs into files which were written meanwhile."""
    run = trainer(tmp_path / "run")
    run.on_step = lambda _: (tmp_path / "run" / LOCK).unlink(missing_ok=True) is None
    with pytest.raises(FolderRemoved, match="run was removed"):
        run.run()


def test_a_folder_that_is_removed_between_steps_is_noticed_at_the_next(tmp_path: Path) -> None:
    run, steps = trainer(tmp_path / "run"), []

    def remove(progress: object) -> bool:
        steps.append(progress)
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        return True

    run.on_step = remove
    with pytest.raises(FolderRemoved, match="run was removed"):
        run.run()
    assert len(steps) == 1
    assert not (tmp_path / "run").exists()


def test_a_training_that_is_stopped_in_validation_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    trainer(tmp_path / "once").run()
    run = trainer(tmp_path / "twice")
    run.stopping = lambda: run.at.epoch == 1
    assert not run.run()
    state = load_checkpoint(tmp_path / "twice")[3]
    assert state["position"]["next_batch"] == len(run.loader)
    assert resumed(tmp_path / "twice").run()
    assert same_run(tmp_path / "once", tmp_path / "twice")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every file of its own kind."""
    out = tmp_path_factory.mktemp("finished") / "run"
    trainer(out, keep_epochs=(2,)).run()
    return out


def moments(size: int, rng: np.random.Generator) -> Iterator[int]:
    """Offsets of bytes to damage: both ends, and some between."""
    yield from sorted({0, 7, 8, size - 1, *rng.integers(0, size, 20).tolist()})


def test_check_run_finds_any_damaged_byte(finished: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    assert all(finding.whole for finding in check_run(finished))
    files = [file for file in finished.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} == {".safetensors", ".jsonl", ".svg"}
    assert len(files) == 6
    for file in files:
        before = file.read_bytes()
        for at in moments(len(before), rng):
            damaged = bytes([before[at] ^ int(rng.integers(1, 256))])
            file.write_bytes(before[:at] + damaged + before[at + 1 :])
            assert not whole(finished), (file.name, at)
        file.write_bytes(before[:-1])
        assert not whole(finished), file.name
        file.unlink()
        if file.name != CHECKPOINT:
            assert not whole(finished), file.name
        file.write_bytes(before)
    assert whole(finished)


def test_a_folder_with_a_network_alone_is_whole(tmp_path: Path) -> None:
    network().save(tmp_path)
    (finding,) = check_run(tmp_path)
    assert (finding.name, finding.whole) == ("model.safetensors", True)


def test_check_run_has_a_status_and_a_table(
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    assert zfnet(monkeypatch, "check-run", out) == 0
    assert "3 of 3 epochs" in capsys.readouterr().out
    content = bytearray((out / CHECKPOINT).read_bytes())
    content[-5] ^= 4
    (out / CHECKPOINT).write_bytes(content)
    assert zfnet(monkeypatch, "check-run", out) == 1
    assert "DAMAGED" in capsys.readouterr().out
    assert zfnet(monkeypatch, "train", "--resume", "--out", out) == 2
    assert f"zfnet check-run {out}" in " ".join(capsys.readouterr().err.split())
    assert zfnet(monkeypatch, "check-run", tmp_path / "nowhere") == 2
