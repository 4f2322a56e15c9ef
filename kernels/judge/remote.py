"""`Remote`: a kernel that runs in a process of its own, called like any other kernel.

The judge keeps its own arrays. Operands are copied into memory that both processes map; what the
kernel changed there is copied back, so that the suite sees it. Results arrive as bytes, and one
that lies in an operand's memory becomes a view of the operand, as it would be in one process.
"""

from __future__ import annotations

import builtins
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kernels.contract import memory, threads
from kernels.contract.declarations import Abilities, Accuracy, Cost, everything, never, one
from kernels.contract.kernel import Kernel
from kernels.judge.arena import Arena
from kernels.judge.building import Library
from kernels.judge.messages import ArrayRef, PreparedRef
from kernels.judge.process import Caller, Ended, Limits, Process
from kernels.judge.tasks.steps import Task, read
from kernels.verify.property import Property
from kernels.verify.verdicts import Violation

MOST_DEATHS, MOST_OF_TRIAL = 12, 3
"""Processes of one file, and of one trial, that may die; afterwards every call fails at once."""
MOST_RESULT = 1 << 32
"""Bytes of one result."""


class KernelError(Exception):
    """An exception of the kernel's process that is none of Python's own."""


@dataclass(frozen=True)
class Prepared:
    """Prepared weights, which the kernel's process holds."""

    number: int
    life: int


@dataclass
class Conduct:
    """What calls did besides returning results: in all calls so far, each sentence once."""

    changed: dict[str, None] = field(default_factory=dict)
    others: dict[str, None] = field(default_factory=dict)
    beside: dict[str, None] = field(default_factory=dict)


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
            message = _text(said["raised"]["message"]) or _text(said["raised"]["type"])
            raise ValueError(message.replace(self.library.path, self.source))
        for sentence in said["changed"]:
            self.conduct.changed[f"{_text(sentence)} (when the file is loaded)"] = None
        return said

    def asked(
        self, doing: str, what: str, make: Callable[[Caller], Mapping[str, Any]],
        read: Callable[[Caller, Any, bytearray], Any],
    ) -> Any:  # fmt: skip
        """The answer of the process to a request that `make` lays out, as `read` reads it."""
        if self.given_up or len(self.deaths) >= self._patience:
            raise Ended(self.deaths[-1])
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
            raise _raised(text["raised"])
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
        self.conduct.changed |= dict.fromkeys(map(_text, text["changed"]))
        self.conduct.others |= dict.fromkeys(map(_text, text["others"]))

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
        operation, name = _text(said["operation"]), _text(said["name"])
        if said["task"] is not None:
            asks.task = read(name, said["task"])
        return Remote(operation, name, "cpu", asks, accuracy, Cost(), abilities)


class Remote(Kernel):
    """A kernel in another process; it checks and canonicalises its operands there."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.function(*args, **options)

    def prepared(self, w: np.ndarray, g: Any) -> Any:
        return None if self.prepare is None else self.prepare(w, g)

    def seconds(self, *arguments: Any) -> float:
        """Seconds of a call by the judge's clock, from the request to the word that it is done."""
        asks: Asks = self.function  # type: ignore[assignment]
        return asks.seconds(*arguments)

    def opening(self, law: Property) -> str:
        """An expression for a property, in a program that opens the file in a new process."""
        if self.operation == "task":
            return f"properties()[{law.name!r}]"
        return f"PROPERTIES[{law.name!r}]"

    @property
    def guest(self) -> Guest:
        found: Guest = self.function.guest  # type: ignore[attr-defined]
        return found


class Asks:
    """The functions of one kernel, each a request to its process."""

    def __init__(self, guest: Guest, index: int) -> None:
        self.guest, self.index = guest, index
        self.task: Task | None = None
        self.__name__ = "remote"
        self.__module__ = __name__

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """The results of a call of the kernel."""
        arrays: list[np.ndarray] = []
        _collect((arguments, options), arrays)

        def make(caller: Caller) -> dict[str, Any]:
            modes = self._placed(caller, arrays)
            references = {id(a): r for a, r in zip(arrays, modes.pop("references"), strict=True)}
            given = (_referred(v, references, self.guest.life) for v in (arguments, options))
            return {"index": self.index, "arguments": next(given), "options": next(given),
                    "modes": modes}  # fmt: skip

        def read(caller: Caller, text: Any, block: bytearray) -> Any:
            self._bring_back(caller.arena, arrays)
            self.guest.note(text)
            if text["earlier"]:
                raise Violation("the result of an earlier call has changed during a later one")
            found = _results(caller.arena, text["results"], block, arrays)
            caller.arena.release()
            return tuple(found) if text["many"] else found[0]

        return self.guest.asked("in a call", "call", make, read)

    def seconds(self, *arguments: Any) -> float:
        """Seconds of a call whose results stay in the process."""
        arrays: list[np.ndarray] = []
        _collect(arguments, arrays)
        began = 0.0

        def make(caller: Caller) -> dict[str, Any]:
            nonlocal began
            modes = self._placed(caller, arrays)
            references = {id(a): r for a, r in zip(arrays, modes.pop("references"), strict=True)}
            given = _referred(arguments, references, self.guest.life)
            began = time.perf_counter()
            return {"index": self.index, "arguments": given, "modes": modes}

        def read(caller: Caller, text: Any, block: bytearray) -> float:
            taken = time.perf_counter() - began
            self._bring_back(caller.arena, arrays)
            return taken

        found: float = self.guest.asked("in a call that was timed", "run", make, read)
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
            self.guest.conduct.beside[said] = None
            raise Violation(said)


