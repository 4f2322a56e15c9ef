"""Who can compute a case, and how each is called.

A library gets its arrays in the memory layout that it wants, made before anything is timed, as
kernels get theirs channels-last; both write their result into memory of their own.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.cases import Case, Contender
from bench.operations import Call, of

LAYOUTS = {"torch": ("NCHW", "NHWC"), "onnxruntime": ("",)}
"""The libraries to compare with and the layouts that each is timed in, "" if it has but one; the
faster one counts."""

NEEDS = {"torch": ("torch",), "onnxruntime": ("onnx", "onnxruntime")}
"""The packages without which a library cannot take part."""


def libraries(names: Sequence[str] | None) -> list[str]:
    """Those asked for, or those installed (None); ValueError for one that is not here."""
    if names is None:
        return [name for name in LAYOUTS if not _missing(name)]
    for name in names:
        if name not in LAYOUTS:
            known = ", ".join(LAYOUTS)
            raise ValueError(f"cannot compare with {name!r}; known: {known}, or none")
        if missing := _missing(name):
            packages = " ".join(missing)
            raise ValueError(f"{name} is not installed: pip install {packages}, or --against none")
    return list(names)


def _missing(library: str) -> list[str]:
    return [name for name in NEEDS[library] if not importlib.util.find_spec(name)]


def contenders(case: Case, kernels: Sequence[str], against: Sequence[str]) -> list[Contender]:
    """Ours (all unless named) that serve the case, then the libraries that have its operation."""
    operation = of(case)
    serving = [name for name in against if operation.serves(name, case)]
    others = [Contender(name, layout) for name in serving for layout in LAYOUTS[name]]
    return operation.ours(case, kernels) + others


def call_of(case: Case, contender: Contender, threads: int) -> Call:
    """The contender, ready to compute the case's results."""
    operation = of(case)
    if contender.library == "torch":
        return _torch(case, contender.name, threads)
    if contender.library == "onnxruntime":
        return operation.onnxruntime(case, threads)
    return operation.call(case, contender.name)


def _torch(case: Case, layout: str, threads: int) -> Call:
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    memory = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}[layout]
    tensors = _tensors(of(case).inputs(case), memory)
    return of(case).torch(case, tensors, memory)


def _tensors(inputs: Mapping[str, np.ndarray], memory: Any) -> dict[str, Any]:
    """The arrays as PyTorch takes them: places are int64 there."""
    import torch

    made = {name: torch.from_numpy(a) for name, a in inputs.items()}
    made = {name: t if t.is_floating_point() else t.long() for name, t in made.items()}
    return {n: t.contiguous(memory_format=memory) if t.ndim == 4 else t for n, t in made.items()}
