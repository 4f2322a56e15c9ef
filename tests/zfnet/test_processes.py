"""Training in several processes: any number of them, any stop, the same bits; faults end them."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.zfnet.commands import NETWORK, pictures, zfnet
from tests.zfnet.mpi_launcher import ROOT, ZFNET, environment, mpiexec
from tests.zfnet.processes import Case, alone, digest, train
from zfnet.checkpoint import CHECKPOINT, load_state
from zfnet.parallel.world import ALONE

RANKS = 4
LONGEST = 240
"""Seconds after which an answer is not waited for any longer."""


class Server:
    """`tests/zfnet/processes.py` in four processes."""

    def __init__(self) -> None:
        command = [mpiexec(), "-n", str(RANKS), sys.executable, "-m", "tests.zfnet.processes"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def answer(self, case: Case) -> str:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(json.dumps(case) + "\n")
        stdin.flush()
        ready, _, _ = select.select([stdout], [], [], LONGEST)
        line = stdout.readline().strip() if ready else ""
        if not line:
            self.process.kill()
            pytest.fail(f"no answer to {case}: {self.process.communicate()[1]}")
        return line


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    found = Server()
    yield found
    try:
        found.process.communicate("", timeout=LONGEST)
    finally:
        found.process.kill()
        found.process.wait()


PARTS = st.lists(
    st.tuples(st.sampled_from([1, 2, 3, 4]), st.integers(1, 7)), min_size=0, max_size=2
)
"""Processes and the step after which they stop, for a run that goes on after each."""


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """A small training, with unreadable images, and how it is interrupted."""
    images = draw(st.integers(9, 20))
    recipe = {
        "epochs": 2,
        "batch_size": draw(st.integers(4, 9)),
        "shards": draw(st.integers(2, 4)),
        "schedule": draw(st.sampled_from(["plateau", "cosine"])),
        "checkpoint_every": draw(st.sampled_from([0, 2])),
    }
    normalised = draw(st.booleans())
    recipe["sync_batch_norm"] = normalised and draw(st.booleans())
    last = draw(st.integers(1, recipe["shards"])), None
    return {
        "recipe": recipe,
        "images": images,
        "bad": draw(st.lists(st.integers(0, images - 1), max_size=3, unique=True)),
        "seed": draw(st.integers(0, 3)),
        "dropout": draw(st.sampled_from([0.0, 0.5])),
        "normalised": normalised,
        "parts": [
            *((min(n, recipe["shards"]), stop) for n, stop in draw(PARTS)),
            last,
        ],
    }


WHOLE_SHARD_BAD: dict[str, Any] = {
    "recipe": {"epochs": 2, "batch_size": 4, "shards": 4}, "images": 9, "bad": [0, 1, 2],
    "seed": 0, "dropout": 0.5, "normalised": True, "parts": [(3, 2), (1, 3), (4, None)],
}  # fmt: skip


SYNCHRONISED = WHOLE_SHARD_BAD | {
    "recipe": WHOLE_SHARD_BAD["recipe"] | {"sync_batch_norm": True}
}  # fmt: skip


@pytest.mark.usefixtures("one_thread")
@settings(max_examples=7)
@example(SYNCHRONISED)
@example(WHOLE_SHARD_BAD)
@given(cases())
def test_any_number_of_processes_and_any_stop_give_the_bits_of_one(
    server: Server, case: Case
) -> None:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "several"
        assert server.answer({**case, "out": str(out)}) == alone(case, Path(folder) / "one")


@pytest.mark.usefixtures("one_thread")
def test_one_log_and_one_checkpoint_are_those_of_one_process(
    server: Server, tmp_path: Path
) -> None:
    case = {**WHOLE_SHARD_BAD, "parts": [(2, None)]}
    server.answer({**case, "out": str(tmp_path / "two")})
    train(case, tmp_path / "one", None, ALONE)
    one, two = (load_state(tmp_path / name) for name in ("one", "two"))
    assert sorted(os.listdir(tmp_path / "two")) == sorted(os.listdir(tmp_path / "one"))
    assert one["unreadable"] == two["unreadable"] != {}
    for key in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "unreadable"):
        histories = [[line[key] for line in s["position"]["history"]] for s in (one, two)]
        assert histories[0] == histories[1], key


def test_more_processes_than_shards_are_refused(server: Server, tmp_path: Path) -> None:
    recipe = {**WHOLE_SHARD_BAD["recipe"], "shards": 3}
    case = {**WHOLE_SHARD_BAD, "recipe": recipe, "parts": [(4, None)], "out": str(tmp_path / "run")}
    assert "4 processes are more than the 3 shards" in server.answer(case)


def test_whole_batches_are_trained_by_one_process_alone(server: Server, tmp_path: Path) -> None:
    recipe = {**WHOLE_SHARD_BAD["recipe"], "shards": 0}
    case = {**WHOLE_SHARD_BAD, "recipe": recipe, "parts": [(4, None)], "out": str(tmp_path / "run")}
    assert "only a run in shards" in server.answer(case)


def ranks_of(launcher: int) -> list[int]:
    """The processes that a launcher started, through its proxy."""
    found = []
    for proxy in children(launcher):
        found += children(proxy)
    return sorted(found)


def children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def until(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait for a file of a training that goes on."""
    end = time.monotonic() + LONGEST
    while not path.is_file():
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.05)


