"""The error function and GELU, over the hidden layer of a transformer's perceptron.

Bounded by memory, if the error function is vectorised. The error bounds are those of
`kernels/verify`: relative to erf(x) itself, and to |x|.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.special

from bench.cases import Case
from bench.layers import Hidden
from bench.operations.operation import (
    Call,
    Inputs,
    KernelOperation,
    Output,
    Part,
    Tensors,
    at_most,
    generator,
    normal,
    operation,
)
from kernels.bounds import rounding

ROUNDINGS = 8
"""Units of eps, of ours and of a library's error function and products."""


class Smooth(KernelOperation):
    """A smooth function of each element."""

    layer = Hidden

    def geometry(self, case: Case) -> tuple[int, ...]:
        assert isinstance(case.layer, Hidden)
        return case.layer.shape(case.batch)

    def arguments(self, case: Case, device: str) -> tuple[Any, ...]:
        return tuple(self.moved(case, device))

    def bytes(self, case: Case) -> int:
        return 8 * math.prod(self.geometry(case))

    def inputs(self, case: Case) -> Inputs:
        return {"x": normal(self.geometry(case), generator())}

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.geometry(case))]


@operation
class Erf(Smooth):
    name = kernel = "erf"

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        y = scipy.special.erf(self.inputs(case)["x"].astype(np.float64))
        yield Part(0, ..., y, at_most(rounding(ROUNDINGS, np.abs(y), np.float32)))

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        return Call(lambda: torch.erf(tensors["x"]))


@operation
class Gelu(Smooth):
    name = kernel = "gelu"

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        x = self.inputs(case)["x"].astype(np.float64)
        y = x * scipy.special.ndtr(x)
        yield Part(0, ..., y, at_most(rounding(ROUNDINGS, np.abs(x), np.float32)))

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        return Call(lambda: torch.nn.functional.gelu(tensors["x"]))
