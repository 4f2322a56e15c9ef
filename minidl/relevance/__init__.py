"""Layer-wise relevance propagation (Bach et al. 2015) as tables of backward rules.

The cotangent of a tensor is its relevance: how much of the output each of its elements accounts
for. A rule shares the relevance of a node's output among its inputs. With small stabilisers and no
biases the sum is conserved from the output down to the image.

    table = relevance.EPSILON_PLUS.table(y, [x])
    (r,) = y.backward(one_hot * y.data, rules=table, inputs=[x])

`linear_maps` knows what a convolution or a matrix product is a linear map of, with its bias and a
batch normalisation behind it; `layer_rules` are the rules of such maps; `table` has the rows of all
other operations; `composites` say which layer has which rule. docs/rules.md explains each.
"""

from minidl.relevance.composites import (
    EPSILON_ALPHA2_BETA1,
    EPSILON_ALPHA2_BETA1_FLAT,
    EPSILON_GAMMA_BOX,
    EPSILON_PLUS,
    EPSILON_PLUS_FLAT,
    Composite,
)
from minidl.relevance.layer_rules import (
    STABILISER,
    AlphaBeta,
    Bounds,
    Box,
    Epsilon,
    Flat,
    Gamma,
    LayerRule,
    WSquare,
    ZPlus,
)

__all__ = [
    "EPSILON_ALPHA2_BETA1", "EPSILON_ALPHA2_BETA1_FLAT", "EPSILON_GAMMA_BOX", "EPSILON_PLUS",
    "EPSILON_PLUS_FLAT", "STABILISER", "AlphaBeta", "Bounds", "Box", "Composite", "Epsilon", "Flat",
    "Gamma", "LayerRule", "WSquare", "ZPlus",
]  # fmt: skip
