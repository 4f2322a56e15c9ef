"""What a CUDA thread moves at a time: one element, or 16 bytes of them.

A warp that loads 16 bytes a thread fetches 512 on end with one instruction, where single floats
take four. A type of 16 bytes has to lie where 16 divides the address, so it serves where the
innermost axis comes in such packs and the arrays begin at such a place.
"""

from __future__ import annotations

from typing import Any

from kernels.contract.arrays import address
from kernels.contract.memory import VECTOR
from kernels.cuda.program import ctype

PACKS = {"float": ("float4", 4), "double": ("double2", 2)}


def pack(channels: int, *arrays: Any) -> tuple[str, int]:
    """(CUDA's type, elements in it) to move `arrays` by, whose innermost runs have `channels`."""
    single = ctype(arrays[0].dtype)
    wide, lanes = PACKS[single]
    aligned = all(address(a) % VECTOR == 0 for a in arrays)
    return (wide, lanes) if aligned and channels % lanes == 0 else (single, 1)


def instances(*names: str) -> tuple[str, ...]:
    """Each template's instances for every type that `pack` may give."""
    return tuple(f"{name}<{T}>" for name in names for one in PACKS for T in (one, PACKS[one][0]))
