"""Process of a kernel under judgement: it loads the kernel's file and does as the judge asks.

    python -m kernels.judge.child SOCKET MEMORY

It never sees the definition's result, a bound or the clock. The first connection is served by the
main thread, each other by a thread of its own, so that several callers reach the kernel at once.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numba
import numpy as np

from kernels.contract import kernel as contract
from kernels.contract import memory, threads
from kernels.contract.declarations import everything, never, one
from kernels.contract.interruption import file_of, interrupted
from kernels.contract.kernel import Kernel
from kernels.judge import apart, borrowed, forms, missing
from kernels.judge.arena import SIZE, Mapped
from kernels.judge.forms.memory import reserve
from kernels.judge.messages import (
    DONE,
    ArrayRef,
    Closed,
    PreparedRef,
    receive_request,
    send,
)
from kernels.judge.state import Watch

HELD = 3
"""Results that are kept, to see whether a later call changes them."""
OFTEN = 40
"""Calls after which the state is read thoroughly in every 16th call alone."""
_PR_SET_PDEATHSIG = 1


class Served:
    """The kernels of the file, their prepared weights, and the state of the process."""

    def __init__(self) -> None:
        self.kernels: list[Kernel] = []
        self.prepared: dict[int, Any] = {}
        self.lock = threading.Lock()
        self.watch = Watch()
        self.calls = 0
        self.others: list[str] = []

    def load(self, source: str) -> dict[str, Any]:
        """Loads the file; the declarations of its kernels, what loading has changed, and what
        keeps this process from others."""
        kept = os.environ.pop(apart.VARIABLE, "")
        borrowed.watch(self.note_other)
        self.watch = Watch()
        with missing.stood_in() as asked_for:
            self.kernels = forms.load(source)
        changed = [*asked_for, *self.watch.changed(loading=True)]
        self.watch = Watch()
        declared_ones = [declared(k) for k in self.kernels]
        return {"kernels": declared_ones, "changed": changed, "apart": kept}

    def observe(self, kernel: Kernel, *_: object) -> None:
        """Notes a kernel that is none of the file's."""
        if kernel not in self.kernels:
            self.note_other(f"{kernel.operation} {kernel.name}")

    def note_other(self, name: str) -> None:
        self.others.append(name)  # to the list since the last report

    def report(self, count: int) -> dict[str, Any]:
        """What calls have changed, and which other kernels they called, since the last report.

        count: threads that Numba was set to.
        """
        self.calls += 1
        changed = self.watch.changed(self.calls <= OFTEN or self.calls % 16 == 0)
        if numba.get_num_threads() != count:
            changed.append(f"the number of Numba's threads: {count} before, "
                           f"{numba.get_num_threads()} after")  # fmt: skip
        others, self.others = sorted(set(self.others)), []
        return {"changed": changed, "others": others}

    def keep(self, value: Any) -> int:
        with self.lock:
            number = len(self.prepared)
            self.prepared[number] = value
            return number


