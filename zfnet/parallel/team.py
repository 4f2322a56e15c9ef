"""Work of a command that process 0 runs and the other processes share: `shared`, item by item.

Process 0 runs the command as a process alone does: it reads, decides and writes. The others
`serve`: they wait for work, compute their items of it, and send the results. Of n processes,
process r has the items r, r + n, r + 2 n, ..., and process 0 takes the results in the order of the
items, so that nothing depends on when a message came. Work is sent pickled, between processes of
one user.

A stop and an error reach all: process 0 tells the others, whoever computes for long asks
`stop_asked`, and each answers with its end before anything else is shared.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar

from kernels.terminal.progress import say
from zfnet.parallel.world import Elsewhere, Processes, waited
from zfnet.signals import Stopped

Result = TypeVar("Result")
Given = TypeVar("Given", covariant=True)
Report = Callable[[str, int, int], None]
WORK, STOP, ITEM, END, FAILED = 2, 3, 4, 5, 6
"""Tags of messages: to the others work or a stop; from them a result, the end, or an error."""
IN_FLIGHT = 4
"""Results of a process that may be on their way."""
STOPS = (Stopped, KeyboardInterrupt, SystemExit)


class Work(Protocol[Given]):
    """What is shared, pickled for the others."""

    def __call__(self, items: range, report: Report) -> Iterator[Given]:
        """The results of these items, one for each, in order. report: title, done, total."""
        ...


def shared(work: Work[Result], count: int, report: Report) -> Generator[Result, None, None]:
    """The results of the items 0 to count - 1 in order; the processes of a team share them.

    report: of process 0's own items. Closing the iterator stops the others. An error is that of the
    first item that has one, as in one process; the process that had it is named.
    """
    if _member is None or _member.busy:
        yield from work(range(count), report)
    else:
        yield from _member.lead(work, count, report)


def stop_asked() -> bool:
    """Whether this process should leave its items: another one failed, or was stopped."""
    return _member is not None and _member.stop_asked()


def members() -> int:
    """Processes that would share what is shared now; 1 without a team, and within shared work."""
    return 1 if _member is None or _member.busy else _member.world.size


def sharing() -> bool:
    """Whether work is shared among several processes now."""
    return _member is not None and bool(_member.open)


@contextmanager
def leading(world: Processes) -> Iterator[None]:
    """Within it process 0 shares work; the others `serve` at the same time."""
    global _member
    _member = _Member(world)
    try:
        yield
    finally:
        _member.dismiss()
        _member = None


def serve(world: Processes) -> None:
    """Compute what process 0 asks for, until it needs nothing more."""
    global _member
    _member = _Member(world)
    _member.serve()
    _member = None


class _Member:
    """This process in a team. busy: it shares something already, or computes what is shared."""

    def __init__(self, world: Processes) -> None:
        self.world, self.comm = world, world.comm.Dup()
        self.busy, self._number, self._stopped = False, 0, False
        self.open: set[int] = set()

    def lead(self, work: Work[Result], count: int, report: Report) -> Generator[Result, None, None]:
        """Share work, as process 0."""
        size, self._number, self.busy = self.world.size, self._number + 1, True
        others, packed = range(1, size), pickle.dumps(work)
        sent = [
            self.comm.isend((self._number, packed, range(rank, count, size)), rank, WORK)
            for rank in others
        ]
        self.open = open_ = set(others)
        try:
            own = iter(work(range(0, count, size), report))
            for item in range(count):
                rank = item % size
                yield self._received(rank, open_) if rank else next(own)
        except BaseException as error:
            found = self._stop(open_)
            if isinstance(error, Stopped):  # perhaps because another one had failed
                for other in found:
                    if not isinstance(other, STOPS):
                        raise other from None
            raise
        else:
            self._drain(open_)
        finally:
            self.busy = False
            waited(lambda: all(request.Test() for request in sent))

    def _received(self, rank: int, open_: set[int]) -> Any:
        """The next result of a process; raises its error."""
        tag, found = self._message(rank)
        if tag == ITEM:
            return found
        open_.discard(rank)
        if tag == FAILED:
            if not isinstance(found, STOPS):
                say(f"{self.world.name(rank)} cannot go on:")
            raise found
        raise AssertionError(f"{self.world.name(rank)} ended before its last item")

    def _message(self, rank: int) -> tuple[int, Any]:
        """The next message of a process, with its tag."""
        while True:
            waited(lambda: self.comm.iprobe(rank))
            last = next((tag for tag in (END, FAILED) if self.comm.iprobe(rank, tag)), ITEM)
            # The results in front of the last message have come before it.
            tag = ITEM if self.comm.iprobe(rank, ITEM) else last
            if self.comm.iprobe(rank, tag):
                return tag, self.comm.recv(source=rank, tag=tag)

    def _stop(self, open_: set[int]) -> list[BaseException]:
        """Stop those that have not ended; their errors."""
        for rank in open_:
            self.comm.send(self._number, rank, STOP)
        return self._drain(open_)

    def _drain(self, open_: set[int]) -> list[BaseException]:
        """Wait for the ends; errors by rank."""
        found: list[BaseException] = []
        for rank in sorted(open_):
            tag: int = ITEM
            message: Any = None
            while tag == ITEM:
                tag, message = self._message(rank)
            if tag == FAILED:
                found.append(message)
        open_.clear()
        return found

    def stop_asked(self) -> bool:
        if self.world.rank == 0:
            return any(self.comm.iprobe(rank, FAILED) for rank in range(1, self.world.size))
        while self.comm.iprobe(0, STOP):
            if self.comm.recv(source=0, tag=STOP) == self._number:  # not one that came too late
                self._stopped = True
        return self._stopped

    def serve(self) -> None:
        while True:
            with suppress(KeyboardInterrupt, SystemExit):  # process 0 decides what a signal ends
                waited(lambda: self.comm.iprobe(0, WORK))
            if not self.comm.iprobe(0, WORK):
                continue
            task = self.comm.recv(source=0, tag=WORK)
            if task is None:
                return
            self._answer(*task)

    def _answer(self, number: int, packed: bytes, items: range) -> None:
        """Compute these items, and send their results, and an end."""
        self._number, self._stopped, self.busy = number, False, True
        pending: list[Any] = []

        def few() -> bool:
            pending[:] = [request for request in pending if not request.Test()]
            return len(pending) < IN_FLIGHT or self.stop_asked()

        tag, last = END, None
        try:
            for result in pickle.loads(packed)(items, _quiet):
                pending.append(self.comm.isend(result, 0, ITEM))
                waited(few)
                if self.stop_asked():
                    break
        except BaseException as error:
            tag, last = FAILED, _sendable(error)
        pending.append(self.comm.isend(last, 0, tag))
        waited(lambda: all(request.Test() for request in pending))
        self.busy = False

    def dismiss(self) -> None:
        """Nothing more will be shared; what still is, is stopped."""
        self._stop(self.open)
        for rank in range(1, self.world.size):
            self.comm.send(None, rank, WORK)


_member: _Member | None = None


def _quiet(title: str, done: int, total: int) -> None:
    """Progress of a process that does not speak."""


def _sendable(error: BaseException) -> BaseException:
    """The error itself, if it can be pickled; else its sentence."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return Elsewhere(str(error), type(error).__name__)
    return error
