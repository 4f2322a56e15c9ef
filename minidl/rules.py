"""Tables of backward rules: the gradient, the deconvnet, and guided backpropagation.

A rule takes a node, the cotangent `gy` of its output, and a flag for each input that needs a
cotangent. It returns a cotangent (or None) for each input. The rules of the gradient are defined
beside their operations in `minidl.functional`; a derived table replaces the rows that differ.
`docs/rules.md` says which rule each operation has, and why.
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


GATES: dict[str, Callable[[Node], Tensor]] = {}
"""The gate of each rectifier with a smooth one, by the operation's name, for its node."""


def gate(operation: str) -> Callable[[Callable[[Node], Tensor]], Callable[[Node], Tensor]]:
    """Decorator: register the function as the gate of a rectifier, a constant from 0 to 1."""

    def decorate(function: Callable[[Node], Tensor]) -> Callable[[Node], Tensor]:
        GATES[operation] = function
        return function

    return decorate


def rectify_through_gate(
    node: Node, gy: Tensor, needs: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    """Rectify the cotangent, and multiply it by the gate g of x g(x), held constant.

    The ReLU is x times a gate that is 1 where x > 0; so this is `rectify_both_ways` for a smooth
    gate. The derivative would be another factor: it is negative for some x < 0.
    """
    return (gy.relu() * GATES[node.operation](node),)


def of_clip(rectify: Rule) -> Rule:
    """The rule of a clip: `rectify` for one from 0 up, such as ReLU6, else its derivative."""

    def rule(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> Sequence[Tensor | None]:
        if node.saved["low"] == 0 < node.saved["high"]:
            return rectify(node, gy, needs)
        return gradient["clip"](node, gy, needs)

    return rule


CLOSING = frozenset({"sigmoid", "hardsigmoid", "softmax"})
"""Operations whose results are gates, from 0 to 1, where they multiply a signal."""
MOVING = frozenset(
    {"reshape", "transpose", "broadcast_to", "getitem", "take", "roll", "resize", "to"}
)
"""Operations that move values or interpolate between them, and so leave a gate a gate."""


def is_gate(tensor: Tensor) -> bool:
    """True for a result of one of CLOSING, moved or not."""
    node = tensor.node
    while node is not None and node.operation in MOVING:
        node = node.inputs[0].node
    return node is not None and node.operation in CLOSING


def hold_gate(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> Sequence[Tensor | None]:
    """Of a product of a signal and a gate, the signal gets the whole cotangent, times the gate; the
    gate is held constant (Arras et al. 2017 for gates of a recurrent network; Ali et al. 2022
    for attention). Other products have their gradient.
    """
    gates = [is_gate(tensor) for tensor in node.inputs]
    if sum(gates) == 1:
        needs = tuple(need and not held for need, held in zip(needs, gates, strict=True))
    made = gradient[node.operation](node, gy, needs)
    return [gx if need else None for gx, need in zip(made, needs, strict=True)]


def hold_denominator(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> Sequence[Tensor | None]:
    """Of a quotient, the numerator gets the cotangent over the denominator, which is held constant
    if both are on the tape: a normalisation written as a quotient (Ali et al. 2022)."""
    if all(needs):
        needs = (True, False)
    made = gradient[node.operation](node, gy, needs)
    return [gx if need else None for gx, need in zip(made, needs, strict=True)]


def pass_through(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> tuple[Tensor, ...]:
    """Return the cotangent unchanged: the deconvnet does not invert normalisation."""
    return (gy,)


def scale_by_weight(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
    """Through a batch normalisation: its standardisation is passed through, its scale transposed.

    In eval it is recorded as a product and a sum, which do the same.
    """
    weight = node.inputs[1]
    return gy * weight.reshape(-1, *(1,) * (gy.ndim - 2)), None, None  # (C,) -> (C,1,...)


def by_definition(table: Rules) -> Rules:
    """The same table with convolutions that sum the products of the definition, so that pixels
    outside of a unit's receptive field are exactly zero: Winograd's sums round there."""

    def conv2d(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> Sequence[Tensor | None]:
        return table["conv2d"](node.with_saved(algorithm="exact"), gy, needs)

    return table.derive(table.name, conv2d=conv2d)


gradient = Rules("gradient")
"""The gradient of calculus; `minidl.functional` registers each rule beside its operation."""

HELD: dict[str, Rule] = {
    "multiply": hold_gate,
    "matmul": hold_gate,
    "divide": hold_denominator,
    "local_contrast_norm": pass_through,
    "local_response_norm": pass_through,
    "batch_norm": scale_by_weight,
    "standardise": pass_through,
}
"""Rows that the deconvnet and guided backpropagation have in common."""
SMOOTH = ("silu", "gelu", "mish", "hardswish", "softplus", "relu6")
"""Rectifiers like the ReLU: positive for x > 0, and nearly or exactly 0 far below."""

deconvnet = gradient.derive(
    "deconvnet",
    relu=rectify_from_above,
    clip=of_clip(rectify_from_above),
    **dict.fromkeys(SMOOTH, rectify_from_above),
    **HELD,
)
"""The deconvnet (Zeiler, Fergus 2013): unpool by switches, rectify, filter with flipped kernels."""

guided = gradient.derive(
    "guided",
    relu=rectify_both_ways,
    clip=of_clip(rectify_through_gate),
    **dict.fromkeys(SMOOTH, rectify_through_gate),
    **HELD,
)
"""Guided backpropagation; normalisation is passed through as in the deconvnet."""