class Connection:
    """One connection of the judge: its operands, and the last results."""

    def __init__(self, line: socket.socket, served: Served, file: int) -> None:
        self.line, self.served, self.mapped = line, served, Mapped(file)
        self.held: list[tuple[np.ndarray, bytes]] = []

    def serve(self) -> None:
        """Answers requests until the judge closes the connection."""
        while True:
            try:
                what, given = receive_request(self.line)
            except Closed:
                return
            try:
                text, block = getattr(self, what)(**given)
            except BaseException as error:  # KeyboardInterrupt and SystemExit are the kernel's
                text, block = {"raised": described(error)}, b""
            send(self.line, text, block)

    def load(self, source: str, memory: int) -> tuple[dict[str, Any], bytes]:
        """Loads the file, which may take so many bytes of addresses from now on; 0 for any."""
        reserve(source)
        if memory:
            _limit(_addresses() + memory)
        return self.served.load(source), b""

    def connect(self) -> tuple[dict[str, Any], bytes]:
        """Serves another connection, whose socket and memory follow on this one."""
        _, files, _, _ = socket.recv_fds(self.line, 1, 2)
        limited = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limited != resource.RLIM_INFINITY:
            _limit(limited + SIZE)
        other = Connection(socket.socket(fileno=files[0]), self.served, files[1])
        threading.Thread(target=other.serve, daemon=True).start()
        return {}, b""

    def ask(self, index: int, declaration: str, about: Any) -> tuple[dict[str, Any], bytes]:
        """The answer of a declaration: `supports` and others."""
        kernel = self.served.kernels[index]
        answer = _DECLARED[declaration](kernel)(*about)
        plain = answer if isinstance(answer, bool | int | float | str | None) else bool(answer)
        return {"answer": plain.item() if isinstance(plain, np.generic) else plain}, b""

    def prepare(self, index: int, w: ArrayRef, g: Any, modes: Any) -> tuple[dict[str, Any], bytes]:
        """The number under which the prepared weights are kept."""
        self.mapped.guard(modes["guards"])
        with _modes(modes):
            kept = self.served.kernels[index].prepared(self.mapped.view(w), g)
        return {"number": self.served.keep(kept), **self.served.report(modes["threads"])}, b""

    def call(
        self, index: int, arguments: Any, options: Any, modes: Any, between: Any = None
    ) -> tuple[dict[str, Any], bytes]:
        """The results of a call, and whether an earlier result has changed meanwhile.

        between: another call, and before which line of the kernel it is made.
        """
        self.mapped.guard(modes["guards"])
        given, named = self._given(arguments), self._given(options)
        kernel, lines = self.served.kernels[index], 0
        with _modes(modes), contract.observed(self.served.observe):
            if between is None:
                result = kernel(*given, **named)
            else:
                others, so = self._given(between["arguments"]), self._given(between["options"])
                result, lines = interrupted(
                    lambda: kernel(*given, **named), file_of(kernel.function) or "", between["at"],
                    lambda: kernel(*others, **so),
                )  # fmt: skip
        earlier = self._changed()
        text, block = self._results(result)
        text |= {"earlier": earlier, "lines": lines}
        return text | self.served.report(modes["threads"]), block

    def run(self, index: int, arguments: Any, modes: Any) -> tuple[dict[str, Any], bytes]:
        """Makes a call, says that it is done, and then sends its results.

        They follow in every turn, so that nothing here shows which turns are compared.
        """
        self.mapped.guard(modes["guards"])
        given = self._given(arguments)
        with _modes(modes):
            result = self.served.kernels[index](*given)
        send(self.line, DONE)
        return self._results(result)

    def _given(self, value: Any) -> Any:
        if isinstance(value, ArrayRef):
            return self.mapped.view(value)
        if isinstance(value, PreparedRef):
            return self.served.prepared[value.number]
        if type(value) is tuple:
            return tuple(self._given(v) for v in value)
        if isinstance(value, Mapping):
            return {key: self._given(v) for key, v in value.items()}
        return value

    def _results(self, result: Any) -> tuple[dict[str, Any], bytes]:
        """The results of a call, as text and bytes."""
        many = isinstance(result, tuple)
        described_ones, blocks = [], []
        for value in result if many else (result,):
            text, block = self._result(value)
            described_ones.append(text)
            blocks.append(block)
        return {"results": described_ones, "many": many}, b"".join(blocks)

    def _result(self, value: Any) -> tuple[dict[str, Any], bytes]:
        """A result as text and bytes; of one that lies in an operand, the place alone."""
        if isinstance(value, np.generic):
            return {"kind": "scalar", "dtype": value.dtype.str, "nbytes": value.nbytes}, (
                value.tobytes()
            )
        if not isinstance(value, np.ndarray):
            return {"kind": "other", "type": type(value).__name__}, b""
        array = np.ndarray.view(value, np.ndarray)  # a subclass may have a view of its own
        text = {"dtype": array.dtype.str, "shape": array.shape, "strides": array.strides}
        offset = self.mapped.offset(array)
        if offset is not None:
            return {"kind": "operand", "offset": offset, **text}, b""
        raw = _memory(array)
        if raw is None:
            raw, text["strides"] = array.tobytes(), None
        self.held = [*self.held, (array, raw)][-HELD:]
        return {"kind": "array", "nbytes": len(raw), **text}, raw

    def _changed(self) -> bool:
        """Whether the memory of an earlier result was written to."""
        return any((_memory(array) or array.tobytes()) != raw for array, raw in self.held)


