"""Computations that wait for each other's sums: one runs at a time, up to its next request.

Each has a thread of its own, so that it can stop anywhere within a layer and go on there. No two
run at once: threads are only the means to switch, and the order of everything is fixed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

import numpy as np

Totals = Callable[[Mapping[int, np.ndarray]], np.ndarray | None]


class Abandoned(BaseException):
    """Another one of the computations failed."""


class InTurn:
    """A computation that stops whenever it asks for a total."""

    def __init__(self, compute: Callable[[InTurn], None]) -> None:
        self._answers: SimpleQueue[Any] = SimpleQueue()
        self._requests: SimpleQueue[Any] = SimpleQueue()
        context = copy_context()
        self._thread = threading.Thread(target=lambda: context.run(self._run, compute), daemon=True)
        self._thread.start()
        self.done = False

    def ask(self, own: np.ndarray) -> np.ndarray:
        """The total of what all of them ask with; called within the computation."""
        self._requests.put(own)
        answer = self._answers.get()
        if answer is Abandoned:
            raise Abandoned
        total: np.ndarray = answer
        return total

    def go_on(self, answer: np.ndarray | None = None) -> np.ndarray | None:
        """Run up to the next request, and return it; None at the end. Raises what it raises."""
        self._answers.put(answer)
        request = self._requests.get()
        if isinstance(request, np.ndarray):
            return request
        self.done = True
        self._thread.join()
        if request is not None:
            raise request
        return None

    def abandon(self) -> None:
        """End it where it stands."""
        if not self.done:
            self._answers.put(Abandoned)
            self._thread.join()

    def _run(self, compute: Callable[[InTurn], None]) -> None:
        failed: BaseException | None = None
        try:
            if self._answers.get() is not Abandoned:
                compute(self)
        except BaseException as error:
            failed = error
        self._requests.put(failed)


def run(computations: Mapping[int, Callable[[InTurn], None]], totals: Totals) -> None:
    """Run all of them, by rising number, from request to request.

    totals: the sum of the requests, by number; asked once more, with none, after the last one. It
    may know requests of other processes: as long as it returns a sum, it is asked again.
    """
    turns = {number: InTurn(computations[number]) for number in sorted(computations)}
    answer: np.ndarray | None = None
    try:
        while True:
            asked = {}
            for number, turn in turns.items():
                request = None if turn.done else turn.go_on(answer)
                if request is not None:
                    asked[number] = request
            answer = totals(asked)
            if answer is None:
                return
    finally:
        for turn in turns.values():
            turn.abandon()
