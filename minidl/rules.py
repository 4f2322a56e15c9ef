"""Tables of backward rules: the gradient, the deconvnet, and guided backpropagation.

A rule takes a node, the cotangent `gy` of its output, and a flag for each input that needs a
cotangent. It returns a cotangent (or None) for each input. The rules of the gradient are defined
beside their operations in `minidl.functional`; a derived table replaces the rows that differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from minidl.tensor import Node, Rule, Tensor


class Rules:
    """A table from the name of an operation to its rule.

    The rule of a fused operation, which computes several steps at once, also gets the table of the
    backward pass (`fused_rule`). It looks up the rule of each step there, so none is bypassed.
    """

    def __init__(self, name: str, parent: Rules | None = None, **rows: Rule) -> None:
        self.name = name
        self._parent = parent
        self._rows: dict[str, Rule] = dict(rows)
        self._fused: dict[str, Callable[..., Any]] = {}

    def rule(self, operation: str) -> Callable[[Rule], Rule]:
        """Decorator: register the function as the rule of `operation` in this table."""

        def decorate(rule: Rule) -> Rule:
            self._rows[operation] = rule
            return rule

        return decorate

    def fused_rule(self, operation: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorator: register the function, of a node, a cotangent, needs and `table`, as the rule
        of a fused `operation` in this table and its derived tables."""

        def decorate(rule: Callable[..., Any]) -> Callable[..., Any]:
            self._fused[operation] = rule
            return rule

        return decorate

    def derive(self, name: str, **rows: Rule) -> Rules:
        """A table with these rows; all other rows are this table's."""
        return Rules(name, self, **rows)

    def __getitem__(self, operation: str) -> Rule:
        table: Rules | None = self
        while table is not None:
            if operation in table._rows:
                return table._rows[operation]
            if operation in table._fused:
                return partial(table._fused[operation], table=self)
            root, table = table, table._parent
        known = ", ".join(sorted([*root._rows, *root._fused]))
        raise KeyError(f"no rule for {operation!r}; known: {known}")

    def __repr__(self) -> str:
        return f"<rules {self.name}>"


def rectify_from_above(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> tuple[Tensor, ...]:
    """Rectify the cotangent from above (Zeiler, Fergus 2013, section 2.1)."""
    return (gy.relu(),)


def rectify_both_ways(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
    """Rectify the cotangent, and mask it by the input's sign (Springenberg et al. 2015)."""
    return tuple(gradient["relu"](node, gy.relu(), needs))


def pass_through(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> tuple[Tensor, ...]:
    """Return the cotangent unchanged: the deconvnet does not invert normalisation."""
    return (gy,)


def by_definition(table: Rules) -> Rules:
    """The same table with convolutions that sum the products of the definition, so that pixels
    outside of a unit's receptive field are exactly zero: Winograd's sums round there."""

    def conv2d(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> Sequence[Tensor | None]:
        return table["conv2d"](node.with_saved(algorithm="exact"), gy, needs)

    return table.derive(table.name, conv2d=conv2d)


gradient = Rules("gradient")
"""The gradient of calculus; `minidl.functional` registers each rule beside its operation."""

deconvnet = gradient.derive(
    "deconvnet",
    relu=rectify_from_above,
    local_contrast_norm=pass_through,
    local_response_norm=pass_through,
    standardise=pass_through,
)
"""The deconvnet (Zeiler, Fergus 2013): unpool by switches, rectify, filter with flipped kernels."""

guided = gradient.derive(
    "guided",
    relu=rectify_both_ways,
    local_contrast_norm=pass_through,
    local_response_norm=pass_through,
    standardise=pass_through,
)
"""Guided backpropagation; normalisation is passed through as in the deconvnet."""
