"""The command `zfnet look`, and the jobs of its server."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from zfnet.cli import main
from zfnet.look.engine import Engine, Job, Stale
from zfnet.look.frames import Frame, decoded
from zfnet.look.server import listening


def test_a_frame_is_read_as_it_was_written() -> None:
    arrays = {
        "a": np.arange(5, dtype=np.uint8),
        "b": np.arange(6.0).reshape(2, 3),
        "c": np.zeros((0, 4), np.int32),
    }
    body = Frame({"x": np.float32(np.nan), "y": [np.int64(3)]}, arrays).encoded()
    header, found = decoded(body)
    assert header == {"x": None, "y": [3]}
    assert found["b"].dtype == np.float32
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_newer_job_of_a_channel_makes_the_older_ones_stale() -> None:
    engine, gate, computed = Engine(), threading.Event(), list[int]()

    def first(job: Job) -> None:
        gate.wait(30)
        job.check()

    a, _ = engine.submit(first, "x")
    engine.start()
    b, _ = engine.submit(lambda job: computed.append(1), "x")
    other, _ = engine.submit(lambda job: computed.append(2), "y")
    c, _ = engine.submit(lambda job: computed.append(3), "x")
    gate.set()
    c.result(30)
    assert isinstance(a.exception(30), Stale) and isinstance(b.exception(30), Stale)
    assert other.result(30) is None and computed == [2, 3]
    engine.stop()


def test_a_long_job_lets_others_go_first_and_ends_when_it_is_stale() -> None:
    engine, gate, done = Engine(), threading.Event(), list[str]()

    def long(job: Job) -> None:
        gate.wait(30)
        for n in range(3):
            job.give_way()
            done.append(f"long {n}")

    def nested(job: Job) -> None:
        job.give_way()  # (in a job that another one let go first nobody goes before it)
        done.append("click")

    a, _ = engine.submit(long, "rules")
    engine.start()
    click, _ = engine.submit(nested, "click")
    after, _ = engine.submit(lambda job: done.append("after"), "other")
    gate.set()
    assert a.result(30) is None and click.result(30) is None and after.result(30) is None
    assert done == ["click", "after", "long 0", "long 1", "long 2"]
    gate.clear()
    done.clear()
    old, _ = engine.submit(long, "rules")
    new, _ = engine.submit(lambda job: done.append("new"), "rules")
    gate.set()
    assert new.result(30) is None and isinstance(old.exception(30), Stale) and done == ["new"]
    engine.stop()


def test_background_work_gives_way_and_one_that_fails_ends_alone() -> None:
    engine, seen, started = Engine(), list[str](), threading.Event()

    def failing() -> Iterator[None]:
        yield
        raise ValueError("torn")

    def counting() -> Iterator[None]:
        for _ in range(3):
            seen.append("step")
            yield
        started.set()

    engine.background(failing())
    engine.background(counting())
    engine.start()
    assert started.wait(30)
    future, _ = engine.submit(lambda job: "answer")
    assert future.result(30) == "answer" and seen == ["step"] * 3
    engine.stop()


def test_answers_are_sent_at_once() -> None:
    """Without this option the body of an answer waits for the acknowledgement of its header."""
    found = list[int]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent_on = writer.get_extra_info("socket")
        found.append(sent_on.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def one_connection() -> None:
        bound = listening()
        async with await asyncio.start_server(connected, sock=bound):
            reader, writer = await asyncio.open_connection(*bound.getsockname())
            await reader.read()
            writer.close()

    asyncio.run(one_connection())
    assert len(found) == 1 and found[0] != 0


def test_the_command_ends_cleanly_by_ctrl_c() -> None:
    script = "from zfnet.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", script, "look", "--no-browser"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = list[str]()
        while not said or "http://127.0.0.1:" not in said[-1]:
            said.append(process.stdout.readline())
            assert said[-1], said  # (it has ended)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in rest


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "no file or folder nowhere"),
        (["--model", "nowhere"], "no network at nowhere"),
        (["--model", "a", "--model", "b", "--model", "c"], "two networks"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    monkeypatch.setattr(sys, "argv", ["zfnet", "look", "--no-browser", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and sentence in capsys.readouterr().err
