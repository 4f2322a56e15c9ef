"""Mutation testing of the property suite: bugs planted into kernels, which it has to catch.

`MUTANTS` are the bugs, one file of diffs per family; `mutation_run` hunts them.
"""

from __future__ import annotations

from kernels.verify.mutants import (
    blocked,
    convolution,
    cuda,
    depthwise,
    elementwise,
    gradients,
    moving,
    normalisation,
    pooling,
    unpooling,
    winograd,
)
from kernels.verify.mutants.hunt import Catch, Result, hunt
from kernels.verify.mutants.mutant import Mutant, read
from kernels.verify.mutants.plant import planted
from kernels.verify.mutants.run import mutation_run, sampled
from kernels.verify.mutants.tables import by_property, table

FAMILIES = (
    *(convolution, gradients, blocked, winograd, depthwise, pooling, unpooling, normalisation),
    *(elementwise, moving, cuda),
)
MUTANTS = tuple(mutant for family in FAMILIES for mutant in read(family.TABLE))

__all__ = [
    "MUTANTS",
    "Catch",
    "Mutant",
    "Result",
    "by_property",
    "hunt",
    "mutation_run",
    "planted",
    "read",
    "sampled",
    "table",
]
