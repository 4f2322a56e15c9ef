"""What an ONNX file says, in plain Python: nodes, constants, the image, what is returned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of the file.

    name:       its own, or that of its first output where it has none.
    inputs:     the values that it takes, "" where an optional one is left out.
    outputs:    the values that it gives.
    attributes: its settings, with the defaults of the file's opset filled in.
    """

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Model:
    """A file's network, of one image to one output.

    opset:     the version of the standard that says what its operators mean.
    nodes:     those that lead to the output, each after those that feed it.
    constants: arrays by name, in the types of the file.
    image:     the name of the value that is the image, of the shape (N, *shape).
    output:    the name of the value that the network returns.
    """

    opset: int
    nodes: tuple[Node, ...]
    constants: Mapping[str, np.ndarray]
    image: str
    shape: tuple[int, int, int]
    output: str
