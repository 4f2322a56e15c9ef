"""Command line under an MPI launcher: rank 0 prints, and a process that fails alone ends all.

The others' output is kept back. Some commands all processes run, of others process 0 shares the
work; the rest run in one process alone. Where all processes fail alike, rank 0 says why, and all
end with its status. Where one fails alone, it says so under its name and ends all: otherwise they
would wait for its messages.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from zfnet.parallel.launch import Launch, launched

PATIENCE = 5.0
"""Seconds in which processes that fail alike have all failed."""
TOGETHER = ("train",)
"""Commands that every process runs."""
SHARED = (
    "evaluate", "features", "evolution", "first-layer", "layers", "transfer", "ablation", "check",
    "paper",
)  # fmt: skip
"""Commands that process 0 runs, whose work the others share (`zfnet/parallel/team.py`)."""


@contextmanager
def among_processes(arguments: Sequence[str]) -> Iterator[None]:
    """Around a command with these arguments; nothing changes in a process that was not launched."""
    launch = launched()
    if launch is None:
        yield
        return
    kept, leads = io.StringIO(), False
    with _silent(kept if launch.rank else None):
        try:
            with _sharing(_command(arguments, launch), launch) as leads:
                yield
        except SystemExit as end:
            if end.code and not leads:
                _end(end.code if isinstance(end.code, int) else 1, kept)
            raise
        except BaseException:
            traceback.print_exc()
            if not leads:
                _end(1, kept)
            raise SystemExit(1) from None


@contextmanager
def _silent(kept: io.StringIO | None) -> Iterator[None]:
    """What is printed goes into `kept`, if there is one."""
    if kept is None:
        yield
        return
    with redirect_stdout(io.StringIO()), redirect_stderr(kept):
        yield


def _command(arguments: Sequence[str], launch: Launch) -> str:
    """The command; exit with status 2 for one that does not run in several processes."""
    command = next((a for a in arguments if not a.startswith("-")), "")
    if launch.size > 1 and command and command not in TOGETHER + SHARED:
        print(
            f"zfnet: {launch.launcher} started {launch.size} processes, and `zfnet {command}` runs "
            f"in one alone; in several: zfnet {', '.join(TOGETHER + SHARED)}",
            file=sys.stderr,
        )
        raise SystemExit(2)
    return command


@contextmanager
def _sharing(command: str, launch: Launch) -> Iterator[bool]:
    """Around a command: process 0 runs it where its work is shared, and the others serve it.

    True in a process that leads others, which end with it.
    """
    if launch.size == 1 or command not in SHARED:
        yield False
        return
    from zfnet.cli.parallel import begin_sharing
    from zfnet.parallel import team

    try:
        world = begin_sharing()
    except ValueError as error:
        print(f"zfnet: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    if world.rank:
        team.serve(world)
        raise SystemExit(0)
    with team.leading(world):
        yield True


def _end(status: int, kept: io.StringIO) -> None:
    """Return if all processes fail; otherwise say whose failure it is, and end them."""
    from zfnet.parallel import world  # with NumPy, which `zfnet --help` does without

    if world.here.cache_info().currsize == 0:
        return  # MPI was not begun
    here = world.here()
    if not isinstance(here, world.Processes) or here.all_fail(PATIENCE):
        return
    alone = f"{here.name(here.rank)} failed alone, and ends the others\n"
    said = kept.getvalue().strip()
    os.write(2, f"{said}\n{alone}".encode() if said else alone.encode())
    here.abort(status)
