"""The machine that kernels are made for: vector registers, cache lines, caches.

The registers are those of the processor that Numba compiles for.

It is this machine's, or the one that NUMBA_CPU_NAME names (`haswell`: AVX2, 16 registers of 32
bytes; `generic`: SSE2 without fused multiply-adds, 16 of 16 bytes). Numba takes the name for the
tuning and, unless NUMBA_CPU_FEATURES is set too, the instructions of this machine; here a name
stands for the instructions of the processor of that name alone. Numba's cache keeps compiled code
by name and instructions, so that none is taken for another processor's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]
from numba import config
from numba.core.codegen import get_host_cpu_features

CACHE_LINE = 64
"""Bytes that memory moves at a time."""
NEAR_CACHES = 4 << 20
"""Bytes that the caches next to the cores hold together: what is larger goes past them."""
LAST_CACHE = 24 << 20
"""Bytes of the last cache that a kernel counts on, with what other programs leave of it."""

_settings: Any = config
if _settings.CPU_NAME is not None and _settings.CPU_FEATURES is None:
    _settings.CPU_FEATURES = ""

_ADDITION = """
define <16 x i32> @add(<16 x i32> %x, <16 x i32> %y) {
  %sum = add <16 x i32> %x, %y
  ret <16 x i32> %sum
}
"""


@dataclass(frozen=True)
class Machine:
    """Bytes of a vector register, and how many there are."""

    width: int
    registers: int


def described(name: str, features: str) -> Machine:
    """The processor of that name with these features ("+avx2,-avx512f"; "": those of the name).

    LLVM has no table of names to ask; so it is given an addition of 64 bytes to compile, and the
    registers that it adds in are looked at.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    compiler = target.create_target_machine(cpu=name, features=features)
    assembly = compiler.emit_assembly(llvm.parse_assembly(_ADDITION))
    added = " ".join(line for line in assembly.splitlines() if "paddd" in line)
    if "zmm" in added:
        return Machine(64, 32)
    if "ymm" in added:
        return Machine(32, 16)
    return Machine(16, 32 if target.name in ("aarch64", "arm64") else 16)


def name() -> str:
    """LLVM's name of the processor that Numba compiles for."""
    return str(_settings.CPU_NAME or llvm.get_host_cpu_name())


def given() -> str:
    """What NUMBA_CPU_NAME adds to this processor's name where results are kept: " as haswell"."""
    return f" as {_settings.CPU_NAME}" if _settings.CPU_NAME else ""


def features() -> str:
    """The features that Numba compiles with; "": those that the name implies."""
    given = _settings.CPU_FEATURES
    return str(get_host_cpu_features() if given is None else given)


MACHINE = described(name(), features())
