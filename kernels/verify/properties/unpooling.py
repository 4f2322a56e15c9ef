"""Properties of unpooling, with colliding switches too, and of pooling's transposes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import rounding
from kernels.contract.registry import Kernel
from kernels.definition import pooling
from kernels.verify.calls import Call
from kernels.verify.operations.planes import planes
from kernels.verify.operations.pooling import COLLISIONS, summed
from kernels.verify.property import agree, assume, holds, same

seeds = st.integers(0, 2**32 - 1)
TRANSPOSES: dict[str, Callable[..., np.ndarray]] = {
    "max_unpool2d": pooling.max_unpool2d_vjp,
    "max_unpool2d_vjp": pooling.max_unpool2d,
    "avg_pool2d": pooling.avg_pool2d_vjp,
    "avg_pool2d_vjp": pooling.avg_pool2d,
}


def unpooled(kernel: Kernel, call: Call, collisions: str) -> np.ndarray:
    """The result of the call under another law of collisions, if the kernel supports it."""
    assume(call.served(kernel, collisions=collisions))
    (x,) = replace(call, options=call.options | {"collisions": collisions}).run(kernel)
    return x


@holds("transpose", *TRANSPOSES, fills=("integers",), dtypes=(np.float64,), seed=seeds)
def is_the_transpose_of_its_counterpart(kernel: Kernel, call: Call, seed: int) -> None:
    """<a, f(b)> = <f^T(a), b>: unpooling scatter-adds at the switches where its transpose gathers,
    and the gradient of averaging is its transpose."""
    call = summed(call)
    b, *saved = call.inputs.values()
    (result,), (bound,) = call.run(kernel), call.bound(kernel)
    a = np.random.default_rng(seed).integers(-4, 5, result.shape).astype(np.float64)
    back = TRANSPOSES[call.operation](a, *saved, call.g)
    # Only averages are fractions: their products round, and so do the two sums.
    units = result.size + b.size + call.g.R * call.g.S + 4 if "avg" in call.operation else 0
    (absolute,) = planes(call).at_large(call.each(np.abs))
    allowed = (np.abs(a) * bound).sum() + rounding(units, (np.abs(a) * absolute).sum(), np.float64)
    agree(np.asarray((a * result).sum()), np.asarray((back * b).sum()), allowed)


@holds("collision law", "max_unpool2d", fills=("integers",), below=st.booleans(), large=True)
def what_meets_in_a_pixel_follows_the_law(kernel: Kernel, call: Call, below: bool) -> None:
    """Where windows share a switch, the result is their sum, the largest or the last of them; the
    initial zero is not one of them. Pixels without a switch are 0."""
    y = -np.abs(call.inputs["y"]) - 1 if below else call.inputs["y"]
    call = call.but(y=y)
    agree(call.run(kernel)[0], planes(call).at_large(call)[0])


@holds("no collision", "max_unpool2d")
def laws_are_alike_where_nothing_collides(kernel: Kernel, call: Call) -> None:
    """Where no two windows share a switch, every law scatters the values unchanged."""
    pixels = call.g.P * call.g.Q
    switches = np.sort(call.inputs["switches"].reshape(call.g.N, call.g.C, pixels))  # (N,C,PQ)
    assume((np.diff(switches) > 0).all())
    for law in (law for law in COLLISIONS if call.served(kernel, collisions=law)):
        x = unpooled(kernel, call, law)
        agree(
            pooling.max_unpool2d_vjp(x, call.inputs["switches"], call.g), call.inputs["y"], 0.0, law
        )


@holds("NaN collides", "max_unpool2d", fills=("integers",), large=True, seed=seeds,
       part=st.floats(0.05, 0.6))  # fmt: skip
def nan_collides_as_the_law_says(kernel: Kernel, call: Call, seed: int, part: float) -> None:
    """With "sum" NaN makes the sum NaN, with "max" it is the largest, with "last" a later value
    replaces it."""
    y = call.inputs["y"].copy()
    y[np.random.default_rng(seed).random(y.shape) < part] = np.nan
    call = call.but(y=y)
    same(call.run(kernel)[0], planes(call).at_large(call)[0], call.options["collisions"])


@holds("nothing lost", "max_unpool2d", fills=("integers",), large=True)
def the_sum_of_a_plane_is_kept(kernel: Kernel, call: Call) -> None:
    """With "sum" every plane of the result has the same sum as that of y."""
    x = unpooled(kernel, call, "sum").astype(np.float64)
    agree(x.sum(axis=(2, 3)), call.inputs["y"].astype(np.float64).sum(axis=(2, 3)))
