"""An ONNX file's contents in plain Python: nodes, constants, the input image and the outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of the file.

    name:       its name, or that of its first output where it has none.
    inputs:     the names of its inputs, "" for an omitted optional one.
    outputs:    the names of its outputs.
    attributes: its settings, with the defaults of the file's opset.
    fault:      why the standard has no such node, in words; "" if it has.
    """

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    fault: str = ""


@dataclass(frozen=True, eq=False)
class Branch:
    """A graph within a node: what an If computes in one of its two cases."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, np.ndarray]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Image:
    """A file's input: images (N, *shape).

    shape:         (C,H,W), or (H,W,C) if `channels_last`, as Keras has them.
    images:        the number N for which the file was written; None where it is open.
    whole:         it is of whole numbers, 0 to 255, which the network makes floats of.
    """

    name: str
    shape: tuple[int, int, int]
    channels_last: bool = False
    images: int | None = None
    whole: bool = False

    @property
    def planes(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        if self.channels_last:
            H, W, C = self.shape
            return C, H, W
        return self.shape


@dataclass(frozen=True, eq=False)
class Model:
    """A file's network, from one image to one of its outputs.

    opset:     the version of the standard's operators.
    nodes:     the nodes on the paths to the output, each after its inputs.
    constants: arrays by name, in the types of the file.
    output:    the name of the chosen output.
    faults:    why further constants cannot be read, by name.
    """

    opset: int
    nodes: tuple[Node, ...]
    constants: Mapping[str, np.ndarray]
    image: Image
    output: str
    faults: Mapping[str, str] = field(default_factory=dict)
