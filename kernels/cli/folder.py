"""`python -m kernels verify FOLDER`: each file in a process of its own, resumed after a kill.

The record of a run has an entry for each file, which is written as soon as the file is done. Run
again with the same record, the command verifies only files that it lacks, that have changed, or
that could not be tried.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue

from rich.table import Table
from rich.text import Text

from kernels.cli.interruption import interruptible
from kernels.cli.judged_file import CAUGHT, HELD, NOT_TRIED, Child, Judged, Settings
from kernels.storage.atomic import replacing
from kernels.terminal.progress import Task, console, progress_bars, say

EXPECTED = {None: HELD, "good": HELD, "bad": CAUGHT}
"""The outcome that each file should have, by --expect."""
MOST_WRITTEN = 90
"""Characters of a violation in the table."""


@dataclass(frozen=True)
class Order:
    """What to verify: the files, how, with so many processes at a time, and what is expected."""

    files: Sequence[Path]
    settings: Settings
    record: Path | None = None
    expect: str | None = None
    jobs: int = 1


def files_of(sources: Sequence[str]) -> list[Path]:
    """The Python files of folders, and the files that are named; ValueError if there are none."""
    found: list[Path] = []
    for source in map(Path, sources):
        if not source.exists():
            raise ValueError(f"{source}: there is no such file or folder")
        found += sorted(source.glob("*.py")) if source.is_dir() else [source]
    if not found:
        raise ValueError(f"there is no Python file in {', '.join(sources)}")
    return list(dict.fromkeys(found))


def verify_folder(order: Order) -> int:
    """Verify the files that the record lacks, print a table of all, return the exit status: 0 if
    every outcome is as expected, 1 if not, 2 if some could not be tried or the run was ended."""
    known = read_record(order.record) if order.record else {}
    done = {str(f): known[str(f)] for f in order.files if _is_done(f, known, order.settings)}
    left = [f for f in order.files if str(f) not in done]
    if done:
        say(f"{len(done)} of {len(order.files)} files are in {order.record}, {len(left)} are left")
    began = time.monotonic()
    with interruptible() as interrupted:
        _verify(left, order, done)
    found = [done[str(f)] for f in order.files if str(f) in done]
    console.print(_table(found, EXPECTED[order.expect]))
    return _conclude(found, order, bool(interrupted), time.monotonic() - began)


def _is_done(file: Path, known: dict[str, Judged], settings: Settings) -> bool:
    entry = known.get(str(file))
    return entry is not None and entry.outcome != NOT_TRIED and entry.stamp == settings.stamp(file)


def _verify(left: Sequence[Path], order: Order, done: dict[str, Judged]) -> None:
    """Adds the result of each file to `done` and to the record; ends the processes in any case."""
    children = [Child(file, order.settings) for file in left]
    pool = ThreadPoolExecutor(order.jobs)
    began = time.monotonic()
    futures = [pool.submit(child.judged) for child in children]
    ended: SimpleQueue[Future[Judged]] = SimpleQueue()
    for future in futures:
        future.add_done_callback(ended.put)
    try:
        with progress_bars() as bars:
            task = Task(bars, "verifying", len(left)) if bars else None
            for count in range(1, len(left) + 1):
                judged = ended.get().result()
                done[judged.file] = judged
                if order.record is not None:
                    write_record(order.record, read_record(order.record) | {judged.file: judged})
                seconds = (time.monotonic() - began) / count * (len(left) - count)
                say(_line(judged, count, len(left), seconds))
                if task is not None:
                    task.update(count, note=Path(judged.file).name)
    finally:
        _stop(pool, futures, children)


def _stop(
    pool: ThreadPoolExecutor, futures: Sequence[Future[Judged]], children: Sequence[Child]
) -> None:
    for future in futures:
        future.cancel()
    for child in children:
        child.stop()
    pool.shutdown()


def _line(judged: Judged, count: int, total: int, left: float) -> str:
    by = f" by {judged.property}" if judged.property else ""
    return (
        f"{count}/{total} {judged.file}: {judged.outcome}{by}, {judged.seconds:.0f} s; "
        f"about {left / 60:.0f} min left"
    )


def _table(found: Sequence[Judged], expected: str) -> Table:
    """A row for each file; outcomes that were not expected are red."""
    table = Table("file", "outcome", "property", "seconds", "what")
    for judged in found:
        style = "green" if judged.outcome == expected else "bold red"
        what = judged.reason if len(judged.reason) <= MOST_WRITTEN else (
            judged.reason[: MOST_WRITTEN - 3] + "..."
        )  # fmt: skip
        cells = Path(judged.file).name, judged.outcome, judged.property, f"{judged.seconds:.0f}"
        table.add_row(*(Text(c, style if c == judged.outcome else "") for c in cells), Text(what))
    return table


def _conclude(found: Sequence[Judged], order: Order, interrupted: bool, seconds: float) -> int:
    """The counts and the unexpected outcomes in words, and the exit status."""
    expected = EXPECTED[order.expect]
    others = [j for j in found if j.outcome != expected]
    for judged in others if order.expect else ():
        say(f"not as expected: {judged.file} was {judged.outcome} {judged.reason}".rstrip())
    counts = ", ".join(
        f"{sum(j.outcome == outcome for j in found)} {outcome}"
        for outcome in (HELD, CAUGHT, NOT_TRIED)
    )
    how = f"profile {order.settings.profile}, seed {order.settings.seed}, {seconds:.0f} s"
    say(f"{len(found)} of {len(order.files)} files: {counts} ({how})")
    if interrupted:
        again = f"; the same command goes on from {order.record}" if order.record else ""
        say(f"interrupted{again}")
    if interrupted or any(j.outcome == NOT_TRIED for j in found):
        return 2
    return 1 if others else 0


def read_record(path: Path) -> dict[str, Judged]:
    """The entries of a record by file; none if there is no record. ValueError for another file."""
    if not path.exists():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {file: Judged(**entry) for file, entry in entries.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a record of this command: {error}") from error


def write_record(path: Path, entries: dict[str, Judged]) -> None:
    """Writes one line for each file, beside the record, and renames it."""
    lines = (f"{json.dumps(file)}: {json.dumps(asdict(entries[file]))}" for file in sorted(entries))
    with replacing(path) as beside:
        beside.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
