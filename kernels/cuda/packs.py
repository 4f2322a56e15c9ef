"""Vectorised access: the type that a CUDA thread moves at a time, one element or 16 bytes.

A warp that loads 16 bytes per thread reads 512 contiguous bytes with one instruction; single floats
take four. A 16-byte vector needs an address that is a multiple of 16. So vectors are used if they
divide the innermost axis and the arrays begin at such an address.
"""

from __future__ import annotations

from typing import Any

from kernels.contract.arrays import address
from kernels.contract.memory import VECTOR
from kernels.cuda.program import ctype

PACKS = {"float": ("float4", 4), "double": ("double2", 2)}


def pack(channels: int, *arrays: Any) -> tuple[str, int]:
    """(CUDA type, its elements) for access to `arrays` with `channels` contiguous elements."""
    single = ctype(arrays[0].dtype)
    wide, lanes = PACKS[single]
    aligned = all(address(a) % VECTOR == 0 for a in arrays)
    return (wide, lanes) if aligned and channels % lanes == 0 else (single, 1)


def instances(*names: str) -> tuple[str, ...]:
    """Each template's instances for every type that `pack` may return."""
    return tuple(f"{name}<{T}>" for name in names for one in PACKS for T in (one, PACKS[one][0]))
