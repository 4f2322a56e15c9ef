"""Engine thread: the one thread on which all views compute.

Requests of one channel replace each other: only the newest is computed. A long job lets those that
wait go first, at points of its own (`Job.give_way`). Between requests, and only then, background
work goes on, one step at a time.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from kernels.terminal.progress import say
from kernels.terminal.sentences import shortened

IDLE = 0.5
"""Seconds without a request after which background work goes on."""
CHANNELS = 4096
"""Channels that are remembered; the oldest is forgotten."""


class Stale(Exception):
    """The job was replaced by a newer one of its channel, or the engine stops."""


class Job:
    """One computation for a request."""

    def __init__(self, engine: Engine, channel: str, number: int) -> None:
        self._engine, self._channel, self._number = engine, channel, number
        self._cancelled = False

    def cancel(self) -> None:
        """Nobody waits for it any more."""
        self._cancelled = True

    @property
    def stale(self) -> bool:
        """Whether nobody waits for it any more."""
        newest = self._engine.is_newest(self._channel, self._number)
        return self._cancelled or self._engine.stopping or not newest

    def check(self) -> None:
        """Stale if nobody waits for it any more."""
        if self.stale:
            raise Stale

    def give_way(self) -> None:
        """Compute the jobs that wait; then Stale if nobody waits for this one any more.

        For a long job between two of its steps. Only on the engine's thread.
        """
        self.check()
        self._engine.others_first()
        self.check()


class Engine:
    """A thread that computes jobs in order, and background work where there are none."""

    def __init__(self) -> None:
        self.stopping = False
        self._work = threading.Condition()
        self._jobs: deque[tuple[Job, Callable[[Job], Any], Future[Any]]] = deque()
        self._background: deque[Iterator[None]] = deque()
        self._newest: dict[str, int] = {}
        self._count = 0
        self._last = -math.inf
        self._inside = False  # a job gave way, and those that waited are computed
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """End after the step that is computed; jobs that wait are stale."""
        with self._work:
            self.stopping = True
            self._work.notify()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def submit(self, compute: Callable[[Job], Any], channel: str = "") -> tuple[Future[Any], Job]:
        """Compute(job) on the thread; jobs of the same channel before it are stale.

        channel: "" is no channel: the job replaces none.
        """
        found: Future[Any] = Future()
        with self._work:
            self._count += 1
            if channel:
                self._newest.pop(channel, None)
                self._newest[channel] = self._count
                if len(self._newest) > CHANNELS:
                    del self._newest[next(iter(self._newest))]
            job = Job(self, channel, self._count)
            self._jobs.append((job, compute, found))
            self._work.notify()
        return found, job

    def background(self, steps: Iterator[None]) -> None:
        """Go through `steps` while no job waits."""
        with self._work:
            self._background.append(steps)
            self._work.notify()

    def others_first(self) -> None:
        """Compute all jobs that wait, within one that gives way; within one of these, none."""
        if self._inside:
            return
        self._inside = True
        try:
            while self._jobs and not self.stopping:
                with self._work:
                    job = self._jobs.popleft()
                _compute(*job)
        finally:
            self._inside = False

    def is_newest(self, channel: str, number: int) -> bool:
        return not channel or self._newest.get(channel) == number

    def _run(self) -> None:
        while True:
            with self._work:
                while not (self._jobs or self.stopping or self._may_go_on()):
                    self._work.wait(IDLE if self._background else None)
                if self.stopping:
                    break
                job = self._jobs.popleft() if self._jobs else None
            if job is not None:
                _compute(*job)
                self._last = time.monotonic()
            else:
                self._step()
        self._end()

    def _may_go_on(self) -> bool:
        """Whether there is background work, and nobody asked for anything within IDLE seconds: the
        next click would wait for its step."""
        return bool(self._background) and time.monotonic() - self._last >= IDLE

    def _step(self) -> None:
        """One step of the background work; work that is done, or fails, is dropped."""
        steps = self._background[0]
        try:
            next(steps)
        except StopIteration:
            self._background.remove(steps)
        except Exception as error:  # (of one view; the others go on)
            self._background.remove(steps)
            say(f"background work ended: {shortened(error)}")

    def _end(self) -> None:
        while self._jobs:
            self._jobs.popleft()[2].set_exception(Stale())
        for steps in self._background:
            close = getattr(steps, "close", None)
            if close is not None:
                close()  # (a generator writes what it has)


def _compute(job: Job, compute: Callable[[Job], Any], found: Future[Any]) -> None:
    if not found.set_running_or_notify_cancel():
        return
    try:
        job.check()
        found.set_result(compute(job))
    except BaseException as error:
        found.set_exception(error)
