"""Static report on every CUDA kernel: registers, spills, main loop, occupancy; without a GPU.

Each instance of each program is compiled for each architecture. Registers, shared memory and spills
come from the assembler's log, the main loop's instructions from the machine code, the occupancy
from both and the block size. Nothing is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from kernels.cuda import disassembly, loops, nvrtc, occupancy, packages, roofline
from kernels.cuda.compilations import compilation
from kernels.cuda.program import Entry

ARCHITECTURES = "sm_80", "sm_90"
"""An A100 and an H100."""
UNPROVEN = (
    "Nothing in this report has run on a GPU, and nothing was measured: the kernels were compiled, "
    "and their machine code was read. Occupancies and times are predictions from tables."
)
_KERNELS = Path(__file__).parents[1]


class Source(Protocol):
    """Subject of the report: a .cu file and its launch parameters (`program.Program`)."""

    path: Path
    entries: dict[str, Entry]


@dataclass(frozen=True)
class Line:
    """One instance for one architecture.

    counts: of the main loop if there is one (`repeats`), else of the whole kernel.
    """

    program: str
    entry: str
    arch: str
    launch: Entry
    resources: nvrtc.Resources
    occupancy: occupancy.Occupancy
    repeats: bool
    counts: loops.Counts

    @property
    def shared(self) -> int:
        """Bytes of shared memory per block, static and dynamic."""
        return self.resources.shared + self.launch.shared


def lines(program: Source, arch: str) -> list[Line]:
    """A line an instance. CompileError if the program does not compile."""
    compiled = compilation(program.path, list(program.entries), arch)
    resources = nvrtc.resources(compiled.log)
    code = disassembly.kernels_of(compiled.sass)
    return [
        _line(program, name, arch, resources[lowered], code[lowered])
        for name, lowered in compiled.lowered.items()
    ]


def _line(
    program: Source,
    name: str,
    arch: str,
    resources: nvrtc.Resources,
    code: Sequence[disassembly.Instruction],
) -> Line:
    launch = program.entries[name]
    x, y, z = launch.block
    shared = resources.shared + launch.shared
    held = occupancy.predicted(arch, x * y * z, resources.registers, shared)
    loop = loops.main_loop(code)
    return Line(
        *(title(program), name, arch, launch, resources, held),
        repeats=loop is not None,
        counts=loops.count(code) if loop is None else loop,
    )


def title(program: Source) -> str:
    """ "conv2d/cuda_naive": the folder and the file, for one of the project's own."""
    path = program.path.with_suffix("")
    return str(path.relative_to(_KERNELS)) if path.is_relative_to(_KERNELS) else str(path)


def chosen(programs: Iterable[Source], kernel: str | None) -> list[Source]:
    """The programs whose title has `kernel` in it, all for None; ValueError lists the titles."""
    programs = list(programs)
    found = [p for p in programs if kernel is None or kernel in title(p)]
    if not found:
        known = ", ".join(map(title, programs)) or "none"
        raise ValueError(f"no CUDA program's name has {kernel!r} in it; there are: {known}")
    return found


def architectures(listed: str) -> list[str]:
    """ "sm_80,sm_90" -> ["sm_80", "sm_90"]; ValueError for one that is not known."""
    found = [arch.strip() for arch in listed.split(",") if arch.strip()]
    if not found:
        raise ValueError(f"--arch names no architecture, got {listed!r}; sm_80,sm_90 would do")
    for arch in found:
        occupancy.multiprocessor(arch)
    return list(dict.fromkeys(found))


def as_json(found: Iterable[Line]) -> dict[str, Any]:
    """The whole report for a file: the kernels' lines, the roofline, and the tools' versions."""
    return {
        "note": UNPROVEN,
        "versions": {name: packages.version(name) for name in packages.REQUIREMENTS},
        "kernels": [_line_as_json(line) for line in found],
        "machines": [asdict(machine) for machine in roofline.MACHINES],
        "roofline": list(_roofline_as_json()),
    }


def _line_as_json(line: Line) -> dict[str, Any]:
    found = asdict(line)
    found["occupancy"]["fraction"] = line.occupancy.fraction
    found["counts"]["fma_per_shared_load"] = line.counts.fma_per_shared_load
    return found


def _roofline_as_json() -> Iterator[dict[str, Any]]:
    for batch in roofline.BATCHES:
        for row in roofline.rows(batch):
            yield asdict(row)
