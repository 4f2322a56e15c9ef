"""Chains: compiled calls, one after the other, in one call of Python.

Numba unpacks the arguments of a compiled function at every call: 4 to 5 microseconds for a dozen
arrays, as long as a small layer of a network takes. The arguments of a bound call (`bound.py`) do
not change, so a chain unpacks them once, to a block of memory: what Numba would hand over in
registers and on the stack, an array as its parts, a structure as its members. A run reads the
blocks and calls the compiled code itself, with Python's lock released, and the threads of its
parallel loops stay together for all of them where that can be (`team.py`).

`joined` makes chains of what can be chained: `functools.partial` of an entry point with positional
arguments, which returns nothing. Other calls stay as they are, in their place.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import groupby
from time import perf_counter
from typing import Any, NamedTuple

import llvmlite.binding as llvm  # type: ignore[import-untyped]
import numpy as np
from numba import types
from numba.core.registry import CPUDispatcher

from kernels.contract import layer, threads
from kernels.contract.bound import Call, run_all
from kernels.contract.compilation import AS_ONE_UNIT

SLOT = 8
"""Bytes of a part of an argument in its block."""
_RUN_TYPE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, *[ctypes.c_int64] * 2)
_TEAM_TYPE = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 3)
LONG = 0.25
"""Seconds after which Python may handle signals, such as that of Ctrl-C."""
_FLOATS = {"float": np.float32, "double": np.float64}

_RUN = """
    define i64 @run(ptr %links, i64 %first, i64 %count) {
    entry:
      br label %test
    test:
      %i = phi i64 [ %first, %entry ], [ %next, %good ]
      %more = icmp slt i64 %i, %count
      br i1 %more, label %call, label %end
    call:
      %link = getelementptr [3 x ptr], ptr %links, i64 %i
      %step = load ptr, ptr %link
      %place1 = getelementptr ptr, ptr %link, i64 1
      %code = load ptr, ptr %place1
      %place2 = getelementptr ptr, ptr %link, i64 2
      %block = load ptr, ptr %place2
      %status = call i32 %step(ptr %code, ptr %block)
      %well = icmp eq i32 %status, 0
      br i1 %well, label %good, label %end
    good:
      %next = add i64 %i, 1
      br label %test
    end:
      ret i64 %i
    }"""
"""LLVM code of a run of links from `first` on: the number of the one that failed, or `count`."""


class Link(NamedTuple):
    """A call of a chain."""

    step: int
    """Address of a function that reads a block and calls the code."""
    code: int
    """Address of the compiled function."""
    block: np.ndarray
    """(parts,): its arguments, a slot each."""


class Chain:
    """Calls that one call runs; each of them reads its arrays again."""

    def __init__(self, calls: Sequence[partial[None]], links: Sequence[Link]) -> None:
        self.calls = tuple(calls)  # they also keep the arrays
        self._blocks = [link.block for link in links]
        table = [[link.step, link.code, link.block.ctypes.data] for link in links]
        self._links = np.array(table, np.uint64)  # (calls,3)
        self._some = len(links)

    def __call__(self) -> None:
        """Run them. What one of them raises is raised: it is called again, by Python.

        Meanwhile Python handles no signal: a chain that took long is run some calls at a time.
        """
        at, count, began = 0, len(self.calls), perf_counter()
        while at < count:
            end = min(at + self._some, count)
            while (at := _run(self._links[:end], at)) < end:
                self.calls[at]()
                at += 1
        seconds = perf_counter() - began
        if seconds > LONG:
            self._some = max(1, int(count * LONG / seconds))


def joined(calls: Iterable[Call]) -> tuple[Call, ...]:
    """These calls in their order, those that follow each other in chains where they can be."""
    linked = [(call, _link(call)) for call in _single(calls)]
    result = list[Call]()
    for chained, group in groupby(linked, key=lambda pair: pair[1] is not None):
        pairs = list(group)
        plain = [call for call, _ in pairs]
        if chained:
            plain = [Chain(plain, [link for _, link in pairs if link is not None])]  # type: ignore[arg-type]
        result += plain
    return tuple(result)


def _single(calls: Iterable[Call]) -> Iterator[Call]:
    """The calls, and those that `in_turn` put together one by one."""
    for call in calls:
        if isinstance(call, partial) and call.func is run_all:
            yield from _single(call.args[0])
        else:
            yield call


def _link(call: Call) -> Link | None:
    """The call's link; None where it cannot be one."""
    if not AS_ONE_UNIT or not isinstance(call, partial) or call.keywords:
        return None
    function = call.func
    if not isinstance(function, CPUDispatcher):
        return None
    of = tuple(function.typeof_pyval(value) for value in call.args)
    if of not in function.overloads:
        function.compile(of)
    compiled: Any = function.overloads.get(of)
    if compiled is None or compiled.signature.return_type != types.none:
        return None
    convention = compiled.target_context.call_conv
    kinds = convention.get_function_type(types.none, compiled.signature.args).args[2:]
    parts = list[float]()
    for value, kind in zip(call.args, compiled.signature.args, strict=True):
        if not _unpack(value, kind, parts):
            return None
    if len(parts) != len(kinds):
        return None
    names = tuple("ptr" if kind.is_pointer else str(kind) for kind in kinds)
    code = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    return Link(_step(names), code, _block(parts, names))


