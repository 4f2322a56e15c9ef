"""Limits that every CUDA kernel must keep, compiled for an A100 and an H100."""

from __future__ import annotations

import pytest

import kernels  # noqa: F401  (importing it registers the programs)
from kernels.cuda import program, programs, report
from tests.shared.cuda_compiling import ARCHITECTURES, needs_compiler

pytestmark = needs_compiler

PROGRAMS = programs()
TILED = [p for p in PROGRAMS if "implicit_gemm" in p.path.stem]
LEAST_REUSE = 8
"""Multiply-adds for each load from shared memory, of which one is issued in the time of four."""


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("source", PROGRAMS, ids=report.title)
def test_no_kernel_spills(source: program.Program, arch: str) -> None:
    spills = {line.entry: line.resources.spills for line in report.lines(source, arch)}
    assert not {entry: size for entry, size in spills.items() if size}


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("source", PROGRAMS, ids=report.title)
def test_every_kernel_fits_onto_a_multiprocessor(source: program.Program, arch: str) -> None:
    blocks = {line.entry: line.occupancy.blocks for line in report.lines(source, arch)}
    assert not [entry for entry, number in blocks.items() if number < 1]


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("source", TILED, ids=report.title)
def test_a_tiled_product_multiplies_eight_times_for_each_load_from_shared_memory(
    source: program.Program, arch: str
) -> None:
    reuse = {
        line.entry: line.counts.fma_per_shared_load
        for line in report.lines(source, arch)
        if line.shared and "float" in line.entry
    }
    assert reuse, "no instance for float has tiles in shared memory"
    assert not {
        entry: ratio for entry, ratio in reuse.items() if ratio is None or not ratio >= LEAST_REUSE
    }


def test_there_are_tiled_products_for_all_three_convolutions() -> None:
    assert {p.path.parent.name for p in TILED} == {"conv2d", "conv2d_dgrad", "conv2d_wgrad"}
