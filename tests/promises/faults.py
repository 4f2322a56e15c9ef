"""Every storage call of a training failed in turn, once and for ever, and killed in turn.

Afterwards the command has ended with one sentence, or the run is whole; what files there are can
be read; and the next start finishes the run, to the bits of an uninterrupted one, and leaves no
temporary file. The same with the calls of a resumed training.
"""

from __future__ import annotations

import errno
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.promises.part import Part, Trial
from tests.promises.training import Bench, broken_by_ending, broken_by_files, differences
from tests.promises.warm import Fault, Warm

STARTS = "new", "resumed"
CODES = "EIO", "ENOSPC", "EACCES"
MODES = [f"{mode}-{code}" for mode in ("once", "ever") for code in CODES] + ["kill"]


@contextmanager
def opened(folder: Path) -> Iterator[Trial]:
    with Warm() as warm:
        bench = Bench.prepared(warm, folder)
        yield Trial(cases(bench), lambda case: judged(bench, case))


def cases(bench: Bench) -> list[str]:
    """new-17-once-EIO: the 17th call of a new run fails once."""
    return [
        f"{start}-{number}-{mode}"
        for start in STARTS
        for number in range(1, len(traced(bench, start)) + 1)
        for mode in MODES
    ]


def judged(bench: Bench, case: str) -> list[str]:
    """What a fault broke."""
    start, number, mode, *code = case.split("-")
    out = begun(bench, start)
    fault = Fault(str(out), int(number), mode, getattr(errno, code[0]) if code else 0)
    ended = bench.train(out, fault)
    killed = mode == "kill" and ended.status == -signal.SIGKILL
    found = [] if killed else broken_by_ending(ended, out, bench.whole)
    found += broken_by_files(out) if out.exists() else []
    found += [f"afterwards {each}" for each in finished(bench, out)]
    shutil.rmtree(out, ignore_errors=True)
    return found


def finished(bench: Bench, out: Path) -> list[str]:
    """What is wrong with the run after the next start."""
    ended = bench.train(out)
    if ended.status:
        return [f"the next start ends with status {ended.status}: {ended.said[-400:]!r}"]
    return differences(out, bench.whole)


def begun(bench: Bench, start: str) -> Path:
    """The folder of a run: new, or one that was killed between two renames of its middle."""
    out = bench.fresh()
    if start == "resumed":
        half = bench.folder / "half"
        if not half.exists():
            calls = traced(bench, "new")
            bench.train(half, Fault(str(half), len(calls) // 2, "kill"))
        shutil.copytree(half, out)
    return out


def traced(bench: Bench, start: str) -> list[tuple[str, Path, str]]:
    """The storage calls of a run without faults: name, path, and the source of a rename."""
    out, trace = begun(bench, start), bench.folder / "trace.txt"
    trace.unlink(missing_ok=True)
    ended = bench.train(out, Fault(str(out), trace=str(trace)))
    if ended.status:
        raise RuntimeError(f"the run to trace failed: {ended.said}")
    shutil.rmtree(out)
    lines = (line.split("\t") for line in trace.read_text().splitlines())
    return [(call, Path(path), source) for _, call, path, source in lines]


FAULTS = Part("faults", "a storage call of a training fails, or the process dies in it", opened)
