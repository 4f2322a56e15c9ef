"""Layers that exporters write as several nodes: the table of their formulas.

A formula is an expression of operators: `Mul(x, Sigmoid(x))`. A name stands for any value, the same
one wherever it occurs, "_" for any at all, and a number for a constant that equals it. The two
inputs of Add and Mul may be in either order. A match becomes one node, with the name of the last
one; nothing else may read the values within it.

As one layer an activation or a normalisation is faster, and has its own row in the tables of
backward rules (`minidl/rules.py`): what it is cannot be seen in products and roots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.formats.onnx import contrast
from minidl.formats.onnx.formulas import Match, Matcher, parsed
from minidl.formats.onnx.model import Model, Node

Meaning = Callable[[Match], Mapping[str, Any] | None]
"""The attributes of the one node; None if the nodes' settings do not fit the meaning."""


@dataclass(frozen=True)
class Pattern:
    """A formula, the operator that it means, and the names of that one's inputs."""

    operator: str
    formula: str
    inputs: tuple[str, ...] = ("x",)
    meaning: Meaning = lambda match: {}


def _clipped_at_6(match: Match) -> dict[str, Any] | None:
    return {} if match.bounds("Clip") == (0.0, 6.0) else None


def _hard_sigmoid(match: Match) -> dict[str, Any] | None:
    inside = _clipped_at_6(match)
    return None if inside is None else {"alpha": 1 / 6, "beta": 0.5}


def _sixth(match: Match) -> dict[str, Any] | None:
    settings = match.node("HardSigmoid").attributes
    fits = np.allclose((settings["alpha"], settings["beta"]), (1 / 6, 0.5), rtol=1e-6)
    return {} if fits else None


def _layer_norm(match: Match) -> dict[str, Any] | None:
    """Over the same last axes in both means."""
    first, second = (match.axes(node) for node in match.nodes_of("ReduceMean"))
    trailing = first == tuple(range(-len(first), 0))
    if first != second or not trailing:
        return None
    return {"axis": -len(first), "epsilon": match.number("epsilon"), "trailing": True}


def _group_norm(match: Match) -> dict[str, Any] | None:
    """PyTorch's: the groups as channels of an instance normalisation, and back."""
    inner, reshape = match.node("InstanceNormalization"), match.target("x")
    scale, shift = (match.constants.get(name) for name in inner.inputs[1:3])
    if scale is None or shift is None or (scale != 1).any() or shift.any():
        return None
    if reshape is None or tuple(reshape) != (0, scale.size, -1):
        return None
    return {"num_groups": scale.size, "epsilon": inner.attributes["epsilon"]}


def _response(match: Match) -> dict[str, Any] | None:
    """PyTorch's mean of the squares of `size` channels, by an average in three dimensions."""
    window = match.node("AveragePool").attributes["kernel_shape"]
    if window[1:] not in ((1, 1), (1,)):
        return None
    settings = {name: match.number(name) for name in ("alpha", "beta", "bias")}
    return {"size": window[0], **settings}


CENTRED = "Sub(x, ReduceMean(x))"
NORMED = f"Div({CENTRED}, Sqrt(Add(ReduceMean(Pow({CENTRED}, 2)), epsilon)))"
NORMED_BY_PRODUCT = f"Div({CENTRED}, Sqrt(Add(ReduceMean(Mul({CENTRED}, {CENTRED})), epsilon)))"
ERF = "Add(Erf(Div(x, 1.41421356)), 1)"
ERF_OF_PRODUCT = "Add(Erf(Mul(x, 0.70710678)), 1)"
TANH = "Add(Tanh(Mul(Add(x, Mul({cube}, 0.044715)), 0.79788456)), 1)"
TANH_OF_POWER = TANH.format(cube="Pow(x, 3)")
TANH_OF_PRODUCTS = TANH.format(cube="Mul(x, Mul(x, x))")
CLIPPED = "Clip(Add(x, 3))"
SQUARES = "AveragePool(Pad({lifted}(Mul(x, x))))"
MEANS = [
    f"{dropped}({SQUARES.format(lifted=lifted)})"
    for dropped in ("Squeeze", "Reshape")
    for lifted in ("Reshape", "Unsqueeze")
]
BRANCHED = f"If(Equal(Gather(Shape({SQUARES.format(lifted='Reshape')})), _))"
RESPONSE = [
    f"Div(x, Pow(Add(Mul({mean}, alpha), bias), beta))"
    for mean in (*MEANS, *(f"Reshape({m})" for m in (*MEANS, BRANCHED)))
]


