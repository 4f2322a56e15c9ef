"""Layers of elementary functions and of reductions, for graphs that spell formulas out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import functional as F
from minidl.functional import arguments
from minidl.nn.module import Module
from minidl.tensor import Tensor


class Power(Module):
    """F.power: its input to a constant power, or the first of two to the power of the second."""

    def __init__(self, exponent: float | None = None) -> None:
        if exponent is not None:
            exponent = arguments.number(exponent, "Power: exponent")
        self.settings: dict[str, Any] = {"exponent": exponent}

    def forward(self, *inputs: Tensor) -> Tensor:
        exponent = self.settings["exponent"]
        operands = inputs if exponent is None else (*inputs, exponent)
        if len(operands) != 2:
            raise ValueError(
                f"Power: takes a base, and an exponent as a setting or as the second input, got "
                f"the inputs {[x.shape for x in inputs]} and exponent={exponent}"
            )
        return F.power(*operands)


class Negate(Module):
    """F.negate."""

    def forward(self, x: Tensor) -> Tensor:
        return F.negate(x)


class Absolute(Module):
    """F.absolute."""

    def forward(self, x: Tensor) -> Tensor:
        return F.absolute(x)


class Reciprocal(Module):
    """F.reciprocal."""

    def forward(self, x: Tensor) -> Tensor:
        return F.reciprocal(x)


class Exp(Module):
    """F.exp."""

    def forward(self, x: Tensor) -> Tensor:
        return F.exp(x)


class Log(Module):
    """F.log."""

    def forward(self, x: Tensor) -> Tensor:
        return F.log(x)


class Sqrt(Module):
    """F.sqrt."""

    def forward(self, x: Tensor) -> Tensor:
        return F.sqrt(x)


class Erf(Module):
    """F.erf."""

    def forward(self, x: Tensor) -> Tensor:
        return F.erf(x)


class Sin(Module):
    """F.sin."""

    def forward(self, x: Tensor) -> Tensor:
        return F.sin(x)


class Cos(Module):
    """F.cos."""

    def forward(self, x: Tensor) -> Tensor:
        return F.cos(x)


class Floor(Module):
    """F.floor."""

    def forward(self, x: Tensor) -> Tensor:
        return F.floor(x)


class Round(Module):
    """F.round."""

    def forward(self, x: Tensor) -> Tensor:
        return F.round(x)


class Sign(Module):
    """F.sign."""

    def forward(self, x: Tensor) -> Tensor:
        return F.sign(x)


class _Reduction(Module):
    """A reduction over the axes `dim`, of which the batch's must not be one."""

    def __init__(self, dim: int | Sequence[int], keepdim: bool = False) -> None:
        name = type(self).__name__
        given = (dim,) if isinstance(dim, int | np.integer) else dim
        axes = arguments.integers(given, f"{name}: dim")
        if 0 in axes or not axes:
            raise ValueError(f"{name}: dim must name axes other than the batch's, 0; got {axes}")
        kept = arguments.flag(keepdim, f"{name}: keepdim")
        self.settings: dict[str, Any] = {"dim": axes, "keepdim": kept}


class Sum(_Reduction):
    """F.sum over the axes `dim`."""

    def forward(self, x: Tensor) -> Tensor:
        return F.sum(x, **self.settings)


class Mean(_Reduction):
    """F.mean over the axes `dim`."""

    def forward(self, x: Tensor) -> Tensor:
        return F.mean(x, **self.settings)


class Amax(_Reduction):
    """F.amax over the axes `dim`."""

    def forward(self, x: Tensor) -> Tensor:
        return F.amax(x, **self.settings)


class Amin(_Reduction):
    """F.amin over the axes `dim`."""

    def forward(self, x: Tensor) -> Tensor:
        return F.amin(x, **self.settings)


class Var(_Reduction):
    """F.var over the axes `dim`."""

    def __init__(
        self, dim: int | Sequence[int], unbiased: bool = True, keepdim: bool = False
    ) -> None:
        super().__init__(dim, keepdim)
        self.settings["unbiased"] = arguments.flag(unbiased, "Var: unbiased")

    def forward(self, x: Tensor) -> Tensor:
        return F.var(x, **self.settings)
