"""Converters of shape operations, and of operators that are the identity in inference.

The batch may be on any axis of the file, alone or times a constant (`batch.py`); the layers have it
in front. A target may have the batch's size as computed from a shape, as a copy (0), as the
remainder (-1), or as the number for which the file was written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from minidl import nn
from minidl.formats.onnx import early
from minidl.formats.onnx.batch import FRONT, Batch, own, place, reshaped
from minidl.formats.onnx.call import Built, Call, Steps, operator
from minidl.formats.onnx.constants import axes
from minidl.formats.onnx.joining import aligned, sources
from minidl.formats.onnx.tensors import FLOATS, type_name


@operator("Identity")
def identity(call: Call) -> nn.Module:
    return nn.Identity()


@operator("Dropout")
def dropout(call: Call) -> nn.Module:
    """In inference nothing is dropped."""
    early.check_inference(call)
    if call.has(2) and call.array(2).any():
        raise ValueError("training_mode is true; networks are imported for inference")
    return nn.Identity()


@operator("Cast")
def cast(call: Call) -> nn.Module:
    """From one type of floats to another: here all are computed in float32."""
    if call["to"] not in FLOATS:
        raise ValueError(f"it casts to {type_name(call['to'])}; activations are float32")
    return nn.Identity()


@operator("CastLike")
def cast_like(call: Call) -> nn.Module:
    return nn.Identity()


@operator("Concat")
def concat(call: Call) -> Built:
    """Of activations, and of constants that are the same for each image: a class token."""
    axis = call["axis"]
    ranks = {len(value.shape) for value in call.inputs if value is not None}
    if len(ranks) != 1:
        raise ValueError("its parts have different numbers of axes")
    batch, values = aligned(call)
    at = call.activations[0].place(axis)
    return Steps((nn.Concatenate(at),), sources(values), batch)


@operator("Flatten")
def flatten(call: Call) -> Built:
    """Into rows: the axes before `axis` together, and those from it on."""
    axes_, at = len(call.shape), call["axis"]
    if not -axes_ <= at <= axes_:
        raise ValueError(f"axis {at} of {call.shape} does not exist")
    at = at + axes_ if at < 0 else at
    sizes = call.first.sizes
    if at == 1 and call.first.batch == FRONT:
        return nn.Flatten()
    return _reshaped(call, (math.prod(sizes[:at]), math.prod(sizes[at:])))


@operator("Reshape")
def reshape(call: Call) -> Built:
    target, given = call.sizes(1), call.first.sizes
    if not call["allowzero"]:
        if any(size == 0 for size in target[len(given) :]):
            raise ValueError(f"its target {target} copies an axis that {call.shape} has not")
        target = tuple(given[axis] if size == 0 else size for axis, size in enumerate(target))
    return _reshaped(call, target)


@operator("Squeeze")
def squeeze(call: Call) -> Built:
    """Without the axes, of size 1; without names all of size 1 but the batch's."""
    count, batch = len(call.shape), call.first.batch
    unnamed = [i for i, size in enumerate(call.shape) if size == 1 and i != batch.axis]
    dropped = {axis % count for axis in axes(call) if call.axis(axis)} or set(unnamed)
    if any(call.shape[axis] != 1 for axis in dropped):
        raise ValueError(
            f"it drops the axes {axes(call) or 'of size 1'} of {call.shape}; name axes of size 1 "
            "behind the batch"
        )
    kept = [axis for axis in range(count) if axis not in dropped]
    return _rearranged(call, [call.shape[axis] for axis in kept], kept.index(batch.axis))


@operator("Unsqueeze")
def unsqueeze(call: Call) -> Built:
    total = len(call.shape) + len(axes(call))
    fresh = {axis % total for axis in axes(call) if -total <= axis < total}
    if len(fresh) != len(axes(call)):
        raise ValueError(f"its new axes {axes(call)} are not each one of 0 to {total - 1}")
    old = [axis for axis in range(total) if axis not in fresh]
    sizes = [1 if axis in fresh else call.shape[old.index(axis)] for axis in range(total)]
    return _rearranged(call, sizes, old[call.first.batch.axis])


@operator("Transpose")
def transpose(call: Call) -> Built:
    order = tuple(call["perm"] or range(len(call.shape))[::-1])
    if sorted(order) != list(range(len(call.shape))):
        raise ValueError(f"perm {order} of {call.shape} does not name each axis once")
    before = call.first.batch
    batch = Batch(order.index(before.axis), before.outer, before.inner)
    own_order = [0, *(place(a, before) for a in order if a != before.axis or before.rows > 1)]
    if own_order == sorted(own_order):  # only the batch moves
        return Steps((nn.Identity(),), batch=batch)
    return Steps((nn.Transpose(own_order),), batch=batch)


@operator("DepthToSpace")
def depth_to_space(call: Call) -> nn.Module:
    call.planes  # noqa: B018  (only planes have a depth)
    return nn.DepthToSpace(call["blocksize"], call["mode"] or "DCR")


@operator("SpaceToDepth")
def space_to_depth(call: Call) -> nn.Module:
    call.planes  # noqa: B018  (only planes have a depth)
    return nn.SpaceToDepth(call["blocksize"])


def _rearranged(call: Call, shape: Sequence[int], axis: int) -> Built:
    """Another shape with the same sizes but for axes of 1, and the batch on `axis`."""
    before = call.first.batch
    batch = Batch(axis, before.outer, before.inner)
    return Steps((_layer(own(shape, batch)),), batch=batch)


def _reshaped(call: Call, target: Sequence[object]) -> Built:
    shape, batch = reshaped(call.first, target, call.written)
    return Steps((_layer(own(shape, batch)),), batch=batch)


def _layer(shape: Sequence[int]) -> nn.Module:
    """A layer of one image's new shape."""
    return nn.Flatten() if len(shape) == 1 else nn.Reshape(shape)
