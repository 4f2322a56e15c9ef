"""Commands and cases of shared work in the processes of one mpiexec.

    mpiexec -n 2 python -m tests.zfnet.shared_work FILE

FILE has the commands, lists of arguments, in JSON; each is run as the console script runs it. Then
come the cases below. Process 0 prints a line of JSON with the status and the output of each command
and the results of the cases.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import minidl
from zfnet.cli import main
from zfnet.parallel import team, world
from zfnet.parallel.team import Report, shared, stop_asked
from zfnet.signals import Stopped


def run(arguments: list[str]) -> tuple[int, str]:
    """Status and output of a command."""
    sys.argv = ["zfnet", *arguments]
    out, status = io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(out):
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
    return status, out.getvalue()


@dataclass(frozen=True)
class Squares:
    """Squares of the items; `bad` of them cannot be had, from `endless` on all last for ever."""

    bad: tuple[int, ...] = ()
    endless: int = 1000

    def __call__(self, items: range, report: Report) -> Iterator[int]:
        for item in items:
            if item in self.bad:
                raise LookupError(f"no square of {item}")
            while item >= self.endless:
                time.sleep(1e-3)
                if stop_asked():
                    raise Stopped(f"stopped at {item}", 130)
            yield item * item


@dataclass(frozen=True)
class Nested:
    """Work that shares work itself: its process computes that alone."""

    def __call__(self, items: range, report: Report) -> Iterator[list[int]]:
        for item in items:
            yield list(shared(Squares(), item, report))


def outcome(call: Callable[[], Any]) -> Any:
    """A result, or the error's kind and words."""
    try:
        return call()
    except (LookupError, Stopped) as error:
        return f"{type(error).__name__}: {error}"


def first(count: int, work: Squares) -> list[int]:
    """The first results of many; the others are given up."""
    with closing(shared(work, 1000, ignored)) as results:
        return [next(results) for _ in range(count)]


def ignored(title: str, done: int, total: int) -> None:
    """No progress is shown."""


def cases() -> dict[str, Any]:
    """What process 0 shares, one after the other: nothing of one is left for the next."""

    def squares(count: int, **options: Any) -> Any:
        return outcome(lambda: list(shared(Squares(**options), count, ignored)))

    return {
        "none": squares(0),
        "one": squares(1),
        "seven": squares(7),
        "first of many": outcome(lambda: first(3, Squares())),
        "given up while others compute": outcome(lambda: first(3, Squares(endless=3))),
        "bad in another": squares(6, bad=(3, 4)),
        "bad here": squares(6, bad=(2,)),
        "bad in another, while this one computes": squares(6, bad=(1,), endless=2),
        "nested": outcome(lambda: list(shared(Nested(), 3, ignored))),
        "again": squares(3),
    }


def answer(commands: list[list[str]]) -> None:
    minidl.set_num_threads(1)
    here = world.here()
    assert isinstance(here, world.Processes)
    done = [run(arguments) for arguments in commands]
    if here.rank:
        team.serve(here)
        return
    with team.leading(here), redirect_stdout(io.StringIO()) as said:
        found = cases()
    print(json.dumps({"commands": done, "cases": found, "said": said.getvalue()}), flush=True)


if __name__ == "__main__":
    answer(json.loads(Path(sys.argv[1]).read_text("utf-8")))
