"""Activation functions on CUDA: y = f(x) of every element, by CUDA's own exp, erf and tanh.

One read and one write per element, 8 bytes in float32: limited by memory, in float64 by the
function. CUDA's functions are off by at most 2 units in the last place.
"""

from __future__ import annotations

import numpy as np

from kernels.activation.elementwise import units
from kernels.contract import memory
from kernels.contract.activation_geometry import FUNCTIONS, ActivationGeometry
from kernels.contract.declarations import Accuracy
from kernels.contract.registry import kernel
from kernels.cuda import Program, ctype
from kernels.cuda.grids import blocks

BLOCK = 256


def instances() -> tuple[str, ...]:
    """The kernel for each type and function."""
    return tuple(instance(name, t) for name in FUNCTIONS for t in (np.float32, np.float64))


def instance(function: str, dtype: np.dtype | type) -> str:
    """gelu_tanh -> each<float, GeluTanh>."""
    return f"each<{ctype(dtype)}, {function.title().replace('_', '')}>"


PROGRAM = Program(__file__, entries=instances(), block=(BLOCK, 1, 1))


@kernel("activation", name="elementwise", device="cuda", accuracy=Accuracy(bound=units))
def forward(x: np.ndarray, g: ActivationGeometry) -> np.ndarray:
    """x of any shape, on the device -> y of the same shape, type and memory order."""
    y = memory.empty_like(x)
    if y.size:
        arrays, alpha = (memory.flat(x), memory.flat(y)), x.dtype.type(g.alpha)
        grid = (blocks(y.size, BLOCK),)
        PROGRAM.launch(
            instance(g.function, x.dtype), grid, (BLOCK,), *arrays, alpha, np.int64(y.size)
        )
    return y
