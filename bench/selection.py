"""What the command line's words select: operations, layers, batches, contenders."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from bench.cases import OPERANDS, Case, Contender
from bench.contenders import contenders
from bench.layers import LAYERS, Layer, select
from kernels import Kernel


def words(text: str) -> list[str]:
    """The words of "a,b"; ValueError if there are none."""
    found = [word.strip() for word in text.split(",") if word.strip()]
    if not found:
        raise ValueError(f"expected words separated by commas, got {text!r}")
    return list(dict.fromkeys(found))


def batches(text: str) -> list[int]:
    """The numbers of "1,16"; ValueError for what is no number of at least 1."""
    found = words(text)
    if not all(word.isdecimal() and int(word) >= 1 for word in found):
        raise ValueError(f"--batch takes numbers of images, as in 1,16; got {text!r}")
    return [int(word) for word in found]


def operations(named: str | None, mine: Sequence[Kernel]) -> list[str]:
    """Those named, or those of the user's own kernels, or all; ValueError for others."""
    found = words(named) if named else list(dict.fromkeys(k.operation for k in mine))
    known = ", ".join(OPERANDS)
    for operation in found:
        if named and operation not in OPERANDS:
            raise ValueError(f"--op: no benchmark for {operation!r}; known: {known}")
    timed = [operation for operation in found or OPERANDS if operation in OPERANDS]
    if not timed:
        raise ValueError(f"these are kernels of {', '.join(found)}; what is timed: {known}")
    return timed


def cases(
    operations: Sequence[str],
    layers: Sequence[str],
    batches: Sequence[int],
    kernels: Sequence[str],
    against: Sequence[str],
    known: Sequence[Layer] = LAYERS,
) -> dict[Case, list[Contender]]:
    """Every case that one of the selected kernels serves, with its contenders.

    ValueError for a layer or a kernel that does not exist, or if no case is left.
    """
    drawn = itertools.product(operations, batches, select(layers, known))
    every = [Case(operation, layer, batch) for operation, batch, layer in drawn]
    found = {case: contenders(case, kernels, against) for case in every}
    served = {c: some for c, some in found.items() if any(s.library == "kernels" for s in some)}
    if not served:
        names = ", ".join(kernels) or "registered"
        raise ValueError(f"no kernel ({names}) serves {'; '.join(case.title for case in every)}")
    return served
