"""Property "interrupted", as the judge has it: another call between two lines of the kernel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kernels.contract.registry import Kernel
from kernels.judge.between_lines import BEFORE_NONE, NAME, Interruption
from kernels.judge.remote import Remote
from kernels.verify.calls import Call, Results
from kernels.verify.properties.every import other_values
from kernels.verify.properties.histories import MOST_CHANGED, check, expected
from kernels.verify.property import PROPERTIES, Property


def serves_another_caller_between_two_lines(kernel: Kernel, call: Call, seed: int) -> None:
    """A call of the same shapes that is made between two lines of the kernel, as another thread
    may, changes nothing: the two share no buffer."""
    rng, other = np.random.default_rng(seed), call.each(other_values)
    wanted = expected(kernel, call)
    results, lines = _run(kernel, call, other, BEFORE_NONE)
    check(results, wanted, "alone")
    for line in rng.permutation(lines)[:MOST_CHANGED]:
        results, _ = _run(kernel, call, other, int(line))
        check(results, wanted, "with another call between two lines")


def _run(kernel: Kernel, call: Call, other: Call, at: int) -> tuple[Results, int]:
    """The results of the call, and the number of its lines."""
    assert isinstance(kernel, Remote)
    between = Interruption(other.its.arguments(other), other.options, at)

    def run(*arguments: object, **options: object) -> object:
        return kernel.asks.called(arguments, options, between)

    return call.its.called(run, *call.its.arguments(call), **call.options), between.lines


def _has_lines(kernel: Kernel) -> bool:
    return isinstance(kernel, Remote) and kernel.asks.lines


INTERRUPTED: Property = replace(
    PROPERTIES[NAME], check=serves_another_caller_between_two_lines, applies=_has_lines
)
