"""Environment of an MPI launcher: how many processes it started, and which of them this one is.

It is read without importing mpi4py, so that a process alone imports nothing of MPI.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Launch:
    """What a launcher said: its name, processes in all, this one's rank, processes on this host."""

    launcher: str
    size: int
    rank: int
    local_size: int


@dataclass(frozen=True)
class _Variables:
    """Names of the environment variables of a launcher."""

    launcher: str
    size: str
    rank: str
    local_size: str


_LAUNCHERS = (
    _Variables("Open MPI's mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK",
               "OMPI_COMM_WORLD_LOCAL_SIZE"),
    _Variables("MPICH's mpiexec", "PMI_SIZE", "PMI_RANK", "MPI_LOCALNRANKS"),
    _Variables("Slurm's srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_STEP_TASKS_PER_NODE"),
)  # fmt: skip
SLURM = _LAUNCHERS[-1].launcher


def launched(environment: Mapping[str, str] | None = None) -> Launch | None:
    """The launcher's words; None for a process that no launcher of MPI started.

    One task of srun is a process alone: batch systems start whatever runs so.
    """
    given = os.environ if environment is None else environment
    for names in _LAUNCHERS:
        size, rank = _number(given.get(names.size)), _number(given.get(names.rank))
        if size is None or rank is None or size < 1:
            continue
        if names.launcher == SLURM and size == 1:
            continue
        local = _number(given.get(names.local_size)) or 1
        return Launch(names.launcher, size, rank, local)
    return None


def _number(text: str | None) -> int | None:
    """The number that a text begins with: Slurm writes 4(x2) for two nodes of four tasks."""
    digits = (text or "").split("(")[0].split(",")[0]
    return int(digits) if digits.isdecimal() else None
