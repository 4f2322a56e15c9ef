"""Agreement with PyTorch and with ONNX's reference evaluator."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

from hypothesis import strategies as st

from kernels.contract.geometry import PoolGeometry
from kernels.contract.registry import Kernel
from kernels.verify.calls import Call, Results, make
from kernels.verify.oracles import onnx, pytorch
from kernels.verify.property import agree, assume, holds

HAS_TORCH, HAS_ONNX = (find_spec(name) is not None for name in ("torch", "onnx"))
seeds = st.integers(0, 2**32 - 1)


@holds("PyTorch", *pytorch.operations(), applies=lambda kernel: HAS_TORCH, seed=seeds)
def equals_pytorchs(kernel: Kernel, call: Call, seed: int) -> None:
    """PyTorch gives the same result in float64, except for the kernel's own rounding."""
    call = _understood(call, seed, ceil_mode=True)
    assume(call.served(kernel))
    _compare(kernel, call, pytorch.answer(call))


@holds("ONNX", *onnx.operations(), applies=lambda kernel: HAS_ONNX, seed=seeds)
def equals_onnxs(kernel: Kernel, call: Call, seed: int) -> None:
    """ONNX's reference evaluator gives the same result, except for the kernel's own rounding."""
    call = _understood(call, seed, ceil_mode=False)
    assume(call.served(kernel))
    _compare(kernel, call, onnx.answer(call))


def _understood(call: Call, seed: int, ceil_mode: bool) -> Call:
    """The call; of a pooling, with pads and dilation that other libraries support."""
    g = call.g
    if not isinstance(g, PoolGeometry):
        return call
    pad = max(0, min(g.padding[0], g.padding[2]))
    dilation = (1, 1) if call.operation.startswith("avg") else g.dilation
    plain = replace(g, padding=(pad,) * 4, dilation=dilation, ceil_mode=g.ceil_mode and ceil_mode)
    assume(g.extent[0] <= g.H and g.extent[1] <= g.W)
    if call.its.shapes(plain) == call.its.shapes(g):
        return replace(call, g=plain)
    return replace(make(call.operation, plain, "normal", seed, call.dtype), device=call.device)


def _compare(kernel: Kernel, call: Call, answers: Results | None) -> None:
    assume(answers is not None)
    assert answers is not None
    # The bound includes the rounding of one float64 sum beside the kernel's: the other library's.
    for result, expected, bound in zip(call.run(kernel), answers, call.bound(kernel), strict=False):
        agree(result, expected, bound)
