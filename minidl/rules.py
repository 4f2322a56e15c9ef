"""How to walk a tape backward: one table of rules for each way.

A rule takes a node, the cotangent `gy` of its output and which inputs need one, and returns a
cotangent (or None) for each input. The gradient's rules stand beside their operations in
`minidl.functional`; a table derived from it replaces the rows in which it differs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from minidl.tensor import Node, Rule, Tensor


class Rules:
    """A table from the name of an operation to its rule.

    A fused operation, which did several steps at once, has a rule that is also given the table
    that is walked by (`fused_rule`): it hands each step to that table, so that none is bypassed.
    """

    def __init__(self, name: str, parent: Rules | None = None, **rows: Rule) -> None:
        self.name = name
        self._parent = parent
        self._rows: dict[str, Rule] = dict(rows)
        self._fused: dict[str, Callable[..., Any]] = {}

    def rule(self, operation: str) -> Callable[[Rule], Rule]:
        """Decorator: make the function the rule of `operation` in this table."""

        def decorate(rule: Rule) -> Rule:
            self._rows[operation] = rule
            return rule

        return decorate

    def fused_rule(self, operation: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorator: make the function, of a node, a cotangent, needs and `table`, the rule of a
        fused `operation` in this table and those derived from it."""

        def decorate(rule: Callable[..., Any]) -> Callable[..., Any]:
            self._fused[operation] = rule
            return rule

        return decorate

    def derive(self, name: str, **rows: Rule) -> Rules:
        """A table that has these rows and otherwise this one's."""
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
    """Rectify what comes from above (Zeiler, Fergus 2013, section 2.1)."""
    return (gy.relu(),)


def rectify_both_ways(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
    """Rectify from above and where the input was negative (Springenberg et al. 2015)."""
    return tuple(gradient["relu"](node, gy.relu(), needs))


def pass_through(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> tuple[Tensor, ...]:
    """Leave the cotangent as it is: the deconvnet does not invert normalisation."""
    return (gy,)


def by_definition(table: Rules) -> Rules:
    """The same table with convolutions that sum the products of the definition, so that what no
    product reaches is zero: Winograd's sums leave some rounding beside what one unit sees."""

    def conv2d(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> Sequence[Tensor | None]:
        return table["conv2d"](node.with_saved(algorithm="exact"), gy, needs)

    return table.derive(table.name, conv2d=conv2d)


gradient = Rules("gradient")
"""Calculus; filled by `minidl.functional`, an operation's rule beside the operation."""

deconvnet = gradient.derive(
    "deconvnet",
    relu=rectify_from_above,
    local_contrast_norm=pass_through,
    local_response_norm=pass_through,
)
"""Zeiler and Fergus 2013: unpool with switches, rectify, filter with the flipped kernels."""

guided = gradient.derive(
    "guided",
    relu=rectify_both_ways,
    local_contrast_norm=pass_through,
    local_response_norm=pass_through,
)
"""Guided backpropagation, normalisation passed through as in the deconvnet."""
