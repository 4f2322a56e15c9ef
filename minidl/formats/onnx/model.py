"""An ONNX file's contents in plain Python: nodes, constants, the input image and the output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of the file.

    name:       its name, or that of its first output where it has none.
    inputs:     the names of its inputs, "" for an omitted optional one.
    outputs:    the names of its outputs.
    attributes: its settings, with the defaults of the file's opset.
    """

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Model:
    """A file's network, from one image to one output.

    opset:     the version of the standard's operators.
    nodes:     the nodes on the paths to the output, each after its inputs.
    constants: arrays by name, in the types of the file.
    image:     the name of the input image, of the shape (N, *shape).
    output:    the name of the network's output.
    """

    opset: int
    nodes: tuple[Node, ...]
    constants: Mapping[str, np.ndarray]
    image: str
    shape: tuple[int, int, int]
    output: str