def _unpack(value: Any, kind: Any, parts: list[float]) -> bool:
    """Append the parts that compiled code takes `value` in; False for a type without a rule here.

    An array has no owner for compiled code then: nobody counts references, and who binds the call
    keeps it.
    """
    match kind:
        case types.Array():
            parts += [0, 0, value.size, value.itemsize, value.ctypes.data]
            parts += [*value.shape, *value.strides]
        case types.BaseTuple():
            members = zip(value, kind.types, strict=True)  # type: ignore[attr-defined]
            return all(_unpack(v, k, parts) for v, k in members)
        case types.Integer() | types.Boolean():
            parts.append(int(value))
        case types.Float():
            parts.append(float(value))
        case _:
            return False
    return True


def _block(parts: Sequence[float], names: Sequence[str]) -> np.ndarray:
    """The parts in slots of SLOT bytes, each at the first bytes of its slot."""
    block = np.zeros(len(parts), np.int64)
    for i, (part, name) in enumerate(zip(parts, names, strict=True)):
        block[i : i + 1].view(_FLOATS.get(name, np.int64))[0] = part
    return block


def _run(links: np.ndarray, first: int) -> int:
    """Run links (calls,3) from `first` on: the number of the one that failed, or of all."""
    alone, address = _runner()
    team, count = layer.team_address(), threads.get_num_threads()
    if team is None or count == 1:
        return int(alone(links.ctypes.data, first, len(links)))
    return int(_TEAM_TYPE(team)(address, links.ctypes.data, first, len(links), count))


@cache
def _runner() -> tuple[Any, int]:
    """The compiled function that runs links, which releases Python's lock, and its address."""
    address = _compiled(_RUN, "run")
    return _RUN_TYPE(address), address


@cache
def _step(names: tuple[str, ...]) -> int:
    """Address of the function that calls code with parts of these types, from a block of them.

    Compiled code returns a status, 0 where nothing was raised, and writes its result and what it
    raises to where its first two arguments point.
    """
    lines = list[str]()
    for i, name in enumerate(names):
        lines.append(f"%place{i} = getelementptr i64, ptr %block, i64 {i}")
        lines.append(f"%part{i} = load {name}, ptr %place{i}")
    given = ", ".join(f"{name} %part{i}" for i, name in enumerate(names))
    body = "\n      ".join(lines)
    code = f"""
    define i32 @step(ptr %code, ptr %block) {{
      %result = alloca ptr
      %raised = alloca ptr
      {body}
      %status = call i32 %code(ptr %result, ptr %raised, {given})
      ret i32 %status
    }}"""
    return _compiled(code, "step")


_engines = list[Any]()
"""What keeps compiled functions in memory."""


def _compiled(code: str, name: str) -> int:
    """Address of the function `name` of this LLVM code."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(codemodel="jitdefault")
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(code), machine)
    engine.finalize_object()
    _engines.append(engine)
    return int(engine.get_function_address(name))
