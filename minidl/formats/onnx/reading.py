"""Reader of ONNX files: a `Model`, or a ValueError with the mistake in one sentence.

The `onnx` package decodes the format; nothing in the file is executed and nothing is written.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from kernels.contract.arguments import Pair
from kernels.terminal.sentences import shortened
from minidl.formats.onnx.image import image_of
from minidl.formats.onnx.model import Image, Model
from minidl.formats.onnx.nodes import STANDARD, in_order, to_node, values_read
from minidl.formats.onnx.tensors import check_external, to_array, type_fault

OPSETS = range(6, 26)
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


def read_image(source: Source, size: Pair | None = None, output: str | None = None) -> Image:
    """An ONNX file's input image; errors as for `read`."""
    return _within(source, lambda proto: _image(_opened(proto), size, output))


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
    opset, graph = _opset(proto), _opened(proto)
    chosen, nodes = _path(graph, output)
    read = values_read(nodes)
    image = image_of(_input(graph, read), size)
    constants, faults = _constants(graph, read, folder)
    return Model(
        opset=opset,
        nodes=tuple(to_node(node, opset, folder) for node in nodes),
        constants=constants,
        image=image,
        output=chosen,
        faults=faults,
    )


def _opened(proto: Any) -> Any:
    """The graph; ValueError if a name in it is no text."""
    if any(isinstance(name, bytes) for name in _names(proto.graph)):
        raise ValueError("it holds names that are no text in UTF-8")
    return proto.graph


def _path(graph: Any, output: str | None) -> tuple[str, list[Any]]:
    """The chosen output, and the nodes on the paths to it."""
    if not _given(graph):
        raise ValueError("it has 0 inputs; a network with one can be read")
    chosen = _output(graph, output)
    return chosen, in_order(graph.node, {*_given(graph), *_constant_names(graph)}, chosen)


def _image(graph: Any, size: Pair | None, output: str | None) -> Image:
    several = len(_given(graph)) > 1
    read = values_read(_path(graph, output)[1]) if several else None
    return image_of(_input(graph, read), size)


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


def _constant_names(graph: Any) -> set[str]:
    return {each.name for each in graph.initializer}


def _given(graph: Any) -> dict[str, Any]:
    """The inputs by name; an input with an initializer is a constant."""
    constants = _constant_names(graph)
    return {each.name: each for each in graph.input if each.name not in constants}


def _input(graph: Any, read: Collection[str] | None) -> Any:
    """The one input of the graph; of several the only one that is among the values `read`."""
    found = list(_given(graph).values())
    if len(found) > 1 and read is not None:
        found = [each for each in found if each.name in read] or found
    if len(found) != 1:
        names = ", ".join(repr(each.name) for each in found) or "none"
        raise ValueError(f"it has {len(found)} inputs ({names}); a network with one can be read")
    return found[0]


def _output(graph: Any, name: str | None) -> str:
    """The output of this name, or the first that is not an input or a constant itself."""
    names = [str(each.name) for each in graph.output]
    stored = {*_given(graph), *_constant_names(graph)}
    first = next((each for each in names if each not in stored), None)
    if name is None and names and first is None:
        raise ValueError(f"its output {names[0]!r} is its input, or a constant")
    if not names or (name is not None and name not in names):
        wanted = "" if name is None else f"no output {name!r}; "
        raise ValueError(f"it has {wanted}{len(names)} outputs: {', '.join(names) or 'none'}")
    return str(first if name is None else name)


def _constants(
    graph: Any, read: Collection[str], folder: Path | None
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays among the values `read`, and why others of them cannot be read."""
    if graph.sparse_initializer:
        raise ValueError(
            f"it holds sparse initializers, {len(graph.sparse_initializer)} of them; only dense "
            "ones can be read"
        )
    for name, count in Counter(each.name for each in graph.initializer).items():
        if count > 1:
            raise ValueError(f"two initializers are named {name!r}")
    tensors = [each for each in graph.initializer if each.name in read]
    faults = {each.name: type_fault(each, f"its input {each.name!r}") for each in tensors}
    readable = [each for each in tensors if not faults[each.name]]
    check_external(graph.initializer, folder)
    arrays = {each.name: to_array(each, f"initializer {each.name!r}", folder) for each in readable}
    return arrays, {name: fault for name, fault in faults.items() if fault}
