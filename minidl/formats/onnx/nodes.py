"""Nodes of an ONNX graph, checked against the standard and in topological order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from minidl.formats.onnx.model import Branch, Node
from minidl.formats.onnx.tensors import to_array

LIMIT = 2**31
"""Limit of the integers in attributes, exclusive."""
UNBOUNDED = ("Slice", "Shape")
"""Operators whose largest integer stands for the end of an axis."""
RUNTIME = "com.microsoft"
"""The domain of ONNX Runtime's own operators, and the beginning of its others."""
STANDARD = ("", "ai.onnx")
"""The two names of the domain of the standard's own operators."""


def in_order(nodes: Sequence[Any], given: Collection[str], output: str) -> list[Any]:
    """The NodeProtos on the paths to `output`, each after its inputs.

    given: the values that no node computes. ValueError names nodes in a circle, two nodes with one
    output, or a value that no node computes.
    """
    makers = _makers(nodes, given)
    feeding = {at: _feeders(node, makers, given) for at, node in enumerate(nodes)}
    if output not in makers:
        stored = "its input, or a constant" if output in given else "made by no node"
        raise ValueError(f"its output {output!r} is {stored}")
    try:
        order = list(TopologicalSorter(feeding).static_order())
    except CycleError as error:
        around = error.args[1]
        circle = " -> ".join(repr(title(nodes[at])) for at in around[:8])
        more = " -> ..." if len(around) > 8 else ""
        raise ValueError(f"its nodes feed each other in a circle: {circle}{more}") from None
    needed = {makers[output]}
    for at in reversed(order):
        needed |= feeding[at] if at in needed else set()
    return [nodes[at] for at in order if at in needed]


def to_node(proto: Any, opset: int, folder: Path | None) -> Node:
    """A NodeProto with the defaults of its opset; its fault if the standard has no such node."""
    try:
        attributes, fault = _attributes(proto, opset, folder), ""
    except ValueError as error:
        attributes, fault = {}, str(error)
    return Node(
        operator=proto.op_type,
        name=title(proto),
        inputs=tuple(proto.input),
        outputs=tuple(proto.output),
        attributes=attributes,
        fault=fault,
    )


def _attributes(proto: Any, opset: int, folder: Path | None) -> dict[str, Any]:
    schema = _schema(proto, opset)
    attributes = {
        name: _value(attribute.default_value, opset, folder, proto)
        for name, attribute in schema.attributes.items()
        if attribute.default_value.name
    }
    attributes |= {each.name: _value(each, opset, folder, proto) for each in proto.attribute}
    missing = [n for n, a in schema.attributes.items() if a.required and n not in attributes]
    if missing:
        raise ValueError(f"{called(proto)} lacks the attribute {', '.join(missing)}")
    return attributes


def title(proto: Any) -> str:
    """The node's name, or that of its first output."""
    return str(proto.name or next(iter(proto.output), "?"))


def called(proto: Any) -> str:
    kind = proto.op_type if proto.op_type.isidentifier() else repr(proto.op_type)
    return f"operator {kind} of node {title(proto)!r}"


def _makers(nodes: Sequence[Any], given: Collection[str]) -> dict[str, int]:
    """From the name of each value to the number of its node in the file."""
    makers: dict[str, int] = {}
    for at, node in enumerate(nodes):
        for value in filter(None, node.output):
            if value in makers or value in given:
                raise ValueError(f"{called(node)} makes {value!r}, which is made already")
            makers[value] = at
    return makers


def _feeders(node: Any, makers: dict[str, int], given: Collection[str]) -> set[int]:
    read = [*node.input, *(outer_values(node) if node.op_type == "If" else ())]
    unknown = [v for v in filter(None, node.input) if v not in makers and v not in given]
    if unknown:
        raise ValueError(f"{called(node)} takes {unknown[0]!r}, which nothing makes")
    return {makers[value] for value in read if value in makers}


def values_read(nodes: Sequence[Any]) -> set[str]:
    """The values that these NodeProtos read, also from within their graphs."""
    return {value for node in nodes for value in (*node.input, *outer_values(node))}


def outer_values(node: Any) -> set[str]:
    """The values that the graphs within a node read from outside of them."""
    found = set[str]()
    for graph in (each.g for each in node.attribute if each.HasField("g")):
        read, made = {each.name for each in graph.output}, {each.name for each in graph.input}
        for inner in graph.node:
            read |= {*inner.input, *outer_values(inner)}
            made |= set(inner.output)
        found |= read - made
    return found


def _branch(graph: Any, opset: int, folder: Path | None) -> Branch:
    arrays = {t.name: to_array(t, f"initializer {t.name!r}", folder) for t in graph.initializer}
    return Branch(
        nodes=tuple(to_node(node, opset, folder) for node in graph.node),
        constants=arrays,
        outputs=tuple(each.name for each in graph.output),
    )


def _schema(proto: Any, opset: int) -> Any:
    """The standard's schema of the node's operator; ValueError if the node does not fit it."""
    from onnx import defs

    known = proto.domain in STANDARD and defs.has(proto.op_type, opset, "")
    schema = defs.get_schema(proto.op_type, opset, "") if known else None
    if schema is None or schema.deprecated:
        domain = f" of the domain {proto.domain!r}" if proto.domain else ""
        fused = proto.domain.startswith(RUNTIME)
        hint = (
            "; ONNX Runtime's optimiser makes such: import the file that it read" if fused else ""
        )
        raise ValueError(
            f"{called(proto)}{domain} is not one of the standard's in opset {opset}{hint}"
        )
    if not schema.min_input <= len(proto.input) <= schema.max_input:
        raise ValueError(
            f"{called(proto)} has {len(proto.input)} inputs; in opset {opset} there are "
            f"{schema.min_input} to {schema.max_input}"
        )
    for each in proto.attribute:
        _check_attribute(each, schema.attributes.get(each.name), called(proto))
    return schema


def _check_attribute(attribute: Any, known: Any, what: str) -> None:
    from onnx import AttributeProto

    kind = AttributeProto.AttributeType.Name(attribute.type)
    if known is None or known.type.name != kind:
        expected = "there is none" if known is None else f"it is of type {known.type.name}"
        raise ValueError(
            f"{what} has the attribute {attribute.name!r} of type {kind}; in its opset {expected}"
        )


def _value(attribute: Any, opset: int, folder: Path | None, proto: Any) -> Any:
    """An attribute's value: a number, text, an array, or a tuple; of a graph only an If's."""
    from onnx import AttributeProto

    kind = AttributeProto.AttributeType.Name(attribute.type)
    if kind == "GRAPH":
        return _branch(attribute.g, opset, folder) if proto.op_type == "If" else None
    if kind == "TENSOR":
        return to_array(attribute.t, f"{attribute.name} of {called(proto)}", folder)
    if kind == "STRING":
        return attribute.s.decode(errors="replace")
    if kind in ("INTS", "FLOATS"):
        found: Any = tuple(getattr(attribute, kind.lower()))
    else:
        found = {"INT": attribute.i, "FLOAT": attribute.f}.get(kind)
    whole = (found,) if kind == "INT" else found if kind == "INTS" else ()
    if proto.op_type not in UNBOUNDED and any(abs(each) >= LIMIT for each in whole):
        raise ValueError(
            f"{called(proto)} has the attribute {attribute.name} {found}; no size or setting of a "
            f"network is {LIMIT} or more"
        )
    return found
