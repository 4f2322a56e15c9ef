"""Reader of ONNX files: a `Model`, or a ValueError with the mistake in one sentence.

The `onnx` package decodes the format; nothing in the file is executed and nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kernels.contract.arguments import Pair
from kernels.terminal.sentences import shortened
from minidl.formats.onnx.image import image_shape
from minidl.formats.onnx.model import Model
from minidl.formats.onnx.nodes import STANDARD, in_order, to_node
from minidl.formats.onnx.tensors import check_external, to_array

OPSETS = range(7, 23)
"""The versions of the standard that can be read."""
LIMIT = 2**31
"""Limit of a protobuf's bytes, exclusive."""


def read(path: str | os.PathLike[str], size: Pair | None = None) -> Model:
    """The network of an ONNX file.

    size: (H, W) of the image, or one number for both, where they are symbolic in the file.
    FileNotFoundError without the file, ImportError without the `onnx` package; ValueError that
    names the file if it is damaged, too large, or no network of one image to one output.
    """
    proto = parse(path)
    try:
        return _model(proto, Path(path).parent, size)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)} cannot be imported: {shortened(error)}") from None


def read_shape(path: str | os.PathLike[str], size: Pair | None = None) -> tuple[int, int, int]:
    """(C, H, W) of an ONNX file's input image; errors as for `read`."""
    proto = parse(path)
    try:
        return image_shape(_only(proto.graph, "input"), size)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)} cannot be imported: {shortened(error)}") from None


def parse(path: str | os.PathLike[str]) -> Any:
    """The file as the `onnx` package's ModelProto, with a graph in it and an opset."""
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no file {os.fspath(path)}")
    if file.stat().st_size >= LIMIT:
        raise ValueError(
            f"{file} has {file.stat().st_size} bytes, and an ONNX file ends below {LIMIT}; a "
            "larger network keeps its weights in files beside it"
        )
    proto = _decoded(file)
    if not proto.HasField("graph") or not proto.graph.node or not proto.opset_import:
        raise ValueError(f"{file} is no whole ONNX file: it has no graph, or no opset")
    return proto


def _decoded(file: Path) -> Any:
    try:
        from onnx import ModelProto
    except ImportError as error:
        raise ImportError(
            f"reading {file} needs the package onnx ({error}): pip install -e '.[onnx]'"
        ) from None
    try:
        return ModelProto.FromString(file.read_bytes())
    except Exception:  # depends on the protobuf library
        raise ValueError(f"{file} is no whole ONNX file: it is damaged or another format") from None


def _model(proto: Any, folder: Path, size: Pair | None) -> Model:
    opset, graph = _opset(proto), proto.graph
    if any(isinstance(name, bytes) for name in _names(graph)):
        raise ValueError("it holds names that are no text in UTF-8")
    image, output = _only(graph, "input"), _only(graph, "output")
    shape = image_shape(image, size)
    constants = _constants(graph, folder)
    nodes = in_order(graph.node, {image.name, *constants}, output.name)
    return Model(
        opset=opset,
        nodes=tuple(to_node(node, opset, folder) for node in nodes),
        constants=constants,
        image=image.name,
        shape=shape,
        output=output.name,
    )


def _opset(proto: Any) -> int:
    versions = [each.version for each in proto.opset_import if each.domain in STANDARD]
    if len(versions) != 1 or versions[0] not in OPSETS:
        raise ValueError(
            f"it is written in opset {', '.join(map(str, versions)) or 'of no version'}; opsets "
            f"{OPSETS[0]} to {OPSETS[-1]} can be read"
        )
    return int(versions[0])


def _names(graph: Any) -> Iterator[str | bytes]:
    """Every name in the graph, as bytes where it is not text."""
    for each in (*graph.input, *graph.output, *graph.initializer):
        yield each.name
    for tensor in graph.initializer:
        yield from (text for entry in tensor.external_data for text in (entry.key, entry.value))
    for node in graph.node:
        yield from (node.op_type, node.name, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _only(graph: Any, what: str) -> Any:
    """The one input, or output, of the graph; an input with an initializer is a constant."""
    constants = {each.name for each in graph.initializer} if what == "input" else set()
    found = [each for each in getattr(graph, what) if each.name not in constants]
    if len(found) != 1:
        names = ", ".join(repr(each.name) for each in found) or "none"
        raise ValueError(f"it has {len(found)} {what}s ({names}); a network with one can be read")
    return found[0]


def _constants(graph: Any, folder: Path) -> dict[str, np.ndarray]:
    if graph.sparse_initializer:
        raise ValueError(
            f"it holds sparse initializers, {len(graph.sparse_initializer)} of them; only dense "
            "ones can be read"
        )
    check_external(graph.initializer, folder)
    constants: dict[str, np.ndarray] = {}
    for tensor in graph.initializer:
        if tensor.name in constants:
            raise ValueError(f"two initializers are named {tensor.name!r}")
        constants[tensor.name] = to_array(tensor, f"initializer {tensor.name!r}", folder)
    return constants
