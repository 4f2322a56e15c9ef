"""Progress with remaining time: a bar on a terminal, lines at intervals elsewhere."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from kernels.terminal.printable import printable

console = Console()


def say(message: str) -> None:
    """Prints a line without wrapping it; what would control the terminal is escaped."""
    console.print(printable(message, "\n"), highlight=False, soft_wrap=True, markup=False)


SECONDS_BETWEEN_LINES = 15.0


def say_skipped(bad: dict[str, str], shown: int = 5) -> None:
    """Prints the first unreadable images and the number of all; nothing if there are none."""
    for title, reason in list(bad.items())[:shown]:
        say(f"skipped {title}: {reason}")
    if bad:
        say(f"{len(bad)} unreadable image{'s' if len(bad) > 1 else ''} skipped in all")


class Task:
    """One bar: `advance` moves it, `note` sets the text beside it."""

    def __init__(self, progress: Progress | None, title: str, total: int) -> None:
        self._progress, self._title, self._total = progress, title, total
        self._bar = progress.add_task(title, total=total, note="") if progress else None
        self._began = self._said = time.monotonic()
        self._first: int | None = None  # done before, in a run that is resumed

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        """`done` of `total` is finished; `note` is shown beside the bar."""
        self._total = total or self._total
        self._first = done if self._first is None else self._first
        if self._progress is not None and self._bar is not None:
            self._progress.update(self._bar, completed=done, total=self._total, note=note)
        elif time.monotonic() - self._said > SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            left = (self._said - self._began) * (self._total - done) / max(done - self._first, 1)
            say(f"{self._title} {done}/{self._total}  {note}  {left:.0f} s left")


@contextmanager
def progress_bars() -> Iterator[Progress | None]:
    """Bars on a terminal, None elsewhere (a `Task` then prints lines)."""
    if not console.is_terminal:
        yield None
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        yield progress


STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""Exit statuses of a command that a signal ended, as shells have them: 128 and its number."""


@contextmanager
def stop_on_interrupt() -> Iterator[list[int]]:
    """A list that is not empty after Ctrl-C or SIGTERM: the numbers of the signals.

    A second Ctrl-C interrupts. A second SIGTERM changes nothing, since Slurm and Kubernetes send
    several. `stop_status` has the exit status.
    """
    received: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not received:
            again = "; once more to stop at once" if number == signal.SIGINT else ""
            with suppress(RuntimeError):  # the signal came while a line was printed
                say(f"\nstopping after this step{again}")
        received.append(number)

    before = {number: signal.signal(number, handler) for number in STATUS}
    try:
        yield received
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def stop_status(received: Sequence[int]) -> int:
    """The exit status of a command that these signals stopped: 143 after SIGTERM, else 130."""
    return STATUS[signal.SIGTERM if signal.SIGTERM in received else signal.SIGINT]


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """Within it SIGTERM ends the process with status 143, after its cleaning up (`finally`)."""

    def handler(number: int, frame: FrameType | None) -> None:
        os.write(2, b"ended by SIGTERM\n")
        sys.exit(STATUS[signal.SIGTERM])

    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
