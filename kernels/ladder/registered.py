"""The ladder's steps as kernels of conv2d, for the benchmark's command line.

`python -m bench ladder` loads this module like a user's file of kernels. Nothing else imports it,
and `pick` never selects a step, since its cost is infinite.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernels import kernel
from kernels.contract.geometry import ConvGeometry
from kernels.ladder.step import Step
from kernels.ladder.steps import PREFIX, STEPS


def _supports(step: Step, g: ConvGeometry) -> bool:
    """Stride and dilation 1, one group, the same padding on all sides."""
    plain = (*g.stride, *g.dilation, g.groups) == (1, 1, 1, 1, 1)
    return plain and len({*g.padding}) == 1 and g.padding[0] >= 0 and step.supports(g)


def _register(name: str, step: Step) -> None:
    @kernel(
        "conv2d",
        name=PREFIX + name,
        exact=not step.norm_wise,
        supports=lambda g: _supports(step, g),
        cost=lambda g: math.inf,
        error_bound=step.roundings,
        norm_wise=step.norm_wise,
        spreads="plane" if step.norm_wise else "padding",
        prepare=lambda w, g: step.prepare(w),
    )
    def forward(
        x: np.ndarray,
        w: np.ndarray,
        g: ConvGeometry,
        *,
        bias: np.ndarray | None = None,
        prepared: Any = None,
    ) -> np.ndarray:
        if x.dtype != np.float32:
            raise TypeError(f"the ladder's steps compute float32, got {x.dtype}")
        y = step.run(x, step.prepare(w) if prepared is None else prepared, g.padding[0])
        if bias is not None:
            y += bias[:, None, None]
        return y


for _name, _step in STEPS.items():
    _register(_name, _step)
