"""Converters of reductions: sums, means and extremes over axes."""

from __future__ import annotations

from collections.abc import Callable

from minidl import nn
from minidl.formats.onnx.batch import FRONT, Batch
from minidl.formats.onnx.call import Built, Call, Source, Steps, operator
from minidl.formats.onnx.constants import axes

Layer = Callable[[list[int], bool], nn.Module]


@operator("ReduceMean")
def reduce_mean(call: Call) -> Built:
    return _reduced(call, nn.Mean, nn.GlobalAvgPool2d)


@operator("ReduceMax")
def reduce_max(call: Call) -> Built:
    return _reduced(call, nn.Amax, nn.GlobalMaxPool2d)


@operator("ReduceMin")
def reduce_min(call: Call) -> Built:
    return _reduced(call, nn.Amin)


@operator("ReduceSum")
def reduce_sum(call: Call) -> Built:
    return _reduced(call, nn.Sum)


@operator("ReduceSumSquare")
def reduce_sum_square(call: Call) -> Built:
    steps = _reduced(call, nn.Sum)
    return Steps((nn.Power(2.0), *steps.modules), batch=steps.batch)


@operator("ReduceL2")
def reduce_l2(call: Call) -> Built:
    steps = _reduced(call, nn.Sum)
    return Steps((nn.Power(2.0), *steps.modules, nn.Sqrt()), batch=steps.batch)


@operator("ReduceL1")
def reduce_l1(call: Call) -> Built:
    steps = _reduced(call, nn.Sum)
    return Steps((nn.Absolute(), *steps.modules), batch=steps.batch)


@operator("ReduceLogSum")
def reduce_log_sum(call: Call) -> Built:
    steps = _reduced(call, nn.Sum)
    return Steps((*steps.modules, nn.Log()), batch=steps.batch)


@operator("ReduceLogSumExp")
def reduce_log_sum_exp(call: Call) -> Built:
    """The mean of x - log_softmax(x), each of which is the logarithm: no e^x overflows."""
    steps = _reduced(call, nn.Mean)
    given = axes(call)
    if len(given) != 1:
        raise ValueError(f"it reduces the axes {[*given]} at once; one can be")
    less = Source((nn.LogSoftmax(call.axis(given[0])),), call.first)
    return Steps((nn.Subtract(), *steps.modules), (call.first, less), steps.batch)


def _reduced(call: Call, kind: Layer, over_planes: Callable[[], nn.Module] | None = None) -> Steps:
    """The reduction over the node's axes; over rows and columns of planes, the global pooling."""
    given = axes(call)
    if not given:
        if call["noop_with_empty_axes"]:
            return Steps((nn.Identity(),))
        raise ValueError(f"it reduces all axes of {call.shape}, the images too")
    dims, count = sorted({call.axis(axis) for axis in given}), len(call.shape)
    kept, first = bool(call["keepdims"]), call.first
    gone = [] if kept else [axis % count for axis in given]
    batch = first.batch
    moved = Batch(batch.axis - sum(axis < batch.axis for axis in gone), batch.outer, batch.inner)
    if over_planes is not None and first.batch == FRONT and count == 4 and dims == [2, 3]:
        return Steps((over_planes(),) if kept else (over_planes(), nn.Flatten()), batch=moved)
    return Steps((kind(dims, kept),), batch=moved)
