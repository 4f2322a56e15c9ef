"""Contenders of a case, and the call of each.

A library gets its arrays in its own memory layout, kernels get theirs channels-last. The arrays are
made before anything is timed, on a GPU in the GPU's memory. Each contender allocates its result.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench import torch_builds
from bench.cases import Case, Contender
from bench.engines import ENGINES
from bench.operations import Call, of

LAYOUTS = {
    "torch": ("NCHW", "NHWC"),
    "torch.compile": ("NHWC",),
    "onnxruntime": ("",),
    "openvino": ("",),
    "ncnn": ("",),
}
"""The libraries to compare with, and the layouts in which each is timed ("" for a single one). The
faster layout counts."""

ON_GPU = ("torch",)
"""The libraries that are compared on a GPU."""

NEEDS = {
    "torch": ("torch",),
    "torch.compile": ("torch",),
    "onnxruntime": ("onnx", "onnxruntime"),
    "openvino": ("onnx", "openvino"),
    "ncnn": ("onnx", "ncnn", "pnnx"),
}
"""The packages that a library needs; the extra `bench` has all of them."""


def libraries(names: Sequence[str] | None, device: str = "cpu") -> list[str]:
    """The libraries in `names`, or all available ones (None); ValueError for an unavailable one."""
    if names is None:
        return [name for name in LAYOUTS if not _missing(name, device)]
    for name in names:
        if name not in LAYOUTS:
            known = ", ".join(LAYOUTS)
            raise ValueError(f"cannot compare with {name!r}; known: {known}, or none")
        if missing := _missing(name, device):
            raise ValueError(f"{missing}, or --against none")
    return list(names)


def left_out(device: str) -> list[str]:
    """The reasons why libraries that could be compared on a device are not available."""
    expected = ON_GPU if device == "cuda" else ()
    return [missing for name in expected if (missing := _missing(name, device))]


def _missing(library: str, device: str) -> str:
    """Why a library is not available on a device, and the remedy; "" if it is available."""
    if device == "emulator":
        return (
            "in the emulator nothing is timed, so there is nothing to compare: leave out --against"
        )
    if device == "cuda" and library not in ON_GPU:
        return f"{library} is compared with on the CPU alone: --against {','.join(ON_GPU)}"
    missing = [name for name in NEEDS[library] if not importlib.util.find_spec(name)]
    if missing:
        return f"{library} is not installed: pip install {' '.join(missing)}"
    return torch_builds.torch_without_gpu() if device == "cuda" else ""


def contenders(
    case: Case, kernels: Sequence[str], against: Sequence[str], device: str = "cpu"
) -> list[Contender]:
    """Our contenders that support the case (all unless named), then the libraries that have its
    operation. On a GPU a library that computes it with products is added once more, in TF32."""
    operation = of(case)
    precisions = (False, True) if device == "cuda" and operation.products else (False,)
    others = [
        Contender(name, layout, device, tf32)
        for name in against
        if operation.serves(name, case)
        for tf32 in precisions
        for layout in LAYOUTS[name]
    ]
    return operation.ours(case, kernels, device) + others


def call_of(case: Case, contender: Contender, threads: int) -> Call:
    """The contender's call, prepared for the case."""
    operation = of(case)
    if contender.library in ("torch", "torch.compile"):
        return _torch(case, contender, threads)
    if contender.library == "onnxruntime":
        return operation.onnxruntime(case, threads)
    if contender.library in ENGINES:
        return operation.engine(contender.library, case, threads)
    return operation.call(case, contender.name, contender.device)


def _torch(case: Case, contender: Contender, threads: int) -> Call:
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    if contender.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = contender.tf32
        torch.backends.cudnn.allow_tf32 = contender.tf32
        torch.backends.cudnn.benchmark = True  # cuDNN measures its algorithms and uses the fastest
    memory = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}[contender.name]
    tensors = _tensors(of(case).inputs(case), memory, contender.device)
    prepare = of(case).compiled if contender.library == "torch.compile" else of(case).torch
    with torch.device(contender.device):
        return prepare(case, tensors, memory)


def _tensors(inputs: Mapping[str, np.ndarray], memory: Any, device: str) -> dict[str, Any]:
    """The arrays on the device as PyTorch's tensors: indices are int64 there."""
    import torch

    made = {name: torch.from_numpy(a).to(device) for name, a in inputs.items()}
    made = {name: t if t.is_floating_point() else t.long() for name, t in made.items()}
    return {n: t.contiguous(memory_format=memory) if t.ndim == 4 else t for n, t in made.items()}
