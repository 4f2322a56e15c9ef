"""`Remote`: a kernel that runs in a process of its own, called like any other kernel.

The judge keeps its own arrays. Operands are copied into memory that both processes map; what the
kernel changed there is copied back, so that the suite sees it. Results arrive as bytes, and one
that lies in an operand's memory becomes a view of the operand, as it would be in one process.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kernels.contract import memory, threads
from kernels.contract.declarations import Abilities, Accuracy, Cost, everything, never, one
from kernels.contract.kernel import Kernel
from kernels.judge.arena import Arena
from kernels.judge.between_lines import NAME, Interruption
from kernels.judge.building import Library
from kernels.judge.failures import plain_text, raised
from kernels.judge.process import Caller, Ended, Limits, Process
from kernels.judge.tasks.steps import Task, read
from kernels.judge.transfer import Prepared, collect, referred, results
from kernels.verify.property import Inapplicable, Property
from kernels.verify.verdicts import Violation

MOST_DEATHS, MOST_OF_TRIAL = 12, 3
"""Processes of one file, and of one trial, that may die; afterwards every call fails at once."""


@dataclass
class Conduct:
    """What calls did besides returning results: in all calls so far, each sentence once."""

    changed: dict[str, None] = field(default_factory=dict)
    others: dict[str, None] = field(default_factory=dict)


class Guest:
    """A file under judgement: its process, which is begun anew when it has died.

    checked: of a source in C or C++, the same compiled with sanitizers.
    """

    def __init__(self, source: str, limits: Limits, library: Library | None = None) -> None:
        self.source, self.limits = source, limits
        self.library = library or Library(source)
        self.conduct = Conduct()
        self.deaths: list[str] = []
        self.hung = False
        self.life = 0
        self._patience = MOST_OF_TRIAL
        self.output = ""
        self.apart = ""
        self.checked: Guest | None = None
        self._kernels: list[Remote] = []
        self.process = Process(limits, self.library.preload)

    @property
    def given_up(self) -> bool:
        """A call never ended, or too many processes have died."""
        return self.hung or len(self.deaths) >= MOST_DEATHS

    def begin_trial(self) -> None:
        """Has the next trial begin with all its processes."""
        self._patience = len(self.deaths) + MOST_OF_TRIAL

    def load(self) -> list[Remote]:
        """The kernels of the file. ValueError names what does not load."""
        said = self._loaded()
        self._kernels = [self._kernel(index, one) for index, one in enumerate(said["kernels"])]
        return self._kernels

    def kernels(self) -> list[Remote]:
        """The kernels of the file, which is loaded at the first call."""
        return self._kernels or self.load()

    def _loaded(self) -> Any:
        try:
            said = self.process.load(self.library.path)
        except Ended as error:
            raise ValueError(f"{self.source} does not load: {error}") from error
        if "raised" in said:
            message = plain_text(said["raised"]["message"]) or plain_text(said["raised"]["type"])
            raise ValueError(message.replace(self.library.path, self.source))
        self.apart = plain_text(said["apart"])
        for sentence in said["changed"]:
            self.conduct.changed[f"{plain_text(sentence)} (when the file is loaded)"] = None
        return said

    def asked(
        self, doing: str, what: str, make: Callable[[Caller], Mapping[str, Any]],
        read: Callable[[Caller, Any, bytearray], Any],
    ) -> Any:  # fmt: skip
        """The answer of the process to a request that `make` lays out, as `read` reads it."""
        if self.given_up or len(self.deaths) >= self._patience:
            # What failed is known; a call that is not made must not stand for it.
            raise Inapplicable(f"not called: {self.deaths[-1]}")
        if self.process.ended:
            self._begin_anew()
        try:
            with self.process.caller(doing) as caller:
                text, block = caller.asked(what, self.limits.seconds, **make(caller))
        except Ended as error:
            self.deaths.append(str(error))
            self.hung = "gave no answer" in str(error)
            raise
        if "raised" in text:
            raise raised(text["raised"])
        return read(caller, text, block)

    def _begin_anew(self) -> None:
        self.close()
        self.life += 1
        self.process = Process(self.limits, self.library.preload)
        self._loaded()

    def close(self) -> None:
        self.output = (self.output + self.process.output())[:8000]
        self.process.close()

    def end(self) -> None:
        """Ends all its processes."""
        self.close()
        if self.checked is not None:
            self.checked.end()

    def note(self, text: Any) -> None:
        """Keeps what the process says of its state."""
        self.conduct.changed |= dict.fromkeys(map(plain_text, text["changed"]))
        self.conduct.others |= dict.fromkeys(map(plain_text, text["others"]))

    def _kernel(self, index: int, said: Mapping[str, Any]) -> Remote:
        asks = Asks(self, index)
        has = said["functions"]
        accuracy = Accuracy(
            exact=said["exact"],
            bound=asks.number("bound") if "bound" in has else None,
            norm_wise=said["norm_wise"],
            amplification=asks.number("amplification") if "amplification" in has else one,
            spreads=said["spreads"],
            skips_zeros=said["skips_zeros"],
            growth=asks.number("growth") if "growth" in has else one if said["grows"] else None,
        )
        abilities = Abilities(
            supports=asks.truth("supports") if "supports" in has else everything,
            prepare=asks.prepare if said["prepares"] else None,
            rectifies=said["rectifies"],
            pools=asks.truth("pools") if "pools" in has else never,
            into=said["into"],
            chunked=said["chunked"],
        )
        operation, name = plain_text(said["operation"]), plain_text(said["name"])
        device = plain_text(said["device"])
        if device != "cpu":
            raise ValueError(
                f"{self.source}: {operation} {name} computes on {device!r}, and the judge takes "
                "kernels of the CPU; `python -m kernels verify --device emulator` tries CUDA's"
            )
        asks.lines = bool(said["lines"])
        if said["task"] is not None:
            asks.task = read(name, said["task"])
            if self.checked is not None:
                file = Path(self.checked.library.path).with_suffix(".json")
                file.write_text(json.dumps(said["task"]), encoding="utf-8")
        return Remote(operation, name, "cpu", asks, accuracy, Cost(), abilities)


class Remote(Kernel):
    """A kernel in another process; it checks and canonicalises its operands there."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.function(*args, **options)

    def prepared(self, w: np.ndarray, g: Any) -> Any:
        return None if self.prepare is None else self.prepare(w, g)

    def timed(self, *arguments: Any) -> Turn:
        """A call by the judge's clock."""
        return self.asks.timed(*arguments)

    def opening(self, law: Property) -> str:
        """An expression for a property, in a program that opens the file in a new process."""
        if self.operation == "task" or law.name == NAME:
            return f"properties()[{law.name!r}]"
        return f"PROPERTIES[{law.name!r}]"

    @property
    def asks(self) -> Asks:
        found: Asks = self.function  # type: ignore[assignment]
        return found

    @property
    def guest(self) -> Guest:
        found: Guest = self.function.guest  # type: ignore[attr-defined]
        return found


