"""Properties of group normalisation and of its gradient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import eps
from kernels.contract.registry import Kernel
from kernels.definition.groups import Groups, group_norm
from kernels.verify.calls import Call
from kernels.verify.operations.groups import GroupNorm
from kernels.verify.property import agree, assume, holds, require


def run(kernel: Kernel, call: Call) -> np.ndarray:
    (result,) = call.run(kernel)
    return result


@holds("standardised", "group_norm", large=None)
def groups_have_no_mean(kernel: Kernel, call: Call) -> None:
    """The mean of each group of y is 0, and that of its squares at most 1."""
    parts, y = Groups(call.inputs["x"], call.g), run(kernel, call)
    apart, bound = parts.apart(y), parts.apart(np.asarray(call.bound(kernel)[0]))
    agree(parts.over(apart), np.zeros_like(parts.mean), parts.over(bound))
    squares, most = parts.over(apart**2), 1 + parts.over(bound * (2 * np.abs(apart) + bound))
    require(
        bool((squares <= most + 1e-9).all()), f"the variance reaches {squares.max(initial=0.0)}"
    )


@holds("saved moments", "group_norm", fills=("normal", "scaled"), large=None)
def returns_what_its_gradient_needs(kernel: Kernel, call: Call) -> None:
    """Mean and 1 / sqrt(variance + eps) are float64, (N,groups), and those of the definition."""
    assume(call.inputs["x"].size)
    its = call.its
    assert isinstance(its, GroupNorm)
    _, mean, scale = its.saving(kernel, call)
    parts, g = Groups(call.inputs["x"], call.g), call.g
    for name, saved, true in (("mean", mean, parts.mean), ("scale", scale, parts.scale)):
        fits = saved.shape == g.saved_shape and saved.dtype == np.float64
        require(fits, f"the saved {name} is {saved.shape} {saved.dtype}, not {g.saved_shape}")
        relative = 8 * (g.terms + 8) * eps(np.float64)
        if kernel.error_bound is not None and kernel.error_bound(g) > g.terms:
            relative = 8 * (g.terms + 8) * eps(call.dtype)  # it sums in the arrays' type
        sizes = (
            parts.over(np.abs(parts.x)) if name == "mean" else parts.scale * (1 + parts.size.max())
        )
        expected = true.reshape(g.saved_shape)  # (N,1,groups,1) -> (N,groups)
        agree(saved, expected, relative * sizes.reshape(g.saved_shape))


@holds("groups alone", "group_norm", fills=("normal",), large=None)
def samples_and_groups_do_not_meet(kernel: Kernel, call: Call) -> None:
    """Other values in one sample, or one group, change nothing in the others."""
    g = call.g
    assume(call.inputs["x"].size and g.N * g.groups > 1)
    other = Groups(call.inputs["x"].copy(), g)
    changed = other.x.copy()
    changed[0, :, 0] = 3 - 2 * changed[0, :, 0]
    plain = other.apart(run(kernel, call))
    after = other.apart(run(kernel, call.but(x=other.together(changed).astype(call.dtype))))
    plain[0, :, 0] = after[0, :, 0] = 0
    agree(after, plain, 0.0, "in the other groups")


@holds("large means", "group_norm", fills=("normal",), large=None, exponent=st.integers(0, 16))
def a_large_mean_does_not_cancel(kernel: Kernel, call: Call, exponent: int) -> None:
    """Values far from 0 are standardised within the bound, which sums of squares minus the squared
    mean would exceed."""
    x = (call.inputs["x"] + call.dtype.type(2.0**exponent)).astype(call.dtype)
    far = call.but(x=x)
    agree(run(kernel, far), far.its.in_float64(far)[0], far.bound(kernel)[0])


@holds("orthogonal", "group_norm_vjp", large=None)
def gradients_are_orthogonal(kernel: Kernel, call: Call) -> None:
    """Each group of gx adds up to 0, since a shift of x changes nothing."""
    parts = Groups(call.inputs["x"], call.g)
    gx = parts.apart(run(kernel, call))
    bound = parts.over(parts.apart(np.asarray(call.bound(kernel)[0])))
    agree(parts.over(gx), np.zeros_like(parts.mean), bound)


@holds("slope of groups", "group_norm_vjp", dtypes=(np.float64,), seed=st.integers(0, 2**32 - 1))
def is_the_slope_of_the_definition(kernel: Kernel, call: Call, seed: int) -> None:
    """<gx, u> equals the central difference of <gy, z(x)> along u."""
    gy, x = call.inputs.values()
    assume(x.size)
    parts, h = Groups(x, call.g), eps(np.float64) ** (1 / 3)
    direction = np.random.default_rng(seed).standard_normal(x.shape)
    u = parts.together(parts.apart(direction) / parts.scale)  # as large as the deviation
    values = [float((gy * group_norm(x + s * h * u, call.g)).sum()) for s in (1, -1, 2, -2)]
    near, far = (values[0] - values[1]) / (2 * h), (values[2] - values[3]) / (4 * h)
    noise = (np.abs(gy) * parts.together(parts.size)).sum() * (call.g.terms + 16) * eps(np.float64)
    allowed = abs(near - far) + 4 * noise / h + float((np.abs(u) * call.bound(kernel)[0]).sum())
    agree(np.asarray(float((run(kernel, call) * u).sum())), np.asarray(near), np.asarray(allowed))


@holds("weighted channels", "group_norm", seed=st.integers(0, 2**32 - 1))
def weight_and_bias_belong_to_channels(kernel: Kernel, call: Call, seed: int) -> None:
    """With a weight alone, a bias alone or both, each channel has its own."""
    rng, C = np.random.default_rng(seed), call.g.C
    drawn = {name: rng.standard_normal(C).astype(call.dtype) for name in ("weight", "bias")}
    for names in (("weight",), ("bias",), ("weight", "bias")):
        one = replace(call, options={name: drawn[name] for name in names})
        agree(run(kernel, one), one.its.in_float64(one)[0], one.bound(kernel)[0])
