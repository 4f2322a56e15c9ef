"""Files and folders that outlive a crash: replacement, what killed writers leave, locks."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kernels.storage import atomic, folders
from kernels.storage.atomic import replacing, sweep, temporaries, writing_into
from kernels.storage.folders import FolderInUse, FolderRemoved, holder_of, in_use
from kernels.storage.sealed import require_sealed_xml, sealed, sealed_xml, unsealed

pytestmark = pytest.mark.quick


def forked(work: Callable[[], None]) -> int:
    """The process that does some work and ends."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except FolderInUse:
        os._exit(2)
    except BaseException:
        os._exit(3)


def status(child: int) -> int:
    """How it ended: its exit status, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_while_writing(file: Path) -> None:
    def work() -> None:
        with replacing(file) as beside:
            beside.write_bytes(b"half")
            killed()

    assert status(forked(work)) == -signal.SIGKILL


def waits_until(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_a_killed_writer_left_is_removed_at_the_next_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    killed_while_writing(tmp_path / "file")
    assert len(temporaries(tmp_path)) == 1
    assert (tmp_path / "file").read_bytes() == b"old"
    with replacing(tmp_path / "other") as beside:
        beside.write_bytes(b"new")
    assert sorted(os.listdir(tmp_path)) == ["file", "other"]


def test_what_a_killed_writer_left_is_removed_when_the_folder_is_held_again(tmp_path: Path) -> None:
    (tmp_path / "epochs").mkdir()
    killed_while_writing(tmp_path / "epochs" / "file")
    killed_while_writing(tmp_path / "file")
    with writing_into(tmp_path):
        assert temporaries(tmp_path) == temporaries(tmp_path / "epochs") == []


def test_the_file_of_a_living_writer_is_kept(tmp_path: Path) -> None:
    with replacing(tmp_path / "file") as beside:
        beside.write_bytes(b"whole")
        assert sweep(tmp_path) == []
        child = forked(lambda: os._exit(len(sweep(tmp_path))))
        assert status(child) == 0
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_files_of_others_are_kept(tmp_path: Path) -> None:
    names = [".minidl-abc.tmp", ".model.safetensors.x7k2m1aa", "a.tmp", ".minidl-0123456789abcdef"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / ".minidl-0123456789abcdef.tmp").mkdir()
    sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([*names, ".minidl-0123456789abcdef.tmp"])


def test_the_file_is_flushed_before_the_rename_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def note_sync(descriptor: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        sync(descriptor)

    def note_replace(source: Path, target: Path) -> None:
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_replace)
    with replacing(tmp_path / "file") as beside:
        beside.write_bytes(b"x")
    assert done == ["file", "rename", "folder"]


@pytest.mark.parametrize("name", [b"x" * 255, b"\xff\xfe", "ü".encode() * 127, b".minidl-a.tmp"])
def test_whatever_a_file_system_can_name_is_written(tmp_path: Path, name: bytes) -> None:
    file = tmp_path / os.fsdecode(name)
    with replacing(file) as beside:
        beside.write_bytes(b"x")
    assert os.listdir(os.fsencode(tmp_path)) == [name]


@pytest.mark.parametrize("filename", [None, "beside"])
def test_an_error_names_the_file_that_was_to_be_written(
    tmp_path: Path, filename: str | None
) -> None:
    with pytest.raises(OSError, match="No space") as caught, replacing(tmp_path / "file") as beside:
        raise OSError(errno.ENOSPC, "No space left", str(beside) if filename else None)
    assert caught.value.filename == str(tmp_path / "file")
    assert os.listdir(tmp_path) == []


def test_an_error_of_the_folders_flush_is_not_swallowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def fail(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EIO, "Input/output error")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"), replacing(tmp_path / "file") as beside:
        beside.write_bytes(b"x")


def test_a_held_folder_is_refused_to_another_process_which_is_told_of_the_first(
    tmp_path: Path,
) -> None:
    run = tmp_path / "a" / "run"
    with in_use(run):
        assert status(forked(lambda: in_use(run).__enter__())) == 2
        assert f"process {os.getpid()} on " in str(holder_of(run))
    assert holder_of(tmp_path) is None
    assert os.listdir(tmp_path) == []  # folders that stayed empty


def test_the_message_names_the_folder_and_the_process(tmp_path: Path) -> None:
    def hold() -> None:
        with in_use(tmp_path):
            (tmp_path / "held").touch()
            time.sleep(60)

    child = forked(hold)
    waits_until(tmp_path / "held")
    with pytest.raises(FolderInUse) as caught, in_use(tmp_path):
        pass
    os.kill(child, signal.SIGKILL)
    assert status(child) == -signal.SIGKILL
    assert f"{tmp_path} is in use by process {child} on" in str(caught.value)
    with in_use(tmp_path):  # the system has released it
        pass


def test_a_child_that_outlives_its_parent_does_not_hold_the_parents_folder(tmp_path: Path) -> None:
    def hold() -> None:
        with in_use(tmp_path):
            grandchild = forked(lambda: time.sleep(60))
            (tmp_path / str(grandchild)).touch()
            killed()

    assert status(forked(hold)) == -signal.SIGKILL
    (grandchild,) = (int(name) for name in os.listdir(tmp_path) if name.isdecimal())
    try:
        with in_use(tmp_path):
            pass
    finally:
        os.kill(grandchild, signal.SIGKILL)


def test_of_processes_that_start_at_the_same_moment_one_holds_the_folder(tmp_path: Path) -> None:
    run, go, end = tmp_path / "run", tmp_path / "go", tmp_path / "end"

    def hold() -> None:
        while not go.exists():
            pass
        with in_use(run):
            waits_until(end)

    children = {forked(hold) for _ in range(5)}
    time.sleep(0.2)
    go.touch()
    refused = dict(os.wait() for _ in range(4))
    end.touch()
    assert refused.keys() < children
    assert [os.waitstatus_to_exitcode(code) for code in refused.values()] == [2, 2, 2, 2]
    (holder,) = children - refused.keys()
    assert status(holder) == 0
    assert not run.exists() or os.listdir(run) == []  # it goes with its holder if that made it


def test_the_same_thread_may_hold_a_folder_again_and_gives_it_back_once(tmp_path: Path) -> None:
    with in_use(tmp_path):
        with in_use(tmp_path / "." / ""):
            pass
        assert (tmp_path / folders.LOCK).exists()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("anew", [False, True], ids=["removed", "replaced"])
def test_a_folder_that_is_removed_while_it_is_held_is_not_made_anew(
    tmp_path: Path, anew: bool
) -> None:
    run = tmp_path / "run"
    with in_use(run):
        shutil.rmtree(run)
        if anew:
            run.mkdir()
        for file in (run / "file", run / "epochs" / "file"):
            with pytest.raises(FolderRemoved, match="run was removed"), replacing(file):
                pass
    assert not anew or os.listdir(run) == []
    assert anew or not run.exists()


def test_a_file_is_not_taken_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="file is a file"), in_use(tmp_path / "file"):
        pass


def test_a_file_system_without_locks_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(folders.fcntl, "flock", without)
    with pytest.warns(UserWarning, match="no locks"), in_use(tmp_path):
        with replacing(tmp_path / "file") as beside:
            beside.write_bytes(b"x")
        assert atomic.sweep(tmp_path) == []
    assert (tmp_path / "file").read_bytes() == b"x"


@pytest.mark.parametrize("flip", [1, 32, 255])
def test_a_sealed_text_is_whole_to_the_last_byte(flip: int) -> None:
    table = {"conv2d, 2 threads": "winograd", "a": "b"}
    text = sealed(table)
    assert unsealed(text) == table
    drawing = sealed_xml("<svg>\n</svg>\n")
    require_sealed_xml(drawing)
    for whole, judge in ((text, unsealed), (drawing, require_sealed_xml)):
        for at in range(len(whole)):
            changed = chr(ord(whole[at]) ^ flip)
            with pytest.raises(ValueError, match=r"."):
                judge(whole[:at] + changed + whole[at + 1 :])


def test_a_table_without_a_checksum_is_read() -> None:
    assert unsealed('{"a": "b"}') == {"a": "b"}
    with pytest.raises(ValueError, match="an object"):
        unsealed("[]")
