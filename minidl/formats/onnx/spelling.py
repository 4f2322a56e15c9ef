"""Attention, one node from opset 23 on, spelled out as the nodes of its formula.

softmax(scale Q K^T + mask) V (Vaswani et al. 2017), for each head. So its scores and weights are
layers that can be looked into, as in files of earlier opsets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from minidl.formats.onnx.model import Model, Node

FURTHER = (4, 5, 6)
"""Inputs that only a decoder of text has: earlier keys and values, and how many there are."""


def spelled_out(model: Model) -> Model:
    """The model with the nodes of the formula in place of every Attention."""
    if all(node.operator != "Attention" for node in model.nodes):
        return model
    constants, nodes = dict(model.constants), list[Node]()
    for node in model.nodes:
        written = _Writing(node, constants)
        nodes += written.attention() if node.operator == "Attention" else (node,)
    return replace(model, nodes=tuple(nodes), constants=constants)


@dataclass
class _Writing:
    """The nodes that replace one, named after it."""

    node: Node
    constants: dict[str, np.ndarray]
    made: list[Node] = field(default_factory=list)

    def attention(self) -> Iterator[Node]:
        fault = self.node.fault or self._fault()
        if fault:
            yield replace(self.node, fault=fault)
            return
        heads = self.node.attributes.get("q_num_heads")
        q, k, v = (self._heads(at, heads) for at in range(3))
        last = "" if heads else self.node.outputs[0]
        result = self._add("MatMul", (self._weights(q, k), v), "values", output=last)
        if heads:
            joined = self._add("Transpose", (result,), "joined", perm=(0, 2, 1, 3))
            target = self._constant("target", np.array([0, 0, -1]))
            self._add("Reshape", (joined, target), "", self.node.outputs[0], allowzero=0)
        yield from self.made

    def _fault(self) -> str:
        given, settings = self.node.inputs, self.node.attributes
        if any(given[at] for at in FURTHER if at < len(given)) or any(self.node.outputs[1:]):
            return f"operator Attention of node {self.node.name!r} keeps keys and values of before"
        kept = ("is_causal", "softcap")
        unknown = [name for name in kept if settings.get(name)]
        if settings.get("q_num_heads") != settings.get("kv_num_heads"):
            unknown.append("kv_num_heads other than q_num_heads")
        if unknown:
            return (
                f"operator Attention of node {self.node.name!r} has {', '.join(unknown)}; only "
                "attention of all places to all, with a mask or without, can be imported"
            )
        return ""

    def _heads(self, at: int, heads: int | None) -> str:
        """Input number `at` as (N, heads, places, features)."""
        value = self.node.inputs[at]
        if not heads:
            return value
        part = "qkv"[at]
        target = self._constant(f"{part} target", np.array([0, 0, heads, -1]))
        apart = self._add("Reshape", (value, target), f"{part} heads", allowzero=0)
        return self._add("Transpose", (apart,), part, perm=(0, 2, 1, 3))

    def _weights(self, q: str, k: str) -> str:
        """softmax(scale q k^T + mask)."""
        transposed = self._add("Transpose", (k,), "k transposed", perm=(0, 1, 3, 2))
        scores = self._add("MatMul", (self._scaled(q), transposed), "scores")
        mask = self.node.inputs[3] if len(self.node.inputs) > 3 else ""
        if mask:
            added = self.constants.get(mask)
            if added is not None and added.dtype == np.bool_:
                scale = np.where(added, 0, -np.inf).astype(np.float32)
                mask = self._constant("mask", scale)
            scores = self._add("Add", (scores, mask), "masked")
        return self._add("Softmax", (scores,), "weights", axis=-1)

    def _scaled(self, q: str) -> str:
        """scale q; the scale is 1 / sqrt(features of a head) unless given."""
        scale = self.node.attributes.get("scale")
        if scale is not None:
            factor = self._constant("scale", np.array(scale, np.float32))
            return self._add("Mul", (q, factor), "scaled")
        size = self._add("Shape", (q,), "size", start=3, end=4)
        root = self._add("Sqrt", (self._add("Cast", (size,), "features", to=1),), "root")
        return self._add("Div", (q, root), "scaled")

    def _constant(self, part: str, array: np.ndarray) -> str:
        name = f"{self.node.name}/{part}"
        while name in self.constants:
            name += "_"
        self.constants[name] = array
        return name

    def _add(
        self, operator: str, inputs: tuple[str, ...], part: str, output: str = "", **settings: Any
    ) -> str:
        """One more node; its output."""
        name = f"{self.node.name}/{part}" if part and not output else self.node.name
        made = output or f"{self.node.outputs[0]}/{part}"
        self.made.append(Node(operator, name, inputs, (made,), settings))
        return made
