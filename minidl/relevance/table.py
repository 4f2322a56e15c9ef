"""Rows of the table of relevance: what each operation's node does with its output's relevance.

Four kinds of operations, listed by name so that none is treated by chance:

    MOVED     values are moved, chosen or repeated: relevance goes back where they came from, as the
              derivative; so of maxima the winner gets all
    PASSED    functions of single elements, such as activations, and local response normalisation,
              whose factor is held constant (Binder et al. 2016): the element gets all
    LINEAR    sums and averages: shares by the summands, with a stabiliser (zennit's rule Norm)
    the rest  have rules of their own below

Constants get nothing: relevance passes a factor or a summand that does not depend on the image. Two
exceptions are the bias of a linear map and a batch normalisation behind it, which belong to the map
(`linear_maps`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from minidl import functional as F
from minidl.backward_pass import backward
from minidl.functional.normalisation import less_local_mean
from minidl.recording import recording
from minidl.relevance.layer_rules import Bounds, LayerRule, shared
from minidl.relevance.linear_maps import CONVOLUTIONS, Affine, linear_map
from minidl.relevance.tape import Tape
from minidl.rules import Rules, gradient, is_gate
from minidl.tensor import Node, Rule, Tensor

Needs = tuple[bool, ...]
Cotangents = Sequence[Tensor | None]

MOVED = frozenset({
    "amax", "amin", "broadcast_to", "cast", "clone", "concatenate", "fill_outside", "getitem",
    "max_pool2d", "max_unpool2d", "max_unpool2d_vjp", "pad", "pad2d", "put", "replace", "roll",
    "take", "take_vjp", "to", "transpose", "watch", "where",
})  # fmt: skip
PASSED = frozenset({
    "absolute", "batch_norm", "batch_norm_of_parts", "ceil", "clip", "cos", "elu", "erf", "exp",
    "expm1", "floor", "gelu",
    "hardsigmoid", "hardswish", "leaky_relu", "local_response_norm", "log", "log10", "log1p",
    "log2", "log_softmax",
    "mish", "negate", "power", "relu", "relu6", "round", "sigmoid", "sign", "silu", "sin",
    "softmax", "softplus", "sqrt", "tanh",
})  # fmt: skip
FIRST_OPERAND = frozenset({"binary_cross_entropy", "clamp", "function", "power_of", "remainder"})
"""Functions of single elements with further operands, which get nothing."""
LINEAR = frozenset({"avg_pool2d", "avg_pool2d_vjp", "cumsum", "resize", "sum"})
OWN = frozenset({
    *CONVOLUTIONS, "add", "conv_relu_pool", "divide", "local_contrast_norm", "matmul", "maximum",
    "minimum", "multiply", "reshape", "standardise", "subtract",
})  # fmt: skip


def table_for(
    tape: Tape,
    name: str,
    choose: Callable[[Node, bool], LayerRule],
    stabiliser: float,
    bounds: Callable[[Tensor], Bounds] | None = None,
) -> Rules:
    """The table for one tape.

    choose:     the rule of a linear map's node, which may be a first layer.
    stabiliser: of sums, averages and products.
    bounds:     least and largest values of a first layer's input.
    """
    rows = Relevance(tape, choose, stabiliser, bounds)
    made: dict[str, Rule] = dict.fromkeys(PASSED | FIRST_OPERAND, _pass)
    made |= dict.fromkeys(LINEAR, rows.linear)
    made |= dict.fromkeys(CONVOLUTIONS, rows.map)
    made |= dict.fromkeys(("maximum", "minimum"), _winner)
    return gradient.derive(
        name, **made, add=rows.add, subtract=rows.add, multiply=rows.multiply, divide=rows.divide,
        matmul=rows.matmul, reshape=_reshape, standardise=rows.standardise,
        local_contrast_norm=rows.local_contrast_norm,
    )  # fmt: skip


class Relevance:
    """The rows that need to know the tape."""

    def __init__(
        self, tape: Tape, choose: Callable[[Node, bool], LayerRule], stabiliser: float,
        bounds: Callable[[Tensor], Bounds] | None,
    ) -> None:  # fmt: skip
        self._tape, self._choose, self._bounds = tape, choose, bounds
        self._stabiliser = stabiliser

    def map(self, node: Node, gy: Tensor, needs: Needs) -> Cotangents:
        """A linear map, by the rule of its layer."""
        operand = needs.index(True)
        first = self._tape.is_first(node, operand)
        rule = self._choose(node, first)
        bounds = self._bounds(node.inputs[operand]) if first and self._bounds else None
        found = Tensor(rule(linear_map(node, gy, needs), gy._array, bounds))
        return tuple(found if need else None for need in needs)

    def matmul(self, node: Node, gy: Tensor, needs: Needs) -> Cotangents:
        """By constants, a linear map. Attention's weights are held constant, so that the values get
        all (Ali et al. 2022); of two other matrices each gets half (Achtibat et al. 2024, eq. 13).
        """
        gates = [is_gate(t) for t in node.inputs]
        if sum(needs) == 2 and sum(gates) == 1:
            needs = (not gates[0], not gates[1])
        elif sum(needs) == 1:
            return self.map(node, gy, needs)
        z = F.matmul(*(t.detach() for t in node.inputs))._array
        s = Tensor(shared(gy._array, z, self._stabiliser))
        made = gradient["matmul"](node, s, needs)
        return [
            None if g is None else Tensor(t._array * g._array / sum(needs))
            for t, g in zip(node.inputs, made, strict=True)
        ]

    def add(self, node: Node, gy: Tensor, needs: Needs) -> Cotangents:
        """Shares by the summands; a constant gets nothing, or is a linear map's bias."""
        a, b = (t._array for t in node.inputs)
        b = -b if node.operation == "subtract" else b
        if sum(needs) == 2:
            _check_kept(node)
            s = shared(gy._array, a + b, self._stabiliser)
            return [_summed(s * part, t) for part, t in zip((a, b), node.inputs, strict=True)]
        own = needs.index(True)
        found = _summed(gy._array, node.inputs[own])
        negated = node.operation == "subtract" and own == 1
        if found.shape == gy.shape and not negated and self._tape.map_below(node, own):
            found = Affine.of_sum(found, (b, a)[own], gy)
        return [found if need else None for need in needs]

    def multiply(self, node: Node, gy: Tensor, needs: Needs) -> Cotangents:
        """A signal gets all and its gate nothing (Arras et al. 2017); two other factors get half
        each; a constant gets nothing, or belongs to the linear map below."""
        if sum(needs) == 2:
            gates = [is_gate(t) for t in node.inputs]
            kept = [not gate for gate in gates] if sum(gates) == 1 else [True, True]
            each = gy._array / sum(kept)
            return [_summed(each, t) if keep else None
                    for t, keep in zip(node.inputs, kept, strict=True)]  # fmt: skip
        own = needs.index(True)
        return self._scaled(node, gy, own, node.inputs[1 - own]._array, needs)

    def divide(self, node: Node, gy: Tensor, needs: Needs) -> Cotangents:
        """The numerator gets all, for the denominator is held constant (Ali et al. 2022); the
        denominator of a constant passes on what it gets, as a function of single elements."""
        if needs == (True, False):
            return self._scaled(node, gy, 0, 1 / node.inputs[1]._array, needs)
        own = needs.index(True)
        return [_summed(gy._array, t) if i == own else None for i, t in enumerate(node.inputs)]

    def _scaled(
        self, node: Node, gy: Tensor, own: int, factor: np.ndarray, needs: Needs
    ) -> Cotangents:
        """The operand's relevance where the other operand is a constant factor."""
        found = _summed(gy._array, node.inputs[own])
        if found.shape == gy.shape and self._tape.takes_factor(factor, node, own):
            found = Affine.of_product(found, factor, gy)
        return [found if need else None for need in needs]

    def linear(self, node: Node, gy: Tensor, needs: Needs) -> Cotangents:
        """Shares by the summands of a sum without weights.

        The sum itself, for its stabiliser, is the transpose of its own rule. A factor behind a sum
        makes it a mean, whose stabiliser is not the sum's.
        """
        t = Tensor(gy._array, requires_grad=True)
        with recording(True):
            (spread,) = gradient[node.operation](node, t, needs)
        assert spread is not None
        x = node.inputs[0]._array
        (z,) = backward(spread, Tensor(x), inputs=[t])
        factor = gy.scale if isinstance(gy, Affine) else None
        share = 1.0 if factor is None else abs(float(factor.item()))
        s = shared(gy._array, z._array, self._stabiliser / share)
        (gx,) = gradient[node.operation](node, Tensor(s), needs)
        assert gx is not None
        return (Tensor(x * gx._array),)

    def standardise(self, node: Node, gy: Tensor, needs: Needs) -> Cotangents:
        """Linear, x - mean, over a deviation that is held constant (Ali et al. 2022)."""
        axes = node.saved["axes"]
        return self._centred(lambda x: x - F.mean(x, axes, keepdims=True), node, gy)

    def local_contrast_norm(self, node: Node, gy: Tensor, needs: Needs) -> Cotangents:
        """Linear, x less its local mean, over a deviation that is held constant."""
        g = node.saved["geometry"]
        return self._centred(lambda x: less_local_mean(x, g), node, gy)

    def _centred(
        self, function: Callable[[Tensor], Tensor], node: Node, gy: Tensor
    ) -> tuple[Tensor]:
        """Shares of a linear function of the node's input; a factor behind it cancels out."""
        x = Tensor(node.inputs[0]._array, requires_grad=True)
        with recording(True):
            z = function(x)
        s = shared(gy._array, z._array, self._stabiliser)
        (gx,) = backward(z, Tensor(s), inputs=[x])
        return (Tensor(x._array * gx._array),)


