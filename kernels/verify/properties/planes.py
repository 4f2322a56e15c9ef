"""Properties shared by pooling and normalisation.

Where two results of the kernel are compared, each may err by its bound. The bound is 0 for
operations that only move and compare values.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.contract.geometry import PoolGeometry
from kernels.contract.registry import Kernel
from kernels.verify.calls import OPERATIONS, Call
from kernels.verify.operations.planes import Planes, planes
from kernels.verify.operations.pooling import summed
from kernels.verify.property import agree, assume, holds, same

PLANES = tuple(name for name, its in OPERATIONS.items() if isinstance(its, Planes))
LINEAR = tuple(
    name for name, its in OPERATIONS.items() if its.linear and not name.startswith("conv2d")
)
LOCAL = tuple(n for n in PLANES if "contrast" not in n and n != "max_pool2d")
seeds = st.integers(0, 2**32 - 1)


@holds("large sizes", *PLANES, fills=("normal", "integers"), large=True, threads=True)
def is_its_definition_in_large_sizes(kernel: Kernel, call: Call) -> None:
    """In sizes larger than the kernel's blocks the error of the result is within the bound."""
    expected = planes(call).at_large(call)
    for result, true, bound in zip(call.run(kernel), expected, call.bound(kernel), strict=True):
        agree(result, true, bound)


@holds("images alone", *PLANES, fills=("normal", "integers"))
def treats_images_alone(kernel: Kernel, call: Call) -> None:
    """Each image alone has the same result as in the batch."""
    alone = [_image(call, n) for n in range(call.g.N)]
    assume(alone and alone[0].served(kernel))
    parts = zip(*(one.run(kernel) for one in alone), strict=True)
    _agree_twice(kernel, call, tuple(np.concatenate(images) for images in parts))


def _image(call: Call, n: int) -> Call:
    one = call.each(lambda a: a[n : n + 1].copy())
    return replace(one, g=replace(call.g, N=1))


def _agree_twice(kernel: Kernel, call: Call, others: tuple[np.ndarray, ...]) -> None:
    """The kernel's results equal `others`, each within the call's bound."""
    for result, other, bound in zip(call.run(kernel), others, call.bound(kernel), strict=True):
        agree(result, other, 2 * bound)


@holds("channel order", *PLANES, fills=("normal", "integers"), seed=seeds)
def takes_channels_in_any_order(kernel: Kernel, call: Call, seed: int) -> None:
    """Permuted channels permute the result; of LRN, where each window holds all channels."""
    assume(not hasattr(call.g, "alpha") or call.g.size >= 2 * call.g.C - 1)
    order = np.random.default_rng(seed).permutation(call.g.C)
    permuted = call.each(lambda a: a[:, order].copy()).run(kernel)
    _agree_twice(kernel, call, tuple(a[:, np.argsort(order)] for a in permuted))


@holds("rows for columns", *PLANES, fills=("normal",))
def rows_and_columns_are_alike(kernel: Kernel, call: Call) -> None:
    """The transposed plane in the transposed geometry gives the transposed result. Switches are not
    compared, since among equal maxima another one is first."""
    g = _transposed(call.g)
    assume(call.served(kernel, g))
    inputs = {n: _transposed_array(a, call.g) for n, a in call.inputs.items()}
    transposed = replace(call, g=g, inputs=inputs)
    if call.operation == "max_pool2d":
        # (N,C,Q,P) -> (N,C,P,Q)
        return agree(transposed.run(kernel)[0].swapaxes(2, 3), call.run(kernel)[0])
    assume(call.options.get("collisions") != "last")  # another window is the last
    # (N,C,columns,rows) -> (N,C,rows,columns)
    return _agree_twice(kernel, call, tuple(a.swapaxes(2, 3) for a in transposed.run(kernel)))


def _transposed(g: Any) -> Any:
    """The geometry with rows and columns exchanged."""
    if not isinstance(g, PoolGeometry):
        return replace(g, H=g.W, W=g.H)
    (top, bottom, left, right), (down, across), (rows, columns) = g.padding, g.stride, g.dilation
    planes = replace(g, H=g.W, W=g.H, R=g.S, S=g.R, padding=(left, right, top, bottom))
    return replace(planes, stride=(across, down), dilation=(columns, rows))


def _transposed_array(a: np.ndarray, g: Any) -> np.ndarray:
    """a (N,C,H,W) -> (N,C,W,H); switches h W + w become w H + h."""
    if a.dtype.kind == "i":
        a = (a % g.W * g.H + a // g.W).astype(a.dtype)
    return np.ascontiguousarray(a.swapaxes(2, 3))  # (N,C,H,W) -> (N,C,W,H)


@holds("additive", *LINEAR, fills=("integers",), seed=seeds, which=st.integers(0, 1))
def is_additive(kernel: Kernel, call: Call, seed: int, which: int) -> None:
    """f(a + b) = f(a) + f(b), for each operand in which the operation is linear."""
    call, names = summed(call), call.its.linear
    name = names[which % len(names)]
    a = call.inputs[name]
    b = np.random.default_rng(seed).integers(-4, 5, a.shape).astype(a.dtype)
    terms = call, call.but(**{name: b}), call.but(**{name: a + b})
    one, other, both = (c.run(kernel)[0] for c in terms)
    exact = kernel.exact and call.its.whole
    bound = 0.0 if exact else sum(c.bound(kernel)[0] for c in terms)
    # The sum of two results in the arrays' own type is rounded as well.
    own = 0.0 if exact else np.finfo(call.dtype).eps * np.abs(one + other)
    agree(both, one + other, bound + own)


@holds("reach", *LOCAL, fills=("integers",), seed=seeds,
       value=st.sampled_from([np.nan, np.inf, -np.inf]))  # fmt: skip
def nothing_spreads_beyond_what_holds_it(
    kernel: Kernel, call: Call, seed: int, value: float
) -> None:
    """A NaN or an infinity reaches the results that depend on it; all others keep their bits."""
    infected = _infected(call, seed, value)
    with np.errstate(invalid="ignore", over="ignore"):
        (clean,), (expected,) = planes(call).at_large(call), planes(call).at_large(infected)
    (result,), (before,) = infected.run(kernel), call.run(kernel)
    beyond = expected == clean
    lost = ~np.isfinite(expected)
    agree(result[beyond], before[beyond], 0.0, f"{value} in an input changes others")
    same(np.where(lost, result, 0), np.where(lost, expected, 0), f"with {value} in an input")


def _infected(call: Call, seed: int, value: float) -> Call:
    """The call with one value of a float array replaced."""
    rng, floats = np.random.default_rng(seed), _floats(call)
    name = floats[int(rng.integers(len(floats)))]
    array = call.inputs[name].copy()
    assume(array.size)
    array.reshape(-1)[rng.integers(array.size)] = value  # any shape -> (size,), the same memory
    return call.but(**{name: array})


def _floats(call: Call) -> list[str]:
    return [name for name, a in call.inputs.items() if a.dtype.kind == "f"]
