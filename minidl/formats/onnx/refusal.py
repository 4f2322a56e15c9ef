"""Refusal of an ONNX file: one sentence with everything in it that cannot be imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kernels.terminal.sentences import shortened
from minidl.formats.onnx.batch import Activation
from minidl.formats.onnx.call import Value
from minidl.formats.onnx.model import Node

NAMED = 3
"""As many nodes of one operator are named."""
NODES = "of \0"
"""The place of the nodes' names in a reason that names its node itself; no name has this."""
MEANINGS = {
    **dict.fromkeys(("LSTM", "GRU", "RNN"), "a recurrent layer, and there are none here"),
    **dict.fromkeys(
        ("If", "Loop", "Scan"),
        "a branch or a loop, which depends on values; export the network without it (traced)",
    ),
    **dict.fromkeys(
        ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger",
         "MatMulInteger", "DynamicQuantizeLinear"),
        "arithmetic of a quantised network; export it in float32",
    ),
    **dict.fromkeys(
        ("NonMaxSuppression", "TopK", "NonZero", "Unique", "Compress", "RoiAlign"),
        "a selection of boxes or values by their size; export the network without what comes after "
        "it, or choose an output before it",
    ),
    **dict.fromkeys(
        ("ArgMax", "ArgMin", "OneHot", "Hardmax"),
        "indices of values, which have no derivative; choose an output before it, the scores",
    ),
    "RotaryEmbedding": "a rotary embedding of positions as one operator of opset 23; export the "
    "network with an opset up to 22, which writes its products",
    **dict.fromkeys(
        ("GridSample", "AffineGrid", "DeformConv"),
        "pixels sampled where values of the network say (deformable convolution, spatial "
        "transformer), and there is no layer for it",
    ),
    **dict.fromkeys(
        ("DFT", "STFT", "MelWeightMatrix"), "a Fourier transform, and there is no layer for it"
    ),
    **dict.fromkeys(
        ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli",
         "Multinomial"),
        "random numbers; export the network in inference (eval) mode",
    ),

}  # fmt: skip
"""What operators are that have no layer here."""


def unsupported(operator: str) -> str:
    """The reason for an operator without a layer."""
    return MEANINGS.get(operator, "there is no layer for it")


@dataclass
class Refusals:
    """The nodes that cannot be imported, by operator, with the reason of the first of each."""

    nodes: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    shapes: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, node: Node, inputs: Sequence[Value], reason: str) -> None:
        key = node.operator, reason.replace(f"of node {node.name!r}", NODES)
        self.nodes.setdefault(key, []).append(node.name)
        self.shapes.setdefault(key, _shown(inputs) if not node.fault else "")

    def check(self, what: str) -> None:
        """ValueError that lists all; `what` is the file's name."""
        if not self.nodes:
            return
        parts = [self._part(key, names) for key, names in self.nodes.items()]
        count = sum(map(len, self.nodes.values()))
        several = "" if len(parts) == 1 else f"{count} of its nodes cannot be: "
        raise ValueError(f"{what} cannot be imported: {several}{'; '.join(parts)}")

    def _part(self, key: tuple[str, str], names: Sequence[str]) -> str:
        operator, reason = key
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        nodes = f"node{'s' if len(names) > 1 else ''} {', '.join(map(repr, names[:NAMED]))}{more}"
        if not self.shapes[key]:  # the standard has no such node
            return shortened(reason.replace(NODES, f"of {nodes}"))
        return shortened(f"operator {operator} of {nodes} (inputs {self.shapes[key]}): {reason}")


def _shown(values: Sequence[Value]) -> str:
    """The shapes of a node's inputs, with N for the batch where it is not in front."""
    return ", ".join(map(_shape, values)) or "none"


def _shape(value: Value) -> str:
    if value is None:
        return "none"
    moved = isinstance(value, Activation) and (value.batch.axis or value.batch.rows > 1)
    return str(value.sizes) if isinstance(value, Activation) and moved else str(value.shape)
