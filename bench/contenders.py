"""Who can compute a case, and how each is called.

A library gets its arrays in the memory layout that it wants, made before anything is timed, as
kernels get theirs channels-last; both write their result into memory of their own. On a GPU all of
them lie there before.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench import builds
from bench.cases import Case, Contender
from bench.operations import Call, of

LAYOUTS = {"torch": ("NCHW", "NHWC"), "onnxruntime": ("",)}
"""The libraries to compare with and the layouts that each is timed in, "" if it has but one; the
faster one counts."""

ON_GPU = ("torch",)
"""Those of them that are compared with on a GPU."""

NEEDS = {"torch": ("torch",), "onnxruntime": ("onnx", "onnxruntime")}
"""The packages without which a library cannot take part."""


def libraries(names: Sequence[str] | None, device: str = "cpu") -> list[str]:
    """Those asked for, or those that can be had (None); ValueError for one that cannot."""
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
    """Why libraries that there are contenders of on a device do not take part by themselves."""
    expected = ON_GPU if device == "cuda" else ()
    return [missing for name in expected if (missing := _missing(name, device))]


def _missing(library: str, device: str) -> str:
    """What keeps a library from taking part on a device, and what to do; "" if nothing does."""
    if device == "emulator":
        return (
            "in the emulator nothing is timed, so there is nothing to compare: leave out --against"
        )
    if device == "cuda" and library not in ON_GPU:
        return f"{library} is compared with on the CPU alone: --against {','.join(ON_GPU)}"
    missing = [name for name in NEEDS[library] if not importlib.util.find_spec(name)]
    if missing:
        return f"{library} is not installed: pip install {' '.join(missing)}"
    return builds.torch_without_gpu() if device == "cuda" else ""


def contenders(
    case: Case, kernels: Sequence[str], against: Sequence[str], device: str = "cpu"
) -> list[Contender]:
    """Ours (all unless named) that serve the case, then the libraries that have its operation, on a
    GPU once more in TF32 where they compute it with products."""
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
    """The contender, ready to compute the case's results."""
    operation = of(case)
    if contender.library == "torch":
        return _torch(case, contender, threads)
    if contender.library == "onnxruntime":
        return operation.onnxruntime(case, threads)
    return operation.call(case, contender.name, contender.device)


def _torch(case: Case, contender: Contender, threads: int) -> Call:
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    if contender.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = contender.tf32
        torch.backends.cudnn.allow_tf32 = contender.tf32
        torch.backends.cudnn.benchmark = True  # it measures its algorithms and takes the fastest
    memory = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}[contender.name]
    tensors = _tensors(of(case).inputs(case), memory, contender.device)
    with torch.device(contender.device):
        return of(case).torch(case, tensors, memory)


def _tensors(inputs: Mapping[str, np.ndarray], memory: Any, device: str) -> dict[str, Any]:
    """The arrays on the device as PyTorch takes them: places are int64 there."""
    import torch

    made = {name: torch.from_numpy(a).to(device) for name, a in inputs.items()}
    made = {name: t if t.is_floating_point() else t.long() for name, t in made.items()}
    return {n: t.contiguous(memory_format=memory) if t.ndim == 4 else t for n, t in made.items()}
