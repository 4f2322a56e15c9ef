"""Calls of group normalisation and of its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import eps, of_kernel
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.registry import Kernel
from kernels.definition import groups
from kernels.definition.groups import Groups
from kernels.verify.arrays import small
from kernels.verify.calls import Bounds, Call, Operation, Results, operation
from kernels.verify.verdicts import Misreturn

EPSILONS = (1e-5, 1e-6, 1e-3, 1.0)
Shape = tuple[int, ...]


@operation
class GroupNorm(Operation):
    """Its result is y; mean and scale, saved for the gradient, have a property of their own.

    Every rounding is relative to (|x| + mean |x|) times the scale, not to y, since x minus its mean
    cancels. Sums in float64 add their number of terms in eps of float64.
    """

    name = "group_norm"
    operands: tuple[str, ...] = ("x",)

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[GroupNormGeometry]:
        """Half of them have one position, as tokens have."""
        most = (6, 30, 24) if large else (3, 5, 4)
        least = 1 if large else 0
        L = st.one_of(st.just(1), small(1, most[1]))
        sizes = st.tuples(small(least, most[0]), L, small(1, 4), small(least, most[2]))
        return st.builds(
            lambda size, eps: GroupNormGeometry.of(
                (size[0], size[1], size[2] * size[3]), size[2], eps
            ),
            sizes,
            st.sampled_from(EPSILONS),
        ).filter(lambda g: kernel.supports(g))

    def shapes(self, g: GroupNormGeometry) -> dict[str, Shape]:
        return dict.fromkeys(self.operands, g.x_shape)

    def optional(self, g: GroupNormGeometry) -> dict[str, Shape]:
        return {"weight": (g.C,), "bias": (g.C,)}

    def run(self, kernel: Kernel, call: Call) -> Results:
        return (self.saving(kernel, call)[0],)

    def saving(self, kernel: Kernel, call: Call) -> tuple[Any, Any, Any]:
        """y, mean and scale; Misreturn if the kernel returns anything else."""
        result = call.on(kernel)(*self.arguments(call), **call.options)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], tuple)):
            raise Misreturn(
                f"the kernel returns {type(result).__name__}; group_norm is y (N,L,C) and what it "
                "saves for the gradient: (mean, 1 / sqrt(variance + eps)), each (N,groups) float64"
            )
        return result[0], *result[1]

    def in_float64(self, call: Call) -> Results:
        return (getattr(groups, self.name)(*self.arguments(call), **call.options),)

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        parts = Groups(call.inputs["x"], call.g)
        weight, bias = (call.options.get(name) for name in ("weight", "bias"))
        absolute = parts.together(parts.size)
        absolute = absolute * (1.0 if weight is None else np.abs(weight.astype(np.float64)))
        absolute = absolute + (0.0 if bias is None else np.abs(bias.astype(np.float64)))
        return (self.with_sums(kernel, call, absolute),)

    @staticmethod
    def with_sums(kernel: Kernel, call: Call, absolute: np.ndarray) -> np.ndarray:
        """The kernel's roundings, and those of float64 sums in the kernel and in the definition."""
        chain = call.g.terms + 8
        own = of_kernel(kernel, call.g, absolute, call.dtype, chain)
        return own + 4 * chain * eps(np.float64) * absolute


@operation
class GroupNormVjp(GroupNorm):
    """gy is the gradient of the standardised x. What the forward kernel saved is drawn by the
    definition, the same for every kernel."""

    name, operands, linear = "group_norm_vjp", ("gy", "x"), ("gy",)

    def optional(self, g: GroupNormGeometry) -> dict[str, Shape]:
        return {}

    def run(self, kernel: Kernel, call: Call) -> Results:
        gy, x = call.inputs.values()
        parts = Groups(x, call.g)
        # (N,1,groups,1) -> (N,groups)
        saved = tuple(a.reshape(call.g.saved_shape).copy() for a in (parts.mean, parts.scale))
        return self.called(call.on(kernel), gy, x, saved, call.g)

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        gy, x = call.inputs.values()
        parts = Groups(x, call.g)
        large = np.abs(parts.apart(gy))
        along = parts.over(large * parts.size)
        absolute = (large + parts.over(large) + parts.size * along) * parts.scale
        return (self.with_sums(kernel, call, parts.together(absolute)),)
