"""Operations on one array that has the shape of its layer."""

from __future__ import annotations

import math
from typing import Any

from bench.cases import Case
from bench.layers import Hidden, Rectified
from bench.operations.operation import Inputs, KernelOperation, generator, normal


class OneArray(KernelOperation):
    """Its geometry is the shape of x."""

    def geometry(self, case: Case) -> tuple[int, ...]:
        assert isinstance(case.layer, Hidden | Rectified)
        return case.layer.shape(case.batch)

    def elements(self, case: Case) -> int:
        return math.prod(self.geometry(case))

    def arguments(self, case: Case, device: str) -> tuple[Any, ...]:
        return tuple(self.moved(case, device))

    def inputs(self, case: Case) -> Inputs:
        return {"x": normal(self.geometry(case), generator())}
