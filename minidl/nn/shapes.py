"""Shape of a layer's output, from a batch of no images: nothing is computed or allocated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.nn.module import Module
from minidl.recording import no_grad
from minidl.tensor import Tensor


def output_shape(layer: Module, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape of `layer`'s output for one image (1,...); `shapes` are those of its inputs.

    ValueError if they do not fit, or if the batch does not stay the first axis.
    """
    was, layer.training = layer.training, False  # else a normalisation would count the batch
    try:
        return _output_shape(layer, shapes)
    finally:
        layer.training = was


def _output_shape(layer: Module, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    dtype = next((p.dtype for p in layer.parameters()), np.dtype(np.float32))
    with no_grad():
        try:
            batch, *sizes = layer(*(_zeros((0, *shape[1:]), dtype) for shape in shapes)).shape
        except ValueError:  # again with one image, so that the message has its shape
            layer(*(_zeros(shape, dtype) for shape in shapes))
            raise
    if batch != 0:
        raise ValueError(f"it gives {batch, *sizes}: the batch must stay the first axis")
    return (1, *sizes)


def _zeros(shape: tuple[int, ...], dtype: np.dtype) -> Tensor:
    """One zero, as an array of this shape whose strides are 0."""
    return Tensor(np.broadcast_to(np.zeros((), dtype), shape))
