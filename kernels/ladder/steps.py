"""The steps of the ladder in order, by the names of their files."""

from __future__ import annotations

from kernels.ladder import (
    exact_tiles,
    im2col,
    loops,
    packing,
    prefetch,
    register_block,
    slices,
    threads,
    winograd_2x2,
    winograd_4x4,
)
from kernels.ladder.step import Step

_MODULES = (
    *(loops, slices, im2col, register_block, packing, prefetch, threads),
    *(winograd_2x2, winograd_4x4, exact_tiles),
)
STEPS: dict[str, Step] = {module.__name__.rpartition(".")[2]: module.STEP for module in _MODULES}
PREFIX = "ladder."
"""Prefix of a step's name in lists with registered kernels."""
