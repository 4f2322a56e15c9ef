"""Every CUDA kernel on arrays without elements: any drawn geometry with any of its axes emptied."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernels import ConvGeometry, Kernel, PoolGeometry, all_kernels
from kernels.contract.activation_geometry import ActivationGeometry
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.contract.plane_geometry import ConcatenateGeometry, PatchGeometry
from kernels.contract.stage_geometry import StageGeometry
from kernels.cuda import emulator
from kernels.verify import OPERATIONS, PROPERTIES, Call
from kernels.verify.calls import calls

CUDA = [kernel for kernel in all_kernels() if kernel.device == "cuda"]
AXES = {
    ConvGeometry: "NCKHW",
    StageGeometry: "NCK",
    PoolGeometry: "NC",
    LRNGeometry: "NC",
    LCNGeometry: "NC",
    PatchGeometry: "NChw",
    ConcatenateGeometry: "NHW",
    GroupNormGeometry: "NLC",
}
"""The axes of each geometry that may have length 0."""
FIRST = {"plane_max": 2, "renormalise": 1}
"""Of a geometry that is a shape, as many of the first axes; of other operations all."""


@st.composite
def emptied(draw: st.DrawFn, kernel: Kernel, large: bool) -> Any:
    """A geometry of the kernel with one axis of length 0, or several."""
    g = draw(OPERATIONS[kernel.operation].geometries(kernel, large))
    if isinstance(g, int):
        return 0
    if isinstance(g, tuple):
        assume(g)
        able = range(FIRST.get(kernel.operation, len(g)))
        places = draw(st.sets(st.sampled_from(able), min_size=1))
        return tuple(0 if axis in places else size for axis, size in enumerate(g))
    if isinstance(g, ActivationGeometry):
        assume(g.shape)
        axis = draw(st.integers(0, len(g.shape) - 1))
        return replace(g, shape=(*g.shape[:axis], 0, *g.shape[axis + 1 :]))
    if isinstance(g, ConcatenateGeometry) and draw(st.booleans()):
        return replace(g, channels=tuple(0 for _ in g.channels))
    axes = draw(st.sets(st.sampled_from(AXES[type(g)]), min_size=1))
    try:
        return without(g, dict.fromkeys(axes, 0))
    except ValueError:  # no window fits without these pixels
        assume(False)


def without(g: Any, axes: dict[str, int]) -> Any:
    """g with these axes; ValueError if there is no such geometry."""
    if isinstance(g, StageGeometry):
        conv = without(g.conv, axes)
        return replace(g, conv=conv, pool=replace(g.pool, N=conv.N, C=conv.K))
    g = replace(g, **axes)
    if isinstance(g, ConvGeometry):
        return ConvGeometry.of(g.x_shape, g.w_shape, g.stride, g.padding, g.dilation, g.groups)
    return g


def check(kernel: Kernel, call: Call) -> None:
    PROPERTIES["nothing"].check(kernel, call)
    if kernel.operation == "conv_relu_pool":
        PROPERTIES["prepared stage"].check(kernel, call)


@pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")
@pytest.mark.parametrize("kernel", CUDA, ids=lambda kernel: f"{kernel.operation}-{kernel.name}")
@given(data=st.data(), large=st.booleans())
def test_an_axis_of_length_0_gives_zeros_or_nothing(
    kernel: Kernel, data: st.DataObject, large: bool
) -> None:
    g = data.draw(emptied(kernel, large))
    check(kernel, data.draw(calls(kernel, optional=True, g=g)))
