"""The error function and GELU, over the hidden layer of a transformer's perceptron.

Bounded by memory, if the error function is vectorised. The error bounds are those of
`kernels/verify`: relative to erf(x) itself, and to |x|.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.special

from bench.cases import Case
from bench.layers import Hidden
from bench.operations.one_array import OneArray
from bench.operations.operation import (
    Call,
    Output,
    Part,
    Tensors,
    at_most,
    operation,
)
from kernels.bounds import rounding

ROUNDINGS = 8
"""Units of eps, of ours and of a library's error function and products."""


class Smooth(OneArray):
    """A smooth function of each element."""

    layer = Hidden

    def bytes(self, case: Case) -> int:
        return 8 * self.elements(case)

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.geometry(case))]


@operation
class Erf(Smooth):
    name = kernel = "erf"

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        x = self.inputs(case)["x"].astype(np.float64)
        y = scipy.special.erf(x)
        bound = at_most(rounding(ROUNDINGS, np.abs(y), np.float32))
        yield Part(0, ..., y, bound, rounded=lambda change: scipy.special.erf(change(x)))

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        return Call(lambda: torch.erf(tensors["x"]))


@operation
class Gelu(Smooth):
    name = kernel = "gelu"

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        x = self.inputs(case)["x"].astype(np.float64)
        bound = rounding(ROUNDINGS, np.abs(x), np.float32)
        yield Part(0, ..., _gelu(x), at_most(bound), rounded=lambda change: _gelu(change(x)))

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        return Call(lambda: torch.nn.functional.gelu(tensors["x"]))


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * scipy.special.ndtr(x)
