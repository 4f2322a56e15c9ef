"""Entry points are compiled as one unit, with their results and errors unchanged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = """
import gc
import numba
import numpy as np
from numba.core import codegen, compiler
from kernels.contract.compilation import entry_point, inlined, optimised, subroutine

assembled = []
assemble = codegen.JITCodeLibrary._finalize_specific

def record(library):
    assembled.append(library.name)
    assemble(library)

codegen.JITCodeLibrary._finalize_specific = record

@inlined
def twice(value):
    return 2 * value

@subroutine
def total(x, first, end):
    result = 0.0
    for i in range(first, end):
        result += twice(x[i])
    return result

@optimised
def checked(x, first, end):
    if first < 0:
        raise ValueError("a first element below 0")
    return total(x, first, end)

@entry_point(parallel=True)
def rows(x, y, width, first):
    for row in numba.prange(len(y)):
        y[row] = checked(x, first + row * width, first + (row + 1) * width) + np.ones(3).sum()

@numba.njit
def plain(x):
    return checked(x, 0, len(x))
"""


def run(code: str, folder: Path, before: str = "", **variables: str) -> list[str]:
    """The lines that a program prints, with an empty cache; `before` comes before its imports."""
    file = folder / "program.py"
    file.write_text(before + PROGRAM + code)
    environment = {"NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": ":".join(sys.path)}
    environment |= variables
    made = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, env=environment, timeout=300
    )
    assert made.returncode == 0, made.stderr
    return made.stdout.splitlines()


def test_only_an_entry_point_is_assembled(tmp_path: Path) -> None:
    code = """
x, y = np.arange(6.0), np.zeros(3)
rows(x, y, 2, 0)
print(*y)
print(*assembled)
print(gc.isenabled())
"""
    values, names, collects = run(code, tmp_path)
    assert values == "5.0 13.0 21.0"
    assert names.split() == ["nrt", "rows"]  # Numba's reference counting, and the entry point
    assert collects == "True"


def test_cached_code_is_loaded_without_its_subroutines(tmp_path: Path) -> None:
    code = """
y = np.zeros(3)
rows(np.arange(6.0), y, 2, 0)
print(*y)
print(sum(rows.stats.cache_hits.values()), len(checked.overloads))
"""
    assert run(code, tmp_path) == ["5.0 13.0 21.0", "0 1"]
    assert run(code, tmp_path) == ["5.0 13.0 21.0", "1 0"]


@pytest.mark.parametrize("before", ["", "rows(np.ones(2), np.zeros(1), 2, 0)"])
def test_a_subroutine_serves_plain_functions_too(tmp_path: Path, before: str) -> None:
    """Also after it was linked into an entry point; its error keeps its text."""
    code = f"""
{before}
print(plain(np.arange(4.0)))
try:
    checking = numba.njit(lambda x: checked(x, -1, 2))
    checking(np.ones(2))
except ValueError as error:
    print(error)
"""
    assert run(code, tmp_path) == [str(np.arange(4.0).sum() * 2), "a first element below 0"]


def test_a_subroutine_can_be_called_from_python(tmp_path: Path) -> None:
    """Before and after compiled code called it: it has no wrapper of its own for that."""
    code = """
x = np.arange(4.0)
print(checked(x, 0, 4), total(x, 0, 4), twice(2.0))
rows(x, np.zeros(2), 2, 0)
print(checked(x, 0, 4), total(x, 0, 4), twice(2.0))
"""
    assert run(code, tmp_path) == ["12.0 12.0 4.0"] * 2


def test_a_cached_function_of_numba_may_be_called_by_an_entry_point(tmp_path: Path) -> None:
    code = """
@numba.njit(cache=True)
def half(value):
    return value / 2

@entry_point()
def halves(x):
    for i in range(len(x)):
        x[i] = half(x[i])

x = np.arange(4.0)
halves(x)
print(*x, half(3.0))
"""
    assert run(code, tmp_path) == run(code, tmp_path) == ["0.0 0.5 1.0 1.5 1.5"]


@pytest.mark.parametrize("decorator", ["entry_point()", "numba.njit(cache=True)"])
def test_python_calls_what_was_read_from_the_cache_for_an_entry_point(
    decorator: str, tmp_path: Path
) -> None:
    """The cache has `half`, and not yet `halves`, which calls it."""
    code = f"""
import os

@{decorator}
def half(value):
    return value / 2

@entry_point()
def halves(x):
    for i in range(len(x)):
        x[i] = half(x[i])

if "ALONE" not in os.environ:
    x = np.arange(4.0)
    halves(x)
    print(*x, sum(half.stats.cache_hits.values()))
print(half(3.0))
"""
    assert run(code, tmp_path, ALONE="1") == ["1.5"]
    assert run(code, tmp_path) == ["0.0 0.5 1.0 1.5 1", "1.5"]


UNKNOWN = """
import sys
import numba
numba.__version__ = "99.0.0"
sys.modules["kernels.contract.linking"] = None  # importing it is an error
"""


def test_an_unknown_numba_compiles_as_it_does_by_itself(tmp_path: Path) -> None:
    code = """
from kernels.contract import compilation
from numba.core.registry import CPUDispatcher
y = np.zeros(3)
rows(np.arange(6.0), y, 2, 0)
print(*y)
print(compilation.AS_ONE_UNIT, type(checked) is CPUDispatcher, len(assembled) > 2)
print(checked(np.arange(4.0), 0, 4))
"""
    assert run(code, tmp_path, UNKNOWN) == ["5.0 13.0 21.0", "False True True", "12.0"]


def test_an_interrupted_compilation_is_done_again(tmp_path: Path) -> None:
    """Interrupted in a subroutine, and in the entry point after its subroutines."""
    code = """
from numba.core import lowering
lower = lowering.BaseLower.lower
for after in range(8):
    count = 0
    def interrupted(self):
        global count
        count += 1
        if count > after:
            raise KeyboardInterrupt
        lower(self)
    lowering.BaseLower.lower = interrupted
    try:
        rows(np.arange(6.0), np.zeros(3), 2, 0)
    except KeyboardInterrupt:
        pass
    else:
        break
lowering.BaseLower.lower = lower
y = np.zeros(3)
rows(np.arange(6.0), y, 2, 0)
print(*y, gc.isenabled(), after > 1)
"""
    assert run(code, tmp_path) == ["5.0 13.0 21.0 True True"]


def test_two_processes_may_compile_at_once(tmp_path: Path) -> None:
    code = """
import subprocess, sys
from pathlib import Path
other = None
if "other" not in sys.argv:
    other = subprocess.Popen([sys.executable, __file__, "other"], stdout=subprocess.PIPE, text=True)
y = np.zeros(3)
rows(np.arange(6.0), y, 2, 0)
print(*y)
if other is not None:
    print(other.communicate()[0].strip())
"""
    assert run(code, tmp_path) == ["5.0 13.0 21.0"] * 2


@pytest.mark.parametrize("processor", ["haswell", "generic"])
def test_code_for_another_processor_gives_the_same(tmp_path: Path, processor: str) -> None:
    code = "y = np.zeros(3)\nrows(np.arange(6.0), y, 2, 0)\nprint(*y)"
    variables = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    assert run(code, tmp_path, **variables) == ["5.0 13.0 21.0"]


def test_functions_stay_python_where_numba_is_switched_off(tmp_path: Path) -> None:
    code = "y = np.zeros(3)\nrows(np.arange(6.0), y, 2, 0)\nprint(*y)"
    assert run(code, tmp_path, NUMBA_DISABLE_JIT="1") == ["5.0 13.0 21.0"]
