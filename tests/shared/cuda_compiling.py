"""Helpers of the CUDA report's tests: example kernels, a mark for tests of NVIDIA's packages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from kernels.cuda import compilations, disassembly, nvrtc, packages
from kernels.cuda.program import Entry

EXAMPLES = Path(__file__).parents[1] / "kernels" / "cuda" / "examples.cu"
INSTANCES = (
    "product<float>", "product<double>", "copy<float4>", "copy<float>", "copy<double2>",
    "copy<short>", "nested", "average", "crowded", "indexed", "calling", "straight",
)  # fmt: skip
ARCHITECTURES = "sm_80", "sm_90"

needs_compiler = pytest.mark.skipif(
    any(packages.version(name) is None for name in packages.REQUIREMENTS),
    reason=f"pip install {' '.join(map(repr, packages.REQUIREMENTS.values()))}",
)


@dataclass(frozen=True)
class Example:
    """An unregistered program with the attributes that the report uses."""

    path: Path
    entries: dict[str, Entry] = field(default_factory=dict)


def example(path: Path, names: Iterable[str], block: tuple[int, int, int] = (256, 1, 1)) -> Example:
    return Example(path, dict.fromkeys(names, Entry(block)))


@dataclass(frozen=True)
class Compiled:
    """One of the example kernels for one architecture."""

    resources: nvrtc.Resources
    code: list[disassembly.Instruction]


@cache
def _examples(
    arch: str,
) -> tuple[compilations.Compilation, dict[str, list[disassembly.Instruction]]]:
    compiled = compilations.compilation(EXAMPLES, INSTANCES, arch)
    return compiled, disassembly.kernels_of(compiled.sass)


def compiled(name: str, arch: str) -> Compiled:
    """An instance in `examples.cu`; all are compiled together, once."""
    compilation, code = _examples(arch)
    lowered = compilation.lowered[name]
    return Compiled(nvrtc.resources(compilation.log)[lowered], code[lowered])