@dataclass(frozen=True)
class Turn:
    """A timed call.

    wall:    seconds from the request to the word that it is done.
    after:   seconds from then on until all results had arrived.
    results: of the call.
    """

    wall: float
    after: float
    results: tuple[Any, ...]


class Asks:
    """The functions of one kernel, each a request to its process."""

    def __init__(self, guest: Guest, index: int) -> None:
        self.guest, self.index = guest, index
        self.task: Task | None = None
        self.lines = False
        self.__name__ = "remote"
        self.__module__ = __name__

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """The results of a call of the kernel."""
        return self.called(arguments, options)

    def called(self, arguments: Any, options: Any, between: Interruption | None = None) -> Any:
        """The same, with another call between two lines of it."""
        arrays: list[np.ndarray] = []
        others = None if between is None else {"arguments": between.arguments,
                                               "options": between.options}  # fmt: skip
        collect((arguments, options, others), arrays)

        def make(caller: Caller) -> dict[str, Any]:
            modes = self._placed(caller, arrays)
            references = {id(a): r for a, r in zip(arrays, modes.pop("references"), strict=True)}
            life = self.guest.life
            given, named, other = (
                referred(v, references, life) for v in (arguments, options, others)
            )
            between_ = None if between is None else {**other, "at": between.at}
            return {"index": self.index, "arguments": given, "options": named, "modes": modes,
                    "between": between_}  # fmt: skip

        def read(caller: Caller, text: Any, block: bytearray) -> Any:
            self._bring_back(caller.arena, arrays)
            self.guest.note(text)
            if between is not None:
                between.lines = int(text["lines"])
            if text["earlier"]:
                raise Violation("the result of an earlier call has changed during a later one")
            found = results(caller.arena, text["results"], block, arrays)
            caller.arena.release()
            return tuple(found) if text["many"] else found[0]

        return self.guest.asked("in a call", "call", make, read)

    def timed(self, *arguments: Any) -> Turn:
        """A call, and the times at which the process said that it was done and gave the results."""
        arrays: list[np.ndarray] = []
        collect(arguments, arrays)
        began = 0.0

        def make(caller: Caller) -> dict[str, Any]:
            nonlocal began
            modes = self._placed(caller, arrays)
            references = {id(a): r for a, r in zip(arrays, modes.pop("references"), strict=True)}
            given = referred(arguments, references, self.guest.life)
            began = time.perf_counter()
            return {"index": self.index, "arguments": given, "modes": modes}

        def read(caller: Caller, text: Any, block: bytearray) -> Turn:
            after = time.perf_counter() - caller.done
            self._bring_back(caller.arena, arrays)
            found = results(caller.arena, text["results"], block, arrays)
            return Turn(caller.done - began, after, tuple(found))

        found: Turn = self.guest.asked("in a call that was timed", "run", make, read)
        return found

    def prepare(self, w: np.ndarray, g: Any) -> Prepared:
        """The weights prepared by the kernel, which its process keeps."""

        def make(caller: Caller) -> dict[str, Any]:
            modes = self._placed(caller, [w])
            (reference,) = modes.pop("references")
            return {"index": self.index, "w": reference, "g": g, "modes": modes}

        def read(caller: Caller, text: Any, block: bytearray) -> Prepared:
            self._bring_back(caller.arena, [w])
            self.guest.note(text)
            return Prepared(int(text["number"]), self.guest.life)

        found: Prepared = self.guest.asked("while it prepared weights", "prepare", make, read)
        return found

    def truth(self, what: str) -> Callable[..., Any]:
        """A declaration that answers yes or no; what it answers otherwise is None."""
        known: dict[Any, Any] = {}

        def ask(*about: Any) -> Any:
            key = about if _hashable(about) else None
            if key is None or key not in known:
                answer = self._asked(what, about)
                known[key] = None if answer is None else bool(answer)
            return known[key]

        return ask

    def number(self, what: str) -> Callable[..., float]:
        """A declaration that answers with a number; ValueError for any other answer."""

        def ask(*about: Any) -> float:
            answer = self._asked(what, about)
            if isinstance(answer, bool) or not isinstance(answer, int | float):
                raise ValueError(f"{what}(g) is {answer!r}, no number")
            if math.isnan(answer) or answer < 0:
                raise ValueError(f"{what}(g) is {answer!r}, which bounds nothing")
            return float(answer)

        return ask

    def _asked(self, what: str, about: Any) -> Any:
        def make(caller: Caller) -> dict[str, Any]:
            return {"index": self.index, "declaration": what, "about": about}

        return self.guest.asked(
            f"when asked for its {what}", "ask", make, lambda c, text, b: text["answer"]
        )

    def _placed(self, caller: Caller, arrays: list[np.ndarray]) -> dict[str, Any]:
        """Places the operands, at the end and at the start of their pages in turn; the modes of
        the call."""
        caller.turn += 1
        references = caller.arena.place(arrays, at_end=caller.turn % 3 != 0)
        return {
            "references": references,
            "guards": caller.arena.guards(),
            "threads": threads.get_num_threads(),
            "pace": sys.getswitchinterval(),
            "poison": memory.is_poisoned(),
            "chunk": memory.chunk(),
        }

    def _bring_back(self, arena: Arena, arrays: list[np.ndarray]) -> None:
        said = arena.bring_back(arrays)
        if said:
            raise Violation(said)


def _hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
