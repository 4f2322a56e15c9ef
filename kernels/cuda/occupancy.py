"""Occupancy of a kernel, computed from its registers, shared memory and block size.

    Occupancy(blocks=2, warps=16, limit=64, bounds=("registers",)).fraction      0.25

A multiprocessor holds whole blocks, as many as each of these limits allows:

    warps              its warp slots / warps of a block
    blocks             its block slots
    registers          each of its four parts has a quarter of the registers, and a warp takes
                       registers of a thread x 32, rounded up to 256:
                       4 floor(16384 / registers of a warp) warps / warps of a block
    shared memory      floor(shared memory / (that of a block + 1 KiB for the system)), a block's
                       rounded up to 128 bytes

(NVIDIA: "CUDA C++ Programming Guide", 13.0, section 17, table "Technical Specifications per Compute
Capability"; granularities and the fourfold division: `cuda_occupancy.h` of the toolkit 13.0.) More
threads hide more latency. A kernel with many independent instructions per thread, such as a
register-blocked product, needs few (Volkov: "Better performance at lower occupancy", 2010).
"""

from __future__ import annotations

from dataclasses import dataclass

WARP = 32
PARTS = 4
REGISTERS_STEP = 256
SHARED_STEP = 128
SHARED_OF_SYSTEM = 1 << 10
MOST_REGISTERS = 255
MOST_THREADS = 1024


@dataclass(frozen=True)
class Multiprocessor:
    """Limits of one multiprocessor; shared memory in bytes, of which a block may have `most`."""

    warps: int
    blocks: int
    registers: int
    shared: int
    most_shared: int


MULTIPROCESSORS = {
    "sm_80": Multiprocessor(64, 32, 65536, 164 << 10, 163 << 10),
    "sm_86": Multiprocessor(48, 16, 65536, 100 << 10, 99 << 10),
    "sm_89": Multiprocessor(48, 24, 65536, 100 << 10, 99 << 10),
    "sm_90": Multiprocessor(64, 32, 65536, 228 << 10, 227 << 10),
}


@dataclass(frozen=True)
class Occupancy:
    """Resident blocks and warps of a multiprocessor, of `limit` warps, and the binding limits."""

    blocks: int
    warps: int
    limit: int
    bounds: tuple[str, ...]

    @property
    def fraction(self) -> float:
        return self.warps / self.limit


def predicted(arch: str, threads: int, registers: int, shared: int) -> Occupancy:
    """Occupancy of blocks of `threads`, each with `registers`, and `shared` bytes per block.

    Zero blocks fit if one needs more than a block may have. ValueError for an architecture that is
    not in the table.
    """
    has = multiprocessor(arch)
    warps = -(-threads // WARP)
    allowed = {
        "warps": has.warps // warps if threads <= MOST_THREADS else 0,
        "blocks": has.blocks,
        "registers": _by_registers(has, warps, registers),
        "shared memory": _by_shared(has, shared),
    }
    blocks = min(allowed.values())
    bounds = tuple(what for what, most in allowed.items() if most == blocks)
    return Occupancy(blocks, blocks * warps, has.warps, bounds)


def multiprocessor(arch: str) -> Multiprocessor:
    """The limits of this architecture's multiprocessor; ValueError lists the known ones."""
    if arch not in MULTIPROCESSORS:
        raise ValueError(
            f"no occupancy is known for {arch!r}: --arch takes {', '.join(MULTIPROCESSORS)}"
        )
    return MULTIPROCESSORS[arch]


def _by_registers(has: Multiprocessor, warps: int, registers: int) -> int:
    """Blocks that fit by registers; a launch is refused as if all four parts held as many warps."""
    a_warp = _up(registers * WARP, REGISTERS_STEP)
    if registers > MOST_REGISTERS or a_warp * _up(warps, PARTS) > has.registers:
        return 0
    if registers == 0:
        return has.blocks
    return has.registers // PARTS // a_warp * PARTS // warps


def _by_shared(has: Multiprocessor, shared: int) -> int:
    """Blocks that fit by shared memory, with the smallest L1 cache beside it."""
    if shared > has.most_shared:
        return 0
    return has.shared // _up(shared + SHARED_OF_SYSTEM, SHARED_STEP)


def _up(value: int, step: int) -> int:
    return -(-value // step) * step
