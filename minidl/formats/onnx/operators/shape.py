"""Converters of shape operations, and of operators that are the identity in inference.

The batch stays the first axis, of any size: a target may have its first size as 1, as a copy (0),
or as the remainder (-1).
"""

from __future__ import annotations

import math

from minidl import nn
from minidl.formats.onnx.call import Call, operator
from minidl.formats.onnx.constants import axes
from minidl.formats.onnx.tensors import FLOATS, type_name


@operator("Identity")
def identity(call: Call) -> nn.Module:
    return nn.Identity()


@operator("Dropout")
def dropout(call: Call) -> nn.Module:
    """In inference nothing is dropped."""
    if call.has(2) and call.array(2).any():
        raise ValueError("training_mode is true; networks are imported for inference")
    return nn.Identity()


@operator("Cast")
def cast(call: Call) -> nn.Module:
    """From one type of floats to another: here all are computed in float32."""
    if call["to"] not in FLOATS:
        raise ValueError(f"it casts to {type_name(call['to'])}; activations are float32")
    return nn.Identity()


@operator("Concat")
def concat(call: Call) -> nn.Module:
    if len(call.activations) != len(call.inputs):
        raise ValueError("one of its parts is a constant; only activations can be put together")
    return nn.Concatenate(call.axis(call["axis"]))


@operator("Flatten")
def flatten(call: Call) -> nn.Module:
    if call["axis"] % len(call.shape) != 1:
        raise ValueError(f"axis {call['axis']} of {call.shape} does not leave the batch an axis")
    return nn.Flatten()


@operator("Reshape")
def reshape(call: Call) -> nn.Module:
    target, shape = call.integers(1), call.shape
    if not call["allowzero"]:
        if 0 in target[len(shape) :]:
            raise ValueError(f"its target {target} copies an axis that {shape} has not")
        target = tuple(size or shape[axis] for axis, size in enumerate(target))
    known = math.prod(size for size in target if size != -1)
    if target.count(-1) == 1 and known and math.prod(shape) % known == 0:
        left = math.prod(shape) // known
        target = tuple(left if size == -1 else size for size in target)
    return _reshaped(call, target)


@operator("Squeeze")
def squeeze(call: Call) -> nn.Module:
    dropped = {call.axis(axis) for axis in axes(call)}
    if not dropped or any(call.shape[axis] != 1 for axis in dropped):
        raise ValueError(
            f"it drops the axes {axes(call) or 'of size 1'} of {call.shape}; name axes of size 1 "
            "behind the batch"
        )
    kept = [size for axis, size in enumerate(call.shape) if axis not in dropped]
    return _reshaped(call, tuple(kept))


@operator("Unsqueeze")
def unsqueeze(call: Call) -> nn.Module:
    total = len(call.shape) + len(axes(call))
    fresh = {axis % total for axis in axes(call) if -total <= axis < total}
    if 0 in fresh or len(fresh) != len(axes(call)):
        raise ValueError(f"its new axes {axes(call)} are not each one of 1 to {total - 1}")
    sizes = iter(call.shape)
    return _reshaped(call, tuple(1 if axis in fresh else next(sizes) for axis in range(total)))


@operator("Transpose")
def transpose(call: Call) -> nn.Module:
    order = tuple(call["perm"] or range(len(call.shape))[::-1])
    if sorted(order) != list(range(len(call.shape))) or order[0] != 0:
        raise ValueError(f"perm {order} of {call.shape} does not leave the batch in front")
    return nn.Transpose(order)


def _reshaped(call: Call, target: tuple[int, ...]) -> nn.Module:
    if target[:1] != (1,) or math.prod(target) != math.prod(call.shape):
        raise ValueError(
            f"its target {target} for one image of {call.shape} does not keep the batch in front, "
            "or the number of values"
        )
    return nn.Flatten() if len(target) == 2 else nn.Reshape(target[1:])
