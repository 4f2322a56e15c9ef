"""What holds against the libraries that people already have."""

from __future__ import annotations

from importlib.util import find_spec

from kernels.registry import Kernel
from kernels.verify.calls import Call, Results
from kernels.verify.oracles import onnx, pytorch
from kernels.verify.property import agree, assume, holds

HAS_TORCH, HAS_ONNX = (find_spec(name) is not None for name in ("torch", "onnx"))


@holds("PyTorch", *pytorch.operations(), applies=lambda kernel: HAS_TORCH)
def equals_pytorchs(kernel: Kernel, call: Call) -> None:
    """PyTorch finds the same, in float64, but for the kernel's own rounding."""
    _compare(kernel, call, pytorch.answer(call))


@holds("ONNX", *onnx.operations(), applies=lambda kernel: HAS_ONNX)
def equals_onnxs(kernel: Kernel, call: Call) -> None:
    """ONNX's reference evaluator finds the same, but for the kernel's own rounding."""
    _compare(kernel, call, onnx.answer(call))


def _compare(kernel: Kernel, call: Call, answers: Results | None) -> None:
    assume(answers is not None)
    assert answers is not None
    # The bound already holds one float64 sum's rounding beside the kernel's: the other library's.
    for result, expected, bound in zip(call.run(kernel), answers, call.bound(kernel), strict=False):
        agree(result, expected, bound)
