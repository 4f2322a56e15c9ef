"""Gradients of the normalisations against finite differences of their forward functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import eps
from kernels.contract.registry import Kernel
from kernels.definition.normalisation import Contrast, Response
from kernels.verify.calls import Call
from kernels.verify.contrast_bounds import ContrastBounds
from kernels.verify.property import agree, assume, holds

CONTRAST, RESPONSE = "local_contrast_norm_vjp", "local_response_norm_vjp"
STEP = eps(np.float64) ** (1 / 3)
"""Step at which truncation and rounding of a central difference are of equal size."""


@holds("finite differences", CONTRAST, RESPONSE, dtypes=(np.float64,),
       seed=st.integers(0, 2**32 - 1))  # fmt: skip
def is_the_slope_of_the_definition(kernel: Kernel, call: Call, seed: int) -> None:
    """<gx, u> equals the central difference of <gy, f(x)> along u."""
    gy, x = call.inputs.values()
    largest = np.abs(x).max(initial=0.0)
    u = largest * np.random.default_rng(seed).standard_normal(x.shape)
    forward, noise = _forward(call, STEP * np.abs(u).max(initial=0.0))

    def slope(step: float) -> np.float64:
        above, below = (forward(x + s * u) for s in (step, -step))
        return (gy * (above - below)).sum() / (2 * step)

    # The error of slope(h) falls with h^2, so slope(2h) - slope(h) is three times it.
    near, far = slope(STEP), slope(2 * STEP)
    allowed = np.abs(far - near) + (np.abs(gy) * noise).sum() / STEP
    allowed += (np.abs(u) * call.bound(kernel)[0]).sum()
    agree(np.asarray((call.run(kernel)[0] * u).sum()), np.asarray(near), allowed)


def _forward(call: Call, step: float) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """The forward function in float64, and its rounding error at x."""
    g, x = call.g, call.inputs["x"]
    if call.operation == RESPONSE:
        relative = (g.beta + 1) * (g.size + 6) + 16
        return lambda at: Response(at, g).y, relative * eps(np.float64) * np.abs(Response(x, g).y)
    parts = ContrastBounds(x, g)
    assume(parts.gap() > 16 * step)  # sigma and c move at most 2 |step| each
    assume(parts.condition().max(initial=1.0) < 1e3)
    terms = 2 * (g.C + g.size**2 + 4 * g.size + g.H * g.W + 8)
    return lambda at: Contrast(at, g).y, parts.forward_bound(terms * eps(np.float64))
