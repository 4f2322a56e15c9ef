"""Backward pass over the tape, with any table of rules.

The nodes between an output and the requested inputs are visited from the last to the first. The
rule of each node (see `rules.py`) maps the cotangent of its output to cotangents of its inputs.
Several cotangents of one tensor are added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minidl.recording import recording
from minidl.rules import gradient
from minidl.separate import Separate
from minidl.tensor import Node, RuleTable, Tensor, record


def backward(
    output: Tensor,
    cotangent: Tensor | np.ndarray | None = None,
    *,
    rules: RuleTable | None = None,
    inputs: Sequence[Tensor] | Tensor | None = None,
    create_graph: bool = False,
) -> tuple[Tensor, ...]:
    """Propagate `cotangent` from `output` back to the leaves, or to `inputs` only.

    cotangent:    same shape as `output`; may be left out for a scalar (then 1).
    rules:        the table of rules; `minidl.rules.gradient` by default.
    inputs:       tensors (leaves or not), or one, whose cotangents are returned, zeros for those on
                  which `output` does not depend. Only the paths to them are computed, and no
                  `.grad` is changed.
    create_graph: record the backward pass itself on the tape, for derivatives of higher order.
    Every gradient has memory of its own, and may be changed in place: it is no part of another one,
    of the cotangent or of the tensor's data.
    Raises ValueError for a cotangent of another shape, RuntimeError for a tensor off the tape,
    TypeError for inputs that are no tensors.
    """
    table: RuleTable = gradient if rules is None else rules
    start = _check_cotangent(output, cotangent)
    wanted = None if inputs is None else _check_inputs(inputs)
    targets = None if wanted is None else {_key(t) for t in wanted}
    nodes, needed = nodes_on_paths(output, targets)
    cotangents: dict[Any, Tensor] = {_key(output): start}
    with recording(create_graph):
        for node in reversed(nodes):
            keep = targets is not None and node in targets
            gy = cotangents.get(node) if keep else cotangents.pop(node, None)
            if gy is not None:
                if targets is None and hasattr(node, "retained"):
                    _retain(node, gy)
                apply_rule(node, gy, table, needed, cotangents)
        if wanted is not None:
            return _returned(wanted, cotangents, start)
    _accumulate_leaves(cotangents, start)
    return ()


def _retain(node: Node, gy: Tensor) -> None:
    """Add the cotangent, in memory of its own, to the gradient of a tensor that keeps it."""
    tensor = node.retained()
    if tensor is not None:
        own = record("clone", gy._array.copy(order="K"), (gy,))
        tensor.grad = own if tensor.grad is None else tensor.grad + gy


def apply_rule(
    node: Node, gy: Tensor, table: RuleTable, needed: set[Any], cotangents: dict[Any, Tensor]
) -> None:
    """Apply one node's rule to `gy`, and add the results to the cotangents of its inputs."""
    node.check_unchanged()
    needs = tuple([key in needed for key in node.keys])
    made = table[node.operation](node, gy, needs)
    for key, need, gx in zip(node.keys, needs, made, strict=True):
        if need and gx is not None:
            cotangents[key] = cotangents[key] + gx if key in cotangents else gx


def nodes_on_paths(output: Tensor, targets: set[Any] | None) -> tuple[list[Node], set[Any]]:
    """The nodes between `output` and the targets in order, and the keys of the tensors between.

    Without targets, the leaves that require a gradient are the targets.
    """
    if not output.requires_grad:
        raise RuntimeError(
            f"backward: the tensor of shape {output.shape} is not on the tape: nothing that it was "
            "computed from requires a gradient, or it was computed under no_grad"
        )
    seen: set[Node] = set()
    stack = [output.node] if output.node else []
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(key for key in node.keys if isinstance(key, Node))
    nodes = sorted(seen, key=lambda node: node.order)
    needed: set[Any] = set(targets or ())
    for node in nodes:
        for key in node.keys if targets is None else ():
            if isinstance(key, Tensor) and key.requires_grad and key.node is None:
                needed.add(key)
        if any(key in needed for key in node.keys):
            needed.add(node)
    if targets is None and output.node is None:
        needed.add(output)
    return [node for node in nodes if any(key in needed for key in node.keys)], needed


def _key(tensor: Tensor) -> Any:
    """The key of a tensor's cotangent: its node, which has one output, or the leaf itself."""
    return tensor.node or tensor


def _returned(
    wanted: Sequence[Tensor], cotangents: dict[Any, Tensor], start: Tensor
) -> tuple[Tensor, ...]:
    """The cotangent of each tensor that was asked for, zeros where there is none."""
    memory = Separate(start._array)
    found = ((t, cotangents.get(_key(t))) for t in wanted)
    return tuple(
        Tensor(np.zeros_like(t._array)) if g is None else memory.own(g, t._array) for t, g in found
    )


def _accumulate_leaves(cotangents: dict[Any, Tensor], start: Tensor) -> None:
    memory = Separate(start._array)
    for leaf, g in cotangents.items():
        if isinstance(leaf, Tensor):
            leaf.grad = memory.own(g, leaf._array) if leaf.grad is None else leaf.grad + g


def _check_inputs(inputs: Sequence[Tensor] | Tensor) -> tuple[Tensor, ...]:
    if isinstance(inputs, Tensor):
        return (inputs,)
    given = tuple(inputs) if isinstance(inputs, Iterable) else (inputs,)
    if all(isinstance(t, Tensor) for t in given):
        return given
    raise TypeError(f"backward: inputs must be tensors, got {inputs!r:.200}; give them in a list")


def _check_cotangent(output: Tensor, cotangent: Tensor | np.ndarray | None) -> Tensor:
    if cotangent is None:
        if output.size != 1:
            raise ValueError(
                f"backward: a tensor of shape {output.shape} needs a cotangent of that shape; "
                "only a scalar may go without"
            )
        return Tensor(np.ones_like(output._array))
    given = cotangent if isinstance(cotangent, Tensor) else Tensor(cotangent)
    if given.shape != output.shape or given.dtype != output.dtype:
        raise ValueError(
            f"backward: the cotangent is {given.dtype} {given.shape}, the tensor "
            f"{output.dtype} {output.shape}; they must be alike"
        )
    if given.device != output.device:
        raise ValueError(
            f"backward: the cotangent is on {given.device!r}, the tensor on {output.device!r}; "
            "move it there with .to()"
        )
    return given