def _pass(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    """The first operand gets all."""
    return [_summed(gy._array, t) if i == 0 and need else None
            for i, (t, need) in enumerate(zip(node.inputs, needs, strict=True))]  # fmt: skip


def _winner(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    """The operand that is the result gets all; beside a constant the other one does."""
    if sum(needs) == 1:
        return [_summed(gy._array, t) if need else None
                for t, need in zip(node.inputs, needs, strict=True)]  # fmt: skip
    return gradient[node.operation](node, gy, needs)


def _reshape(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    """Back to the shape, with what belongs to a matrix product of the same rows below."""
    (x,) = node.inputs
    moved = gy._array.reshape(x.shape)
    if not isinstance(gy, Affine) or not x.ndim or x.shape[-1:] != gy.shape[-1:]:
        return (Tensor(moved),)
    kept = [None if a is None else _of_last_axis(a) for a in (gy.scale, gy.shift)]
    lost = any(a is not None and k is None for a, k in zip((gy.scale, gy.shift), kept, strict=True))
    return (Tensor(moved) if lost else Affine(moved, *kept),)


def _of_last_axis(array: np.ndarray) -> np.ndarray | None:
    """The array as (K,) if it has no other axis."""
    return array.reshape(-1) if all(size == 1 for size in array.shape[:-1]) else None


def _summed(array: np.ndarray, operand: Tensor) -> Tensor:
    """The sum over the axes along which the operand was broadcast."""
    return F.sum_to(Tensor(array), operand.shape)


def _check_kept(node: Node) -> None:
    """ValueError if `x += y` wrote over a summand."""
    for t in node.inputs:
        if t.node is not None and t.size > 1 and not any(t._array.strides):
            raise ValueError(
                f"relevance: a sum of shape {t.shape} was written over its first summand, whose "
                "values its shares need; write x = x + y in place of x += y"
            )
