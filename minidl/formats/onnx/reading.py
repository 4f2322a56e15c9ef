"""Reader of ONNX files: a `Model`, or a ValueError with the mistake in one sentence.

The `onnx` package decodes the format; nothing in the file is executed and nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from kernels.contract.arguments import Pair
from kernels.terminal.sentences import shortened
from minidl.formats.onnx.image import image_of
from minidl.formats.onnx.model import Image, Model
from minidl.formats.onnx.nodes import STANDARD, in_order, to_node
from minidl.formats.onnx.tensors import check_external, to_array

OPSETS = range(7, 24)
"""The versions of the standard that can be read."""
LIMIT = 2**31
"""Limit of a protobuf's bytes, exclusive."""
Source = str | os.PathLike[str] | bytes | Any
"""An ONNX network: a file's path, its content, or a ModelProto."""
T = TypeVar("T")


def read(source: Source, size: Pair | None = None, output: str | None = None) -> Model:
    """The network of an ONNX file, from its image to one output; the first unless named.

    size: (H, W) of the image, or one number for both, where they are symbolic in the file.
    FileNotFoundError without the file, ImportError without the `onnx` package; ValueError that
    names the file if it is damaged, too large, or no network of one image.
    """
    return _within(source, lambda proto: _model(proto, folder(source), size, output))


def read_image(source: Source, size: Pair | None = None) -> Image:
    """An ONNX file's input image; errors as for `read`."""
    return _within(source, lambda proto: image_of(_input(proto.graph), size))


def read_shape(source: Source, size: Pair | None = None) -> tuple[int, int, int]:
    """(C, H, W) of an ONNX file's input image; errors as for `read`."""
    return read_image(source, size).planes


def read_outputs(source: Source) -> tuple[str, ...]:
    """The names of an ONNX file's outputs; errors as for `read`."""
    return tuple(each.name for each in parse(source).graph.output)


def title(source: Source) -> str:
    """The name of a file in errors."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else "the model"


def folder(source: Source) -> Path | None:
    """The folder in which the files of large arrays are; None for what is not a file."""
    return Path(source).parent if isinstance(source, str | os.PathLike) else None


def _within(source: Source, use: Callable[[Any], T]) -> T:
    """The result of `use`, whose errors get the file's name."""
    proto = parse(source)
    try:
        return use(proto)
    except ValueError as error:
        raise ValueError(f"{title(source)} cannot be imported: {shortened(error)}") from None


def parse(source: Source) -> Any:
    """The network as the `onnx` package's ModelProto, with a graph in it and an opset."""
    if isinstance(source, str | os.PathLike):
        proto = _decoded(_content(Path(source)), title(source))
    elif isinstance(source, bytes | bytearray | memoryview):
        proto = _decoded(bytes(source), title(source))
    else:
        proto = source
    fields = ("graph", "opset_import")
    if not all(hasattr(proto, field) for field in fields):
        raise TypeError(
            f"an ONNX network is a path, bytes or a ModelProto, got a {type(proto).__name__}"
        )
    if not proto.HasField("graph") or not proto.graph.node or not proto.opset_import:
        raise ValueError(f"{title(source)} is no whole ONNX file: it has no graph, or no opset")
    return _inlined(proto) if proto.functions else proto


def _content(file: Path) -> bytes:
    if not file.is_file():
        raise FileNotFoundError(f"no file {os.fspath(file)}")
    if file.stat().st_size >= LIMIT:
        raise ValueError(
            f"{file} has {file.stat().st_size} bytes, and an ONNX file ends below {LIMIT}; a "
            "larger network keeps its weights in files beside it"
        )
    return file.read_bytes()


def _decoded(content: bytes, what: str) -> Any:
    try:
        from onnx import ModelProto
    except ImportError as error:
        raise ImportError(
            f"reading {what} needs the package onnx ({error}): pip install -e '.[onnx]'"
        ) from None
    try:
        return ModelProto.FromString(content)
    except Exception:  # depends on the protobuf library
        raise ValueError(f"{what} is no whole ONNX file: it is damaged or another format") from None


def _inlined(proto: Any) -> Any:
    """The model with the bodies of its own functions in place of their calls."""
    from onnx.inliner import inline_local_functions

    return inline_local_functions(proto)


def _model(proto: Any, folder: Path | None, size: Pair | None, output: str | None) -> Model:
    opset, graph = _opset(proto), proto.graph
    if any(isinstance(name, bytes) for name in _names(graph)):
        raise ValueError("it holds names that are no text in UTF-8")
    image, chosen = image_of(_input(graph), size), _output(graph, output)
    constants = _constants(graph, folder)
    nodes = in_order(graph.node, {image.name, *constants}, chosen)
    return Model(
        opset=opset,
        nodes=tuple(to_node(node, opset, folder) for node in nodes),
        constants=constants,
        image=image,
        output=chosen,
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


def _input(graph: Any) -> Any:
    """The one input of the graph; an input with an initializer is a constant."""
    constants = {each.name for each in graph.initializer}
    found = [each for each in graph.input if each.name not in constants]
    if len(found) != 1:
        names = ", ".join(repr(each.name) for each in found) or "none"
        raise ValueError(f"it has {len(found)} inputs ({names}); a network with one can be read")
    return found[0]


def _output(graph: Any, name: str | None) -> str:
    """The output of this name, or the first."""
    names = [str(each.name) for each in graph.output]
    if not names or (name is not None and name not in names):
        wanted = "" if name is None else f"no output {name!r}; "
        raise ValueError(f"it has {wanted}{len(names)} outputs: {', '.join(names) or 'none'}")
    return names[0] if name is None else name


def _constants(graph: Any, folder: Path | None) -> dict[str, np.ndarray]:
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
