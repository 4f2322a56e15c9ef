"""State of an ONNX export: the nodes and constants that were written so far."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl.sharing import place


@dataclass
class Writing:
    """The nodes and constants of a graph during the export.

    shapes:  the shape of every layer's output for one image, by name, of the image and the result.
    written: the constants' names and the arrays that they were given for, by `sharing.place`.
    """

    shapes: Mapping[str, tuple[int, ...]]
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    written: dict[Hashable, tuple[str, np.ndarray]] = field(default_factory=dict)

    def node(self, operator: str, name: str, inputs: Sequence[str], **attributes: Any) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))

    def constant(self, name: str, array: np.ndarray) -> str:
        """The name under which the array is a constant: `name`, or that of the same array."""
        # The array is kept too: the memory of one that is gone may be another one's.
        known, _ = self.written.setdefault(place(array), (name, array))
        if known == name:
            self.constants[name] = np.asarray(array, order="C")
        return known


Writer = Callable[[Writing, str, Any, Sequence[str]], None]
"""Adds a layer's nodes: of the export, a name, the layer, and the names of its inputs."""


def plain(operator: str, **fixed: Any) -> Writer:
    """The exporter of a layer that is one operator; `fixed` maps its attributes to settings."""

    def write(writing: Writing, name: str, layer: Any, inputs: Sequence[str]) -> None:
        attributes = {key: layer.settings[setting] for key, setting in fixed.items()}
        writing.node(operator, name, inputs, **attributes)

    return write
