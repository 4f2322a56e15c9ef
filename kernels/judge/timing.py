"""Clock for a kernel that is not trusted: the judge's own, on operands that nobody can predict.

Each turn is one call on operands chosen at random from a pool that is drawn anew. Turns of the
kernel and of this project's own kernel alternate. In every turn the result is taken at the moment
at which the kernel says that it is done; in some, chosen at random by the judge alone, it is
compared with the definition: a result that is kept from another call, or still being written, is
found. Work after that word is time that is missing, and found by how long results take to arrive.
Processor time is counted over all processes that the kernel has begun; a time below what the
machine's limits allow is an error (`limits.py`).
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kernels.contract.registry import Kernel, pick
from kernels.judge.limits import least_seconds
from kernels.judge.remote import Remote
from kernels.judge.tasks.operation import NAME as TASK
from kernels.verify.calls import Call, make
from kernels.verify.property import agree
from kernels.verify.verdicts import Violation

POOL = 6
"""Different operands."""
LEAST_TURNS, MOST_TURNS = 12, 200
CHECKED = 4
"""One in so many turns is compared."""
SECONDS = 4.0
"""Of turns for a geometry, at most."""
SETTLED, IDLE = 0.3, 0.05
"""Seconds after a call in which the threads of libraries spin, and in which a kernel that is not
called should not compute."""
ARRIVAL, FEWEST_BYTES = 0.02, 2e8
"""Seconds, and bytes a second, that results may take to arrive, however busy the machine is."""
MOST_IDLE = 0.5
"""Share of that time."""
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Timing:
    """The times of one geometry, in seconds.

    wall, cpu:  medians of a call by the judge's clock, and of the kernel's processes.
    reference:  the median of this project's kernel, by its name, in turn with it; 0 where there is
                none, for a module.
    turns:      that were timed; checked: that were compared.
    wrong:      why there is no time; "" if there is one.
    """

    geometry: Any
    wall: float = 0.0
    cpu: float = 0.0
    reference: float = 0.0
    name: str = ""
    turns: int = 0
    checked: int = 0
    wrong: str = ""


def timed(kernel: Remote, g: Any, seed: int) -> Timing:
    """The times of the kernel on a geometry in float32, or what is wrong with them.

    The choice of operands and of checked turns is drawn from the system, so that a kernel cannot
    know it; `seed` draws the operands.
    """
    pool = [make(kernel.operation, g, "normal", seed + i, np.float32) for i in range(POOL)]
    expected = [call.its.in_float64(call) for call in pool]
    ours = None if kernel.operation == TASK else pick(kernel.operation, "cpu", pool[0].problem)
    try:
        return _turns(kernel, ours, pool, expected)
    except Violation as error:
        return Timing(g, wrong=str(error))
    except Exception as error:
        return Timing(g, wrong=f"{type(error).__name__}: {error}")


def _turns(
    kernel: Remote, ours: Kernel | None, pool: Sequence[Call], expected: Sequence[Any]
) -> Timing:
    unknown = np.random.default_rng()  # seeded by the system
    results = sum(e.size * pool[0].dtype.itemsize for e in expected[0])
    least = least_seconds(pool[0], results)
    for call in pool[:2]:
        call.run(kernel)
        if ours is not None:
            call.run(ours)
    walls, afters, others, checked = list[float](), list[float](), list[float](), 0
    before, end = _cpu(kernel), time.perf_counter() + SECONDS
    while len(walls) < MOST_TURNS and (len(walls) < LEAST_TURNS or time.perf_counter() < end):
        chosen = int(unknown.integers(len(pool)))
        turn = kernel.timed(*pool[chosen].its.arguments(pool[chosen]))
        walls.append(turn.wall)
        afters.append(turn.after)
        if unknown.integers(CHECKED) == 0:
            _check(kernel, pool[chosen], turn.results, expected[chosen])
            checked += 1
        if ours is not None:
            others.append(_seconds(lambda c=pool[chosen]: c.run(ours)))  # type: ignore[misc]
    cpu = (_cpu(kernel) - before) / len(walls)
    wall, after = statistics.median(walls), statistics.median(afters)
    if after > 2 * wall + ARRIVAL + results / FEWEST_BYTES:
        return Timing(pool[0].g, wrong=f"it works on after it said that it was done: {wall:.3g} s, "
                      f"and {after:.3g} s more until its results arrive")  # fmt: skip
    if wall < least:
        return Timing(pool[0].g, wrong=f"{wall:.3g} s is less than the {least:.3g} s that this "
                      "machine needs for the bytes and operations of the call")  # fmt: skip
    _rests(kernel)
    reference = statistics.median(others) if others else 0.0
    name = "" if ours is None else ours.name
    return Timing(pool[0].g, wall, cpu, reference, name, len(walls), checked)


def _check(kernel: Remote, call: Call, results: tuple[Any, ...], expected: Any) -> None:
    """Violation unless the results, as they were when the kernel returned, are the definition's."""
    for result, true, bound in zip(results, expected, call.bound(kernel), strict=False):
        agree(result, true, bound, "in a turn that was checked")


def _rests(kernel: Remote) -> None:
    """Violation if the kernel computes while nobody calls it."""
    time.sleep(SETTLED)
    before = _cpu(kernel)
    time.sleep(IDLE)
    used = _cpu(kernel) - before
    if used > MOST_IDLE * IDLE:
        raise Violation(f"it computes between calls: {used:.2f} s in {IDLE:.2f} s of rest")


def _seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _cpu(kernel: Remote) -> float:
    """Processor seconds of the launcher of the kernel's process, and of all that descend from it.

    Orphans stay below the launcher (`apart.py`), in whatever session they are.
    """
    parents, used = dict[int, int](), dict[int, float]()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        process = int(entry.name)
        parents[process] = int(fields[1])
        used[process] = sum(map(int, fields[11:15])) / _TICK  # its own, and of children that ended
    return sum(
        seconds for p, seconds in used.items() if _descends(p, kernel.guest.process.pid, parents)
    )


def _descends(process: int, ancestor: int, parents: Mapping[int, int]) -> bool:
    """Whether a process is another, or was begun by it, or by one that was."""
    while process in parents and process != ancestor:
        process = parents[process]
    return process == ancestor