def test_a_process_that_is_killed_ends_the_others_and_the_run_goes_on_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pictures(tmp_path / "data")
    options = [*NETWORK, "--shards", "2", "--checkpoint-every", "2", "--threads", "1"]
    options += ["--data", str(data)]
    out, once = tmp_path / "run", tmp_path / "once"
    endless = [*options, "--epochs", "1000", "--out", str(out)]
    command = [mpiexec(), "-n", "2", *ZFNET, "train", *endless]
    running = subprocess.Popen(
        command, cwd=ROOT, env=environment(), text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        until(out / CHECKPOINT, running)
        os.kill(ranks_of(running.pid)[-1], signal.SIGKILL)
        said, _ = running.communicate(timeout=LONGEST)
    finally:
        running.kill()
    assert running.returncode != 0
    assert "signal 9" in said
    epochs = str(load_state(out)["position"]["epoch"] + 1)
    assert zfnet(monkeypatch, "train", "--resume", "--out", out, "--epochs", epochs) == 0
    assert zfnet(monkeypatch, "train", *options, "--epochs", epochs, "--out", once) == 0
    assert digest(out) == digest(once)


def launched(*programs: list[str], **more: str) -> tuple[int, str]:
    """Status and output of mpiexec with programs of one process each."""
    command = [mpiexec()]
    for number, program in enumerate(programs):
        command += [*([":"] if number else []), "-n", "1", *program]
    run = subprocess.run(
        command, cwd=ROOT, env=environment(**more), text=True, capture_output=True, timeout=LONGEST
    )
    return run.returncode, " ".join((run.stdout + run.stderr).split())


def test_processes_that_would_compute_otherwise_are_refused_and_say_how(tmp_path: Path) -> None:
    first, second = pictures(tmp_path / "a"), pictures(tmp_path / "b", 9)
    common = [*ZFNET, "train", *NETWORK, "--out", str(tmp_path / "run"), "--shards", "2"]
    status, said = launched(
        [*common, "--data", str(first)], [*common, "--data", str(second), "--lr", "0.02"]
    )
    assert status == 2
    assert "the processes do not compute the same: process 1" in said
    for name in ("--lr 0.02 and not 0.01", "--data", "names and classes", "the network"):
        assert name in said
    assert "Traceback" not in said and "Abort" not in said
    assert not (tmp_path / "run").exists()


def test_a_process_that_fails_alone_says_so_and_ends_the_others(tmp_path: Path) -> None:
    data = pictures(tmp_path / "data")
    common = [*ZFNET, "train", *NETWORK, "--out", str(tmp_path / "run"), "--data", str(data)]
    status, said = launched([*common, "--shards", "2"], [*common, "--shards", "0"])
    assert status == 2
    assert "only a run in shards" in said
    assert "process 1 on" in said and "failed alone" in said
    assert "Traceback" not in said
