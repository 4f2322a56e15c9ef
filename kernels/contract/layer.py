"""Numba's threading layer, and its exchange in a forked child.

Numba runs parallel loops on one of three layers: TBB, OpenMP, or workqueue, its own. PyPI's `tbb`
has the library of the first, which is the default: alone on the machine it takes the time of
OpenMP, and beside a busy process half of it (GoogLeNet, ResNet-18, batch 1, two cores), because
a thread takes over what another, which the system has suspended, did not begin. Without that
library Numba takes OpenMP, with a warning where PyPI has the library. `python -m kernels list` says
which layer runs.

Of a process that forks only the forking thread lives on in the child. TBB ends its threads before a
fork and starts them anew, if the thread that forks is the one that started the layer and no other
has used it. OpenMP has no way to do so, and Numba ends such a child at its first loop. Workqueue
always starts anew; its loops begin some 50 microseconds later than those of the others. So where
TBB does not start anew, a child changes to workqueue. (Numba still prints then that the TBB library
may be in an invalid state, or unable to join threads. The child does not use it; with
NUMBA_THREADING_LAYER=omp nothing is printed.)

Numba cuts a loop into as many tasks as there are threads, so that all wait for a thread which the
system suspends early in its task. On TBB, whose threads take tasks from each other, we cut it into
four for each thread: beside a busy process the others do what it did not begin. This changes who
computes an iteration, and when, and no result. The other layers deal tasks out beforehand, where
more of them win nothing. There, on Linux and x86-64, the threads of a chain of calls form a team
(`team.py`), whose loops begin sooner.

Compiled code calls the layer's functions by name, and a name is resolved only once. The names lead
to functions of ours, each of which jumps to the address in a variable of its own. These addresses
are changed in the child's first parallel loop, which starts workqueue's threads, as many as the
parent has. Kernels cut their work by the problem alone, so a child gets the parent's bits.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import platform
import sys
import warnings
from importlib import metadata
from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]
from numba import config

from kernels.contract import team

# GNU OpenMP's idle threads spin for milliseconds by default, and on a machine with other work to do
# they take the time of the thread that they wait for; without any spinning, waking them takes up to
# a quarter of a small network's step. Read when Numba loads its OpenMP layer.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")


def _of_numba(name: str) -> Any:
    return importlib.import_module(f"numba.np.ufunc.{name}")


parallel, workqueue = _of_numba("parallel"), _of_numba("workqueue")

LOOP, SCHEDULE = "numba_parallel_for", "get_sched_size"
FUNCTIONS = {
    LOOP: ("void", ("ptr",) * 5 + ("i64",) * 3),
    "get_num_threads": ("i64", ()),
    "set_num_threads": ("void", ("i64",)),
    "get_thread_id": ("i64", ()),
    "set_parallel_chunksize": ("i64", ("i64",)),
    "get_parallel_chunksize": ("i64", ()),
    SCHEDULE: ("i64", ("i64", "i64", "ptr", "ptr")),
}
"""What compiled code calls in a layer: type of the result, types of the arguments."""
TASKS = 4
"""Tasks of a loop for each thread, on TBB."""
_MODULES = {"tbb": "tbbpool", "omp": "omppool", "workqueue": "workqueue"}
_TBB = ("libtbb.so.12", "tbb12.dll", "libtbb.12.dylib")
_LOOP_TYPE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5, *[ctypes.c_size_t] * 3)
_TEAMS = (sys.platform, platform.machine()) == ("linux", "x86_64")


def _jump(name: str, result: str, types: tuple[str, ...]) -> str:
    """LLVM code of a function that jumps to the address in the variable `name`.address."""
    parameters = ", ".join(f"{kind} %{i}" for i, kind in enumerate(types))
    into, returned = ("", "void") if result == "void" else ("%result = ", "i64 %result")
    return f"""
    @{name}.address = global ptr null
    define {result} @{name}({parameters}) {{
      %target = load ptr, ptr @{name}.address
      {into}musttail call {result} %target({parameters})
      ret {returned}
    }}"""


_TASKS = f"""
    @layers.address = global ptr null
    define i64 @tasks(i64 %threads, i64 %axes, ptr %first, ptr %last) {{
      %layers = load ptr, ptr @layers.address
      %given = call i64 %layers(i64 %threads, i64 %axes, ptr %first, ptr %last)
      %begin = load i64, ptr %first
      %end = load i64, ptr %last
      %steps = sub i64 %end, %begin
      %count = add i64 %steps, 1
      %most = mul i64 %threads, {TASKS}
      %few = icmp slt i64 %count, %most
      %tasks = select i1 %few, i64 %count, i64 %most
      %plain = icmp eq i64 %given, %threads
      %line = icmp eq i64 %axes, 1
      %shared = icmp sgt i64 %threads, 1
      %filled = icmp sgt i64 %count, 0
      %a = and i1 %plain, %line
      %b = and i1 %shared, %filled
      %ours = and i1 %a, %b
      %result = select i1 %ours, i64 %tasks, i64 %given
      ret i64 %result
    }}"""
"""LLVM code of the number of tasks of a loop along one axis: TASKS for each thread, at most one for
each iteration; the layer's own number for one thread, several axes, and where a user set a chunk
size. `first` and `last` are the loop's bounds on each axis, both included."""