def _memory(array: np.ndarray) -> bytes | None:
    """The bytes of an array whose elements are packed in some order of the axes, in the order of
    their addresses; None for any other."""
    if any(stride < 0 for stride in array.strides):
        return None
    order = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    ordered = array.transpose(order)  # the axes by falling stride
    return ordered.tobytes() if ordered.flags.c_contiguous else None


def _limit(addresses: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (addresses, resource.RLIM_INFINITY))


def _addresses() -> int:
    """Bytes of addresses that the process has taken."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


_DECLARED: dict[str, Any] = {
    "supports": lambda kernel: kernel.abilities.supports,
    "pools": lambda kernel: kernel.abilities.pools,
    "bound": lambda kernel: kernel.accuracy.bound,
    "amplification": lambda kernel: kernel.accuracy.amplification,
    "growth": lambda kernel: kernel.growth,
}


def declared(kernel: Kernel) -> dict[str, Any]:
    """The declarations of a kernel: values, and which of its functions it has."""
    accuracy, abilities = kernel.accuracy, kernel.abilities
    return {
        "operation": kernel.operation,
        "name": kernel.name,
        "device": kernel.device,
        "exact": bool(accuracy.exact),
        "norm_wise": bool(accuracy.norm_wise),
        "spreads": str(accuracy.spreads),
        "skips_zeros": bool(accuracy.skips_zeros),
        "rectifies": bool(abilities.rectifies),
        "into": bool(abilities.into),
        "chunked": bool(abilities.chunked),
        "prepares": abilities.prepare is not None,
        "functions": [
            name
            for name, given in (
                ("supports", abilities.supports is not everything),
                ("pools", abilities.pools is not never),
                ("bound", accuracy.bound is not None),
                ("amplification", accuracy.amplification is not one),
                ("growth", kernel.growth not in (None, one)),
            )
            if given
        ],
        "grows": kernel.growth is not None,
        "task": getattr(kernel, "task", None),
        "lines": file_of(kernel.function) is not None,
    }


def _modes(modes: Mapping[str, Any]) -> ExitStack:
    """The context of a call: threads, poisoned memory, size of chunks, pace of thread changes."""
    threads.set_num_threads(modes["threads"])
    numba.set_num_threads(modes["threads"])  # for functions that are no kernels of the registry
    sys.setswitchinterval(modes["pace"])
    stack = ExitStack()
    if modes["poison"]:
        stack.enter_context(memory.poisoned())
    if modes["chunk"] != memory.chunk():
        stack.enter_context(memory.in_chunks(modes["chunk"]))
    return stack


def described(error: BaseException) -> dict[str, Any]:
    """An exception as text: its type, message and innermost line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    inside = any(frame.filename == contract.__file__ for frame in frames)
    try:
        message = str(error)[:2000]
    except BaseException:
        message = "its message cannot be read"
    kind = next(c for c in type(error).__mro__ if c.__module__ == "builtins")
    return {"type": type(error).__name__, "builtin": kind.__name__, "message": message,
            "place": place, "inside": inside}  # fmt: skip


def main(descriptor: int, file: int) -> None:
    """Serves the judge on this socket, with this shared memory, until it closes the socket."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # with the judge
    Connection(socket.socket(fileno=descriptor), Served(), file).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