def _collect(value: Any, found: list[np.ndarray]) -> None:
    """Adds every array within the value to `found`, each once."""
    if isinstance(value, np.ndarray):
        if not any(value is a for a in found):
            found.append(value)
    elif isinstance(value, tuple | list):
        for each in value:
            _collect(each, found)
    elif isinstance(value, Mapping):
        for each in value.values():
            _collect(each, found)


def _referred(value: Any, references: Mapping[int, ArrayRef], life: int) -> Any:
    """The value with arrays and prepared weights as references."""
    if isinstance(value, np.ndarray):
        return references[id(value)]
    if isinstance(value, Prepared):
        if value.life != life:
            raise Ended("the process that had prepared the weights has died")
        return PreparedRef(value.number)
    if isinstance(value, tuple):
        return tuple(_referred(v, references, life) for v in value)
    if isinstance(value, Mapping):
        return {key: _referred(v, references, life) for key, v in value.items()}
    return value


def _results(
    arena: Arena, described: Any, block: bytearray, operands: list[np.ndarray]
) -> list[Any]:
    """The results: arrays of the judge, and stand-ins for what is no array."""
    found, done = [], 0
    for text in described:
        if text["kind"] == "other":
            found.append(type(_text(text["type"])[:80] or "object", (), {})())
            continue
        dtype = np.dtype(str(text["dtype"]))
        if dtype.hasobject or dtype.kind not in "biufc":
            raise Violation(f"the kernel returns an array of {dtype}")
        if text["kind"] == "operand":
            found.append(_alias(arena, text, dtype, operands))
            continue
        part = bytes(block[done : done + int(text["nbytes"])])
        done += len(part)
        if text["kind"] == "scalar":
            found.append(np.frombuffer(part, dtype)[0])
        else:
            found.append(_array(part, dtype, text))
    return found


def _array(part: bytes, dtype: np.dtype, text: Any) -> np.ndarray:
    """An array of its bytes, in the order of memory that it had."""
    shape = tuple(int(size) for size in text["shape"])
    if math.prod(shape) * dtype.itemsize != len(part) or len(part) > MOST_RESULT:
        raise Violation(f"the kernel's process sends {len(part):,} bytes for a shape of {shape}")
    if text["strides"] is None:
        return np.frombuffer(part, dtype).reshape(shape).copy()
    order = sorted(range(len(shape)), key=lambda axis: -int(text["strides"][axis]))
    packed = np.frombuffer(part, dtype).reshape([shape[axis] for axis in order])
    return packed.copy().transpose(np.argsort(order))  # back to the axes of the shape


def _alias(arena: Arena, text: Any, dtype: np.dtype, operands: list[np.ndarray]) -> np.ndarray:
    """A result in the memory of an operand, as a view of the judge's array."""
    shape = tuple(int(size) for size in text["shape"])
    strides = tuple(int(stride) for stride in text["strides"])
    low = int(text["offset"]) + sum(
        min(0, (n - 1) * s) for n, s in zip(shape, strides, strict=True)
    )
    high = int(text["offset"]) + dtype.itemsize + sum(
        max(0, (n - 1) * s) for n, s in zip(shape, strides, strict=True)
    )  # fmt: skip
    place = arena.alias(low, high - low)
    if place is None or 0 in shape:
        raise Violation("the kernel returns memory beside its operands")
    address, _ = place
    return np.asarray(_Memory(address + int(text["offset"]) - low, shape, strides, dtype, operands))


class _Memory:
    """Memory of operands as an array; it keeps them alive."""

    def __init__(
        self, address: int, shape: Any, strides: Any, dtype: np.dtype, operands: list[np.ndarray]
    ) -> None:
        self.operands = operands
        self.__array_interface__ = {
            "version": 3, "data": (address, False), "shape": shape, "strides": strides,
            "typestr": dtype.str,
        }  # fmt: skip


def _raised(said: Any) -> BaseException:
    """The exception that the kernel raised, of the same built-in type where that is an ordinary
    one; `place` is the line that raised it."""
    name, message = _text(said["type"]), _text(said["message"])
    kind = getattr(builtins, _text(said["builtin"]), Exception)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return Ended(f"the kernel raises {name}: {message}".rstrip(": "))
    plain = kind.__name__ == name and kind in _PLAIN
    error = kind(message) if plain else KernelError(f"{name}: {message}")
    error.place = _text(said["place"])  # type: ignore[attr-defined]
    error.of_kernel = bool(said["inside"])  # type: ignore[attr-defined]
    return error


_PLAIN = (ValueError, TypeError, RuntimeError, MemoryError, IndexError, KeyError, AttributeError,
          ZeroDivisionError, FloatingPointError, OverflowError, AssertionError,
          NotImplementedError, NameError, ImportError, ArithmeticError)  # fmt: skip


def _text(value: object) -> str:
    """A text of the kernel's process, without what a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in str(value))[:4000]


def _hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
