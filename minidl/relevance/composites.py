"""Composites: which layer has which rule of relevance.

They are zennit's (Anders et al. 2021): the epsilon rule in fully connected layers, another one in
convolutions, and perhaps a third in the first layer. All other operations are in `table`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minidl.relevance.layer_rules import (
    STABILISER,
    AlphaBeta,
    Bounds,
    Box,
    Epsilon,
    Flat,
    Gamma,
    LayerRule,
    ZPlus,
)
from minidl.relevance.linear_maps import CONVOLUTIONS
from minidl.relevance.table import table_for
from minidl.relevance.tape import Tape
from minidl.rules import Rules
from minidl.tensor import Node, Tensor


@dataclass(frozen=True)
class Composite:
    """The rules of convolutions (also transposed ones), of matrix products by constants, and of
    first layers: those between which and the inputs there is no other (None: as the others).

    stabiliser: of sums and averages.
    """

    name: str
    convolution: LayerRule
    linear: LayerRule
    first: LayerRule | None = None
    stabiliser: float = STABILISER

    def table(
        self,
        output: Tensor,
        inputs: Sequence[Tensor],
        bounds: Callable[[Tensor], Bounds] | None = None,
    ) -> Rules:
        """The table of rules for the tape from `inputs` to `output`.

        With it the cotangent of `backward` is relevance. bounds: least and largest values of a
        first layer's input, for `Box`.
        """
        return table_for(Tape(output, inputs), self.name, self._chosen, self.stabiliser, bounds)

    def _chosen(self, node: Node, is_first: bool) -> LayerRule:
        if is_first and self.first is not None:
            return self.first
        return self.convolution if node.operation in CONVOLUTIONS else self.linear


EPSILON_PLUS = Composite("epsilon plus", ZPlus(), Epsilon())
EPSILON_PLUS_FLAT = Composite("epsilon plus flat", ZPlus(), Epsilon(), Flat())
EPSILON_ALPHA2_BETA1 = Composite("epsilon alpha2 beta1", AlphaBeta(), Epsilon())
EPSILON_ALPHA2_BETA1_FLAT = Composite("epsilon alpha2 beta1 flat", AlphaBeta(), Epsilon(), Flat())
EPSILON_GAMMA_BOX = Composite("epsilon gamma box", Gamma(), Epsilon(), Box())
"""For inputs between bounds; zennit has the box rule in the first convolution alone."""
