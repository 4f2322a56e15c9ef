"""CUDA programs with host code, compiled by g++ to shared libraries.

The whole file is compiled, host code and kernels, with stand-ins for CUDA's headers (`host/`):

- a launch `kernel<<<grid, block, shared, stream>>>(a, b)` becomes a call of `host::launch`, with a
  function that makes the kernel's call in each thread;
- standard headers are included first, as they are; CUDA's own are replaced;
- `__shared__` and `#pragma unroll` are rewritten as in any kernel (`rewrite.py`), and
  `__constant__` variables are ordinary ones, which the host can write.

A checked library is instrumented (`build.py`), its device memory lies where each access is seen
(`runtime/device.h`), and undefined behaviour ends the process with a sentence on its errors'
stream.
"""

from __future__ import annotations

import re
from pathlib import Path

from kernels.cuda.emulator import build
from kernels.cuda.emulator.launches import with_launches, without_texts
from kernels.cuda.emulator.rewrite import included, rewritten, without_comments

HOST = build.HERE / "host"
MARK = b"emulator_program"
"""A symbol of every such library."""

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]+)>|"([^"\n]+)")[^\n]*$', re.M)
_STAND_INS = {
    "cuda_runtime.h", "cuda_runtime_api.h", "cuda.h", "device_launch_parameters.h",
    "device_functions.h", "vector_types.h", "vector_functions.h", "math_constants.h",
    "math_functions.h", "builtin_types.h", "driver_types.h", "sm_20_intrinsics.h",
    "cuda_device_runtime_api.h", "host_defines.h", "crt/host_defines.h",
}  # fmt: skip
_NARROW = {"cuda_fp16.h", "cuda_bf16.h", "cuda_fp16.hpp", "cuda_bf16.hpp"}
_CPP = {"math.h": "cmath", "stdlib.h": "cstdlib"}
"""Headers of C that would declare C++'s overloads a second time."""
_SMALL = re.compile(r"\b(half2?|__half2?|u?int8_t|u?int16_t|char|short|bool|\w*bfloat16\w*)\b")
"""Types below four bytes: memory that holds them is checked by bytes, not by words."""


class Untaken(ValueError):
    """A construct that the emulator does not have, with its line."""


_UNTAKEN = (
    (r'#[ \t]*include[ \t]*[<"]mma\.h|\bwmma\s*::', "tensor cores' fragments (nvcuda::wmma)"),
    (r'#[ \t]*include[ \t]*[<"]cooperative_groups|\bcooperative_groups\b', "cooperative groups"),
    (r"\btexture\s*<|\btex[123]D\w*\s*[<(]|\bcudaTextureObject_t\b", "textures"),
    (r"\bsurf[123]D\w*\s*[<(]|\bcudaSurfaceObject_t\b", "surfaces"),
    (r"\basm\b", "PTX (asm)"),
    (r"\b__pipeline_\w+|\bcuda\s*::\s*(?:pipeline|memcpy_async|barrier)\b", "asynchronous copies"),
    (r"\bcudaLaunch(?:Cooperative)?Kernel\w*\b|\bcuLaunchKernel\b",
     "launches by a call; `kernel<<<grid, block>>>(...)` would be"),
    (r"\bcudaGraph\w*|\bcudaStreamBeginCapture\b", "graphs of launches"),
    (r"\b__cluster_dims__\b|\bcudaLaunchAttributeClusterDimension\b", "clusters of blocks"),
    (r'#[ \t]*include[ \t]*[<"](cub|thrust|cutlass|cute|cuda)/', "this library"),
    (r'#[ \t]*include[ \t]*[<"](cublas\w*|cudnn\w*|curand\w*|cufft\w*|cusparse\w*|nccl|nvrtc)\.h',
     "this library"),
    (r'#[ \t]*include[ \t]*[<"](torch|ATen|c10|pybind11)/', "PyTorch's interface for C++"),
)  # fmt: skip


def library(source: Path, checked: bool) -> Path:
    """The shared library of a program, compiled if it is not cached.

    Untaken (a ValueError) names what the emulator does not have; CompileError has g++'s message.
    """
    text = program(source)
    narrow = _SMALL.search(text) is not None
    return build.program(text, f"{source}", checked, narrow, HOST)


def program(source: Path) -> str:
    """The program for g++; `#line` keeps files and line numbers."""
    for file in included(source):
        _refuse(file)
    text = with_launches(rewritten(source, constants=False))
    standard: dict[str, None] = {}
    own = {'"program.h"': None}

    def sort(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name in _NARROW:
            own['"narrow.h"'] = None
        elif name in _CPP:
            standard[f"<{_CPP[name]}>"] = None
        elif name not in _STAND_INS:
            if match[1]:
                standard[f"<{name}>"] = None
            return match[0]  # included already, or not there, which g++ says
        return ""

    text = _INCLUDE.sub(sort, text)
    first = "".join(f"#if __has_include({n})\n#include {n}\n#endif\n" for n in standard)
    return first + "".join(f"#include {name}\n" for name in own) + text


def is_program(path: str | Path) -> bool:
    """Whether a shared library launches kernels in the emulator."""
    path = Path(path)
    return path.suffix == ".so" and path.is_file() and MARK in path.read_bytes()


def _refuse(file: Path) -> None:
    """Untaken for the first construct of the file that the emulator does not have."""
    text = without_comments(file.read_text(encoding="utf-8", errors="replace"))
    lines = (
        line if line.lstrip().startswith("#") else without_texts(line) for line in text.split("\n")
    )
    bare = "\n".join(lines)
    found = [(m.start(), what) for pattern, what in _UNTAKEN if (m := re.search(pattern, bare))]
    if found:
        at, what = min(found)
        line = bare.count("\n", 0, at) + 1
        code = text.split("\n")[line - 1].strip()
        raise Untaken(f"{file}:{line}: the emulator does not take {what}: {code}")
