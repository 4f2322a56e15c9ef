"""Converters of ONNX operators to layers: one function each, registered by the operator's name.

A function takes a `Call` and returns the layer, or several in sequence. A new operator is one more
function here.
"""

from minidl.formats.onnx.operators import (
    activation,
    arithmetic,
    convolution,
    moving,
    normalisation,
    pooling,
    products,
    reduction,
    shape,
)

__all__ = [
    "activation", "arithmetic", "convolution", "moving", "normalisation", "pooling", "products",
    "reduction", "shape",
]  # fmt: skip