class _Jumps:
    """The functions that compiled code is linked to, and the addresses that they jump to."""

    def __init__(self) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        code = "".join(_jump(n, *of) for n, of in FUNCTIONS.items()) + _TASKS
        if _TEAMS:
            code += team.CODE
        module = llvm.parse_assembly(code)
        machine = llvm.Target.from_default_triple().create_target_machine(codemodel="jitdefault")
        self.engine = llvm.create_mcjit_compiler(module, machine)
        self.engine.finalize_object()

    def lead_to(self, layer: Any) -> None:
        """From now on compiled code runs on this layer, a module of `numba.np.ufunc`."""
        for name in FUNCTIONS:
            self.set(name, getattr(layer, "parallel_for" if name == LOOP else name))
        self.team: int | None = None
        if layer.__name__.endswith(_MODULES["tbb"]):
            self.set("layers", layer.get_sched_size)
            self.set(SCHEDULE, self.engine.get_function_address("tasks"))
            if _TEAMS:
                self.set("layers.loop", layer.parallel_for, "")
                self.set(LOOP, self.engine.get_function_address("loop"))
                self.team = self.engine.get_function_address("team")

    def set(self, name: str, address: int | None, suffix: str = ".address") -> None:
        place = self.engine.get_global_value_address(name + suffix)
        ctypes.c_void_p.from_address(place).value = address

    def link(self) -> None:
        """Have Numba link what it compiles or loads from now on to these functions."""
        for name in FUNCTIONS:
            llvm.add_symbol(name, self.engine.get_function_address(name))


def name() -> str:
    """The layer that loops run on: "tbb", "omp" or "workqueue"."""
    return str(parallel.threading_layer())


def team_address() -> int | None:
    """Address of the function that runs a chain by a team (`team.py`); None where loops have to
    begin one by one: on other layers, and on systems where teams were not tried."""
    return _jumps.team


def _load_tbb() -> None:
    """Load PyPI's library, which is in no folder that the system searches.

    Numba finds a library that is loaded by its name. Where there is none, or it cannot be loaded,
    Numba takes its next layer, which `name` says.
    """
    try:
        files = metadata.files("tbb") or []
        for file in files:
            if file.name in _TBB:
                ctypes.CDLL(str(file.locate()))
    except (metadata.PackageNotFoundError, OSError):
        return


def _warn_of_another() -> None:
    """Say that loops run on another layer than TBB's, unless the user named one."""
    chosen = str(config.THREADING_LAYER).lower() != "default"  # type: ignore[attr-defined]
    if chosen or name() == "tbb" or (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return
    warnings.warn(
        f"Numba's threading layer is {name()}, because the library of `tbb` was not found: beside "
        "a busy process a network takes about twice as long as with it; `pip install tbb` installs "
        f"it, and NUMBA_THREADING_LAYER={name()} asks for this layer without a warning",
        RuntimeWarning,
        stacklevel=2,
    )


def _start() -> _Jumps:
    """Load the layer (NUMBA_THREADING_LAYER may name one) and start its threads."""
    if str(config.THREADING_LAYER).lower() in ("default", "tbb"):  # type: ignore[attr-defined]
        _load_tbb()
    parallel._launch_threads()
    _warn_of_another()
    jumps = _Jumps()
    jumps.lead_to(_of_numba(_MODULES[name()]))
    jumps.link()
    return jumps


@_LOOP_TYPE
def _first_loop_of_a_child(*operands: Any) -> None:
    """Start workqueue's threads, change to them, and run the loop."""
    threads = parallel._get_num_threads()
    ctypes.CFUNCTYPE(None, ctypes.c_int)(workqueue.launch_threads)(parallel.NUM_THREADS)
    parallel._load_threading_functions(workqueue)
    parallel._set_num_threads(threads)
    _jumps.lead_to(workqueue)
    _LOOP_TYPE(workqueue.parallel_for)(*operands)


def change_in_child() -> None:
    """Have this process, a child, start workqueue's threads at its first parallel loop."""
    parallel._threading_layer = "workqueue"
    _jumps.team = None
    _jumps.set(LOOP, ctypes.cast(_first_loop_of_a_child, ctypes.c_void_p).value)


_jumps = _start()
