"""Matching of formulas, expressions of ONNX operators, in a graph of nodes (`patterns.py`)."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from minidl.formats.onnx.model import Model, Node

COMMUTATIVE = ("Add", "Mul")
RELATIVE = 1e-6
"""Largest relative difference of a constant from the formula's number, which float32 rounds."""


@dataclass(frozen=True)
class Formula:
    """An operator applied to formulas, names of values, and numbers."""

    operator: str
    operands: tuple[Formula | str | float, ...]


@cache
def parsed(text: str) -> Formula:
    """A formula from its text: calls of operators, names and numbers."""
    found = _parsed(ast.parse(text, mode="eval").body)
    assert isinstance(found, Formula)
    return found


def _parsed(tree: ast.expr) -> Formula | str | float:
    if isinstance(tree, ast.Call):
        assert isinstance(tree.func, ast.Name)
        return Formula(tree.func.id, tuple(map(_parsed, tree.args)))
    if isinstance(tree, ast.Name):
        return tree.id
    assert isinstance(tree, ast.Constant)
    return float(tree.value)  # type: ignore[arg-type]


@dataclass
class Match:
    """The nodes of a formula, by their outputs, and the values by the formula's names."""

    constants: dict[str, np.ndarray]
    nodes: dict[str, Node] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    inner: set[str] = field(default_factory=set)

    def nodes_of(self, operator: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.operator == operator]

    def node(self, operator: str) -> Node:
        return self.nodes_of(operator)[0]

    def number(self, name: str) -> float:
        """The one number of a constant, by the formula's name; NaN if it is none."""
        return self.scalar(self.values[name])

    def scalar(self, value: str) -> float:
        array = self.constants.get(value)
        one = array is not None and array.size == 1 and array.dtype.kind in "fiu"
        return float(array.item()) if one else np.nan  # type: ignore[union-attr]

    def bounds(self, operator: str) -> tuple[float, float]:
        """The bounds of a Clip: attributes up to opset 10, then inputs."""
        node = self.node(operator)
        if len(node.inputs) == 1:
            settings = node.attributes
            return settings.get("min", np.nan), settings.get("max", np.nan)
        low, high = (*node.inputs[1:], "", "")[:2]
        return self.scalar(low), self.scalar(high)

    def target(self, name: str) -> list[int] | None:
        """The constant target of the Reshape that reads the value of this name."""
        readers = [n for n in self.nodes_of("Reshape") if n.inputs[0] == self.values[name]]
        array = self.constants.get(readers[0].inputs[1]) if readers else None
        return None if array is None else array.ravel().tolist()  # (axes,)

    def axes(self, node: Node) -> tuple[int, ...]:
        """The axes of a reduction: an attribute, in later opsets an input."""
        given = node.attributes.get("axes")
        if given is None and len(node.inputs) > 1 and node.inputs[1] in self.constants:
            given = self.constants[node.inputs[1]].ravel().tolist()
        return tuple(sorted(int(axis) for axis in given or ()))


class Matcher:
    """The nodes of a model by the values that they make, and who reads each value."""

    def __init__(self, model: Model) -> None:
        fit = [node for node in model.nodes if not node.fault]
        self._makers = {value: node for node in fit for value in node.outputs if value}
        self._readers = Counter(value for node in model.nodes for value in set(node.inputs))
        self._readers[model.output] += 1
        self._constants = dict(model.constants)
        for node in model.nodes:
            value = node.attributes.get("value")
            if node.operator == "Constant" and isinstance(value, np.ndarray):
                self._constants[node.outputs[0]] = value

    def match(self, node: Node, formula: Formula) -> Match | None:
        """The formula with `node` as its last node; None unless it is there, and only it reads its
        inner values."""
        match = Match(self._constants)
        if not self._fits(node.outputs[0], formula, match):
            return None
        match.inner = match.nodes.keys() - {node.outputs[0]}
        reads = Counter(value for each in match.nodes.values() for value in set(each.inputs))
        single = all(self._readers[value] == reads[value] for value in match.inner)
        alone = all(not any(n.outputs[1:]) for n in match.nodes.values())
        numbers = all(not np.isnan(match.number(n)) for n in match.values if n in _NUMBERS)
        return match if single and alone and numbers else None

    def _fits(self, value: str, formula: Formula | str | float, match: Match) -> bool:
        if isinstance(formula, str):
            return formula == "_" or match.values.setdefault(formula, value) == value
        if isinstance(formula, float):
            return bool(abs(match.scalar(value) - formula) <= RELATIVE * abs(formula))
        node = self._makers.get(value)
        if node is None or node.operator != formula.operator:
            return False
        operands = formula.operands
        orders = [operands]
        if node.operator in COMMUTATIVE and len(operands) == 2:
            orders.append(operands[::-1])
        for order in orders:
            values, nodes = dict(match.values), dict(match.nodes)
            if len(node.inputs) >= len(order) and all(
                self._fits(given, part, match)
                for given, part in zip(node.inputs, order, strict=False)
            ):
                match.nodes[value] = node
                return True
            match.values, match.nodes = values, nodes
        return False


_NUMBERS = ("epsilon", "alpha", "beta", "bias", "floor")
"""Names of formulas that stand for one number each."""