def _gelu(half: str, form: str) -> list[Pattern]:
    """x half (1 + ...), in the orders in which exporters multiply."""
    formulas = (
        f"Mul(Mul(x, {half}), 0.5)",
        f"Mul(x, Mul({half}, 0.5))",
        f"Mul(Mul(x, 0.5), {half})",
    )
    return [Pattern("Gelu", each, meaning=lambda m: {"approximate": form}) for each in formulas]


PATTERNS = [
    Pattern("Swish", "Mul(x, Sigmoid(x))"),
    Pattern("Mish", "Mul(x, Tanh(Softplus(x)))"),
    Pattern("HardSwish", "Mul(x, HardSigmoid(x))", meaning=_sixth),
    Pattern("HardSwish", f"Div(Mul(x, {CLIPPED}), 6)", meaning=_clipped_at_6),
    Pattern("HardSwish", f"Mul(x, Div({CLIPPED}, 6))", meaning=_clipped_at_6),
    Pattern("HardSwish", f"Mul(Mul(x, {CLIPPED}), 0.16666667)", meaning=_clipped_at_6),
    Pattern("HardSigmoid", f"Div({CLIPPED}, 6)", meaning=_hard_sigmoid),
    *_gelu(ERF, "none"),
    *_gelu(ERF_OF_PRODUCT, "none"),
    *_gelu(TANH_OF_POWER, "tanh"),
    *_gelu(TANH_OF_PRODUCTS, "tanh"),
    *(
        Pattern("LayerNormalization", formula, inputs, _layer_norm)
        for normed in (NORMED, NORMED_BY_PRODUCT)
        for formula, inputs in (
            (f"Add(Mul({normed}, scale), shift)", ("x", "scale", "shift")),
            (normed, ("x",)),
        )
    ),
    Pattern(
        "GroupNormalization", "Reshape(InstanceNormalization(Reshape(x)))", meaning=_group_norm
    ),
    *(Pattern("LRN", formula, meaning=_response) for formula in RESPONSE),
    Pattern(
        "LCN", contrast.formula(True), ("x", "mean_inside"), lambda m: contrast.settings(m, True)
    ),
    Pattern("LCN", contrast.formula(False), meaning=lambda m: contrast.settings(m, False)),
]
"""The formulas, larger ones before those that they contain."""


def recognised(model: Model) -> tuple[Node, ...]:
    """The model's nodes, with one node for each match of a formula."""
    matcher = Matcher(model)
    by_last: dict[str, list[tuple[Pattern, Any]]] = {}
    for pattern in PATTERNS:
        formula = parsed(pattern.formula)
        by_last.setdefault(formula.operator, []).append((pattern, formula))
    gone, made = set[str](), dict[str, Node]()
    for node in reversed(model.nodes):
        for pattern, formula in by_last.get(node.operator, ()) if node.name else ():
            match = None if node.outputs[0] in gone else matcher.match(node, formula)
            settings = None if match is None else pattern.meaning(match)
            if match is not None and settings is not None:
                made[node.outputs[0]] = Node(
                    operator=pattern.operator,
                    name=node.name,
                    inputs=tuple(match.values[name] for name in pattern.inputs),
                    outputs=node.outputs[:1],
                    attributes=settings,
                )
                gone |= match.inner
                break
    return tuple(
        made.get(node.outputs[0], node) if node.outputs else node
        for node in model.nodes
        if not node.outputs or node.outputs[0] not in gone
    )
