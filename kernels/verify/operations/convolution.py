"""Calls of the three convolutions: derivatives of one trilinear form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.contract.geometry import ConvGeometry
from kernels.contract.probe import plain
from kernels.contract.registry import Kernel
from kernels.definition.convolution import DEFINITIONS, WIDE
from kernels.verify.calls import Call, Results, Sum, operation
from kernels.verify.candidates import among
from kernels.verify.geometries import LARGE, SMALL, conv_geometries
from kernels.verify.served import narrowed


class Convolution(Sum):
    """`linear` names its two operands, `result` the third array of the form."""

    result: str
    whole = True

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[ConvGeometry]:
        if plain(kernel) is None:
            return among(kernel, large)
        return conv_geometries(narrowed(kernel, LARGE if large else SMALL))

    def shapes(self, g: ConvGeometry) -> dict[str, tuple[int, ...]]:
        return {name: self.sides(g)[name] for name in self.linear}

    @staticmethod
    def sides(g: ConvGeometry) -> dict[str, tuple[int, ...]]:
        """The shapes of the three arrays of the form sum gy x w."""
        return {"x": g.x_shape, "w": g.w_shape, "gy": g.y_shape}

    def defined(
        self, g: ConvGeometry, inputs: dict[str, np.ndarray], dtype: Any = np.float64
    ) -> np.ndarray:
        """The definition's side `result` of the form, from the two operands."""
        return DEFINITIONS[self.name](*(inputs[name] for name in self.linear), g, dtype)

    def absolute(self, kernel: Kernel, call: Call) -> np.ndarray:
        inputs = {name: np.abs(a.astype(np.float64)) for name, a in call.inputs.items()}
        if not kernel.norm_wise:
            return self.defined(call.g, inputs)
        point = replace(call.g, H=1, W=1, R=1, S=1, stride=(1, 1), padding=(0,) * 4)
        image, other = self.linear  # largest |x| of a plane, sum of |w|
        sums = {
            image: inputs[image].max(axis=(2, 3), keepdims=True, initial=0.0),
            other: inputs[other].sum(axis=(2, 3), keepdims=True),
        }
        return np.broadcast_to(self.defined(point, sums), self.sides(call.g)[self.result])

    def precisely(self, call: Call) -> np.ndarray:
        return self.defined(call.g, call.inputs, WIDE).astype(np.float64)

    def in_float64(self, call: Call) -> Results:
        return (self.defined(call.g, call.inputs),)


@operation
class Forward(Convolution):
    name, linear, result = "conv2d", ("x", "w"), "gy"

    def optional(self, g: ConvGeometry) -> dict[str, tuple[int, ...]]:
        return {"bias": (g.K,)}

    def chain(self, g: ConvGeometry) -> int:
        return g.C // g.groups * g.R * g.S + 1  # and the bias

    def absolute(self, kernel: Kernel, call: Call) -> np.ndarray:
        products, bias = super().absolute(kernel, call), call.options.get("bias")
        return products if bias is None else products + np.abs(bias)[:, None, None]

    def precisely(self, call: Call) -> np.ndarray:
        products, bias = super().precisely(call), call.options.get("bias")
        return products if bias is None else products + bias[:, None, None]

    def in_float64(self, call: Call) -> Results:
        (products,), bias = super().in_float64(call), call.options.get("bias")
        return (products if bias is None else products + bias[:, None, None],)


@operation
class Dgrad(Convolution):
    name, linear, result = "conv2d_dgrad", ("gy", "w"), "x"

    def chain(self, g: ConvGeometry) -> int:
        return max(g.K // g.groups * g.R * g.S, 1)


@operation
class Wgrad(Convolution):
    name, linear, result = "conv2d_wgrad", ("x", "gy"), "w"

    def chain(self, g: ConvGeometry) -> int:
        return max(g.N * g.P * g.Q, 1)
