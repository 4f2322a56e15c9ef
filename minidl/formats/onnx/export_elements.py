"""Exporters of elementwise layers, joins and reductions; formulas where there is no operator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import nn
from minidl.formats.onnx.writing import Writer, Writing, plain


def _number(writing: Writing, name: str, value: float) -> str:
    return writing.constant(name, np.array(value, np.float32))


def _chained(operator: str) -> Writer:
    """The exporter of an operator of two inputs for any number of them."""

    def write(writing: Writing, name: str, layer: nn.Module, inputs: Sequence[str]) -> None:
        so_far, *rest = inputs
        for at, each in enumerate(rest, start=1):
            last = name if at == len(rest) else f"{name}.{at}"
            writing.node(operator, last, [so_far, each])
            so_far = last
        if not rest:
            writing.node("Identity", name, [so_far])

    return write


def _scaled(operator: str) -> Writer:
    """The exporter of a layer with one constant operand."""

    def write(writing: Writing, name: str, layer: Any, inputs: Sequence[str]) -> None:
        weight = writing.constant(f"{name}.weight", layer.weight.data)
        writing.node(operator, name, [*inputs, weight])

    return write


def _power(writing: Writing, name: str, layer: nn.Power, inputs: Sequence[str]) -> None:
    exponent = layer.settings["exponent"]
    more = [] if exponent is None else [_number(writing, f"{name}.exponent", exponent)]
    writing.node("Pow", name, [*inputs, *more])


def _where(writing: Writing, name: str, layer: nn.Where, inputs: Sequence[str]) -> None:
    """Any number but 0 is true."""
    from onnx import TensorProto

    condition, a, b = inputs
    writing.node("Cast", f"{name}.condition", [condition], to=TensorProto.BOOL)
    writing.node("Where", name, [f"{name}.condition", a, b])


def _relu6(writing: Writing, name: str, layer: nn.ReLU6, inputs: Sequence[str]) -> None:
    ends = [_number(writing, f"{name}.low", 0.0), _number(writing, f"{name}.high", 6.0)]
    writing.node("Clip", name, [*inputs, *ends])


def _softplus(writing: Writing, name: str, layer: nn.Softplus, inputs: Sequence[str]) -> None:
    """log(1 + e^(beta x)) / beta; beyond the threshold it is x but for a rounding."""
    beta = layer.settings["beta"]
    if beta == 1:
        writing.node("Softplus", name, inputs)
        return
    factor = _number(writing, f"{name}.beta", beta)
    writing.node("Mul", f"{name}.scaled", [*inputs, factor])
    writing.node("Softplus", f"{name}.softplus", [f"{name}.scaled"])
    writing.node("Div", name, [f"{name}.softplus", factor])


def _silu(writing: Writing, name: str, layer: nn.SiLU, inputs: Sequence[str]) -> None:
    writing.node("Sigmoid", f"{name}.gate", inputs)
    writing.node("Mul", name, [*inputs, f"{name}.gate"])


def _mish(writing: Writing, name: str, layer: nn.Mish, inputs: Sequence[str]) -> None:
    writing.node("Softplus", f"{name}.softplus", inputs)
    writing.node("Tanh", f"{name}.gate", [f"{name}.softplus"])
    writing.node("Mul", name, [*inputs, f"{name}.gate"])


def _gelu(writing: Writing, name: str, layer: nn.GELU, inputs: Sequence[str]) -> None:
    """x (1 + erf(x / sqrt 2)) / 2, or x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2."""
    (x,) = inputs
    if layer.settings["approximate"] == "none":
        writing.node("Div", f"{name}.t", [x, _number(writing, f"{name}.root", math.sqrt(2))])
        writing.node("Erf", f"{name}.gate", [f"{name}.t"])
    else:
        writing.node("Mul", f"{name}.square", [x, x])
        factor = _number(writing, f"{name}.cubic", 0.044715)
        writing.node("Mul", f"{name}.cube", [f"{name}.square", factor])
        one = _number(writing, f"{name}.linear", 1.0)
        writing.node("Add", f"{name}.sum", [f"{name}.cube", one])
        root = _number(writing, f"{name}.root", math.sqrt(2 / math.pi))
        writing.node("Mul", f"{name}.scaled", [x, root])
        writing.node("Mul", f"{name}.t", [f"{name}.scaled", f"{name}.sum"])
        writing.node("Tanh", f"{name}.gate", [f"{name}.t"])
    writing.node("Add", f"{name}.above", [f"{name}.gate", _number(writing, f"{name}.one", 1.0)])
    writing.node("Mul", f"{name}.half", [x, _number(writing, f"{name}.factor", 0.5)])
    writing.node("Mul", name, [f"{name}.half", f"{name}.above"])


def _reduction(operator: str) -> Writer:
    """The exporter of a reduction; ReduceSum has its axes as an input, the others do later."""

    def write(writing: Writing, name: str, layer: Any, inputs: Sequence[str]) -> None:
        axes, kept = list(layer.settings["dim"]), int(layer.settings["keepdim"])
        if operator == "ReduceSum":
            given = writing.constant(f"{name}.axes", np.array(axes, np.int64))
            writing.node(operator, name, [*inputs, given], keepdims=kept)
        else:
            writing.node(operator, name, inputs, axes=axes, keepdims=kept)

    return write


def _var(writing: Writing, name: str, layer: nn.Var, inputs: Sequence[str]) -> None:
    (x,), s = inputs, layer.settings
    shape, axes = (1, *writing.shapes[x]), list(s["dim"])
    count = math.prod(shape[a] for a in axes) - int(s["unbiased"])
    writing.node("ReduceMean", f"{name}.mean", [x], axes=axes, keepdims=1)
    writing.node("Sub", f"{name}.v", [x, f"{name}.mean"])
    writing.node("Mul", f"{name}.squares", [f"{name}.v", f"{name}.v"])
    given = writing.constant(f"{name}.axes", np.array(axes, np.int64))
    writing.node("ReduceSum", f"{name}.sum", [f"{name}.squares", given], keepdims=int(s["keepdim"]))
    writing.node("Div", name, [f"{name}.sum", _number(writing, f"{name}.count", count)])


ELEMENTS: dict[type[nn.Module], Writer] = {
    nn.Subtract: plain("Sub"),
    nn.Multiply: _chained("Mul"),
    nn.Divide: plain("Div"),
    nn.Maximum: plain("Max"),
    nn.Minimum: plain("Min"),
    nn.MatMul: plain("MatMul"),
    nn.Where: _where,
    nn.Scale: _scaled("Mul"),
    nn.Shift: _scaled("Add"),
    nn.Power: _power,
    nn.Negate: plain("Neg"),
    nn.Absolute: plain("Abs"),
    nn.Reciprocal: plain("Reciprocal"),
    nn.Exp: plain("Exp"),
    nn.Log: plain("Log"),
    nn.Sqrt: plain("Sqrt"),
    nn.Erf: plain("Erf"),
    nn.Sin: plain("Sin"),
    nn.Cos: plain("Cos"),
    nn.Floor: plain("Floor"),
    nn.Round: plain("Round"),
    nn.Sign: plain("Sign"),
    nn.ReLU6: _relu6,
    nn.ELU: plain("Elu", alpha="alpha"),
    nn.Softplus: _softplus,
    nn.SiLU: _silu,
    nn.Mish: _mish,
    nn.GELU: _gelu,
    nn.Hardswish: plain("HardSwish"),
    nn.Hardsigmoid: plain("HardSigmoid", alpha="alpha", beta="beta"),
    nn.LogSoftmax: plain("LogSoftmax", axis="dim"),
    nn.Sum: _reduction("ReduceSum"),
    nn.Mean: _reduction("ReduceMean"),
    nn.Amax: _reduction("ReduceMax"),
    nn.Amin: _reduction("ReduceMin"),
    nn.Var: _var,
}
"""The exporter of each kind of layer."""
