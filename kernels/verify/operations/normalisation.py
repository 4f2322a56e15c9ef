"""Calls of local contrast and local response normalisation, and of their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import eps, stated, underflow
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.contract.registry import Kernel
from kernels.definition import normalisation
from kernels.definition.normalisation import Response
from kernels.local_contrast_norm.separable import forward as separable
from kernels.verify.arrays import small
from kernels.verify.calls import Bounds, Call, Results, operation
from kernels.verify.contrast_bounds import ContrastBounds
from kernels.verify.geometries import contrast_geometries, counts, response_geometries
from kernels.verify.operations.planes import Planes
from kernels.verify.verdicts import Misreturn, assume


class Normalisation(Planes):
    """Its arrays, named by `operands`, all have the shape of x."""

    oracle = normalisation
    operands: tuple[str, ...]

    def shapes(self, g: LCNGeometry | LRNGeometry) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(self.operands, g.x_shape)


class ContrastNorm(Normalisation):
    """The bounds are first-order: every rounding is at most eps times the largest magnitude in its
    sum, and reaches the result through derivatives that are bounded by absolute values.

    A kernel without `error_bound` computes in float64 and rounds its result. An `error_bound` is
    the number of roundings in the arrays' own type on the way to v = x - blur(x).
    """

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[LCNGeometry]:
        least, most = ((1, 1, 1, 1), (3, 70, 24, 24)) if large else ((0, 0, 1, 1), (2, 3, 4, 5))
        axes = (counts(*ends) for ends in zip(least, most, strict=True))
        return contrast_geometries(st.tuples(*axes))

    @staticmethod
    def unit(kernel: Kernel, call: Call) -> float:
        """The bound of v relative to the largest |x|: channels, window, coverage and the mean of
        sigma, in the kernel and in the definition."""
        g = call.g
        chain = g.C + g.size**2 + 4 * g.size + g.H * g.W + 8
        if kernel.error_bound is None and kernel.exact:
            return float(2 * chain * eps(np.float64))
        return stated(kernel, g, chain) * eps(call.dtype) + chain * eps(np.float64)


@operation
class LocalContrastNorm(ContrastNorm):
    """Its result is y; the arrays saved for the gradient have a property of their own."""

    name, operands = "local_contrast_norm", ("x",)

    def run(self, kernel: Kernel, call: Call) -> Results:
        return self.both(kernel, call)[:1]

    def both(self, kernel: Kernel, call: Call) -> tuple[np.ndarray, Any]:
        """y, and the arrays that the kernel saves for the gradient."""
        result = call.on(kernel)(*self.arguments(call))
        if not (
            isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], np.ndarray)
        ):
            raise Misreturn(
                f"the kernel returns {type(result).__name__}; {self.name} is y (N,C,H,W) and what "
                "it saves for the gradient: m and sigma, each (N,H,W) float64"
            )
        return result

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        parts = ContrastBounds(call.inputs["x"], call.g)
        return (parts.forward_bound(self.unit(kernel, call)) + _own(parts.y, call),)


@operation
class LocalContrastNormVjp(ContrastNorm):
    """Its saved arrays are those of the separable forward kernel, the same for every kernel."""

    name, operands, linear = "local_contrast_norm_vjp", ("gy", "x"), ("gy",)

    def run(self, kernel: Kernel, call: Call) -> Results:
        gy, x = call.inputs.values()
        _, saved = separable(x, call.g)
        return self.called(call.on(kernel), gy, x, saved, call.g)

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        """Inapplicable where there is no bound: at a tie the derivative is discontinuous, and where
        sigma is as small as its rounding error, so is the derivative."""
        gy, x = call.inputs.values()
        parts, unit = ContrastBounds(x, call.g), self.unit(kernel, call)
        assume(parts.gap() > 8 * unit * parts.largest.max(initial=0.0))
        assume(unit * parts.condition().max(initial=1.0) < 1e-3)
        return (parts.vjp_bound(gy, unit) + _own(parts.vjp(gy), call),)


class ResponseNorm(Normalisation):
    """The bounds are relative to the terms: t is a sum of positive terms, without cancellation.

    A kernel may state as its `error_bound` its number of roundings on the way to t.
    """

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[LRNGeometry]:
        least, most = ((1, 1, 1, 1), (3, 70, 20, 20)) if large else ((0, 0, 1, 1), (2, 8, 2, 3))
        axes = (counts(*ends) for ends in zip(least, most, strict=True))
        return response_geometries(st.tuples(*axes), small(1, 10))

    @staticmethod
    def relative(kernel: Kernel, call: Call, parts: Response) -> float:
        """The relative error of t^-beta and of t^-(beta + 1).

        Roundings of t: size squares and additions, the scale (rounded twice), k and its addition.
        The power multiplies these by beta + 1. Rounding beta adds |log t| times beta's error. The
        power itself rounds 6 times: two roots, three products or one `pow`, a quotient. The
        definition does the same in float64.
        """
        g, beta = call.g, abs(call.g.beta)
        logarithm = beta * np.abs(np.log(parts.t)).max(initial=abs(np.log(g.k)))
        chains = [(stated(kernel, g, g.size + 6), call.dtype), (g.size + 6, np.dtype(np.float64))]
        return sum(eps(dtype) * float((beta + 1) * n + logarithm + 6) for n, dtype in chains)


@operation
class LocalResponseNorm(ResponseNorm):
    name, operands = "local_response_norm", ("x",)

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        parts = Response(call.inputs["x"], call.g)
        return (self.relative(kernel, call, parts) * np.abs(parts.y) + _tiny(call),)


@operation
class LocalResponseNormVjp(ResponseNorm):
    name, operands, linear = "local_response_norm_vjp", ("gy", "x"), ("gy",)

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        """Both terms in absolute value, times their error: that of the power and size + 8 more."""
        gy, x = call.inputs.values()
        parts, g = Response(np.abs(x), call.g), call.g
        first, second = parts.terms(np.abs(gy))
        relative = self.relative(kernel, call, parts) + (g.size + 8) * eps(call.dtype)
        # A ratio that underflows is multiplied by the derivative of t before it is added.
        lost = _tiny(call) * (1 + 2 * g.alpha * abs(g.beta) * np.abs(x.astype(np.float64)))
        return (relative * (first + np.abs(second)) + (g.size + 8) * lost,)


def _own(result: np.ndarray, call: Call) -> np.ndarray:
    """The rounding error of the result in its own type."""
    return eps(call.dtype) * np.abs(result) + _tiny(call)


def _tiny(call: Call) -> float:
    return underflow(call.dtype)
