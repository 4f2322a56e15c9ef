"""Calls by hand that a kernel does not support: each is an error that says so, never a result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kernels import (
    ConvGeometry,
    Kernel,
    PoolGeometry,
    all_kernels,
    kernel,
    named,
    pick_for,
    reference,
)
from kernels.contract.declarations import everything, never
from kernels.contract.problem import Problem
from kernels.contract.registry import unregister
from kernels.contract.stage_geometry import StageGeometry
from kernels.verify import drawn
from kernels.verify.drawn import Case
from kernels.verify.placing import run_on

pytestmark = pytest.mark.quick
CHOOSY = [k for k in all_kernels() if k.abilities.supports is not everything]
CONVOLUTIONS = all_kernels("conv2d")
as_named = {"ids": lambda k: f"{k.operation}-{k.name}-{k.device}"}


def device_of(kernel: Kernel) -> str:
    return "cpu" if kernel.device == "cpu" else "emulator"


def excluded(kernel: Kernel) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Arguments and options of drawn calls that the kernel does not support."""
    if kernel.operation in ("plane_max", "renormalise"):
        shape = (2, 3, 0, 4) if kernel.operation == "plane_max" else (2, 3)
        options = {} if kernel.operation == "plane_max" else {"max_rms": 1.0}
        yield (np.ones(shape, np.float32),), options
        return
    if kernel.operation == "conv_relu_pool":
        yield stage_of_no_kernel(), {}
        return
    for dtype in ("float32", "float64"):
        for number in range(120):
            case: Case = drawn.case(kernel.operation, dtype, number, 0)
            if case.work < 3e5 and not kernel.supports(case.problem):
                yield case.arrays()
                return


def stage_of_no_kernel() -> tuple[Any, ...]:
    g = ConvGeometry.of((1, 2, 8, 8), (3, 2, 3, 3))
    stage = StageGeometry(g, PoolGeometry.of(g.y_shape, 2), "of no kernel")
    return np.ones(g.x_shape, np.float32), np.ones(g.w_shape, np.float32), stage


@pytest.mark.parametrize("kernel", CHOOSY, **as_named)
def test_a_kernel_refuses_what_it_does_not_support(kernel: Kernel) -> None:
    found = list(excluded(kernel))
    if not found:
        pytest.skip("it supports every drawn call")
    for arguments, options in found:
        with pytest.raises(ValueError, match=f"{kernel.operation} {kernel.name} does not support"):
            run_on(device_of(kernel), kernel, *arguments, **options)


@pytest.mark.parametrize("kernel", all_kernels(), **as_named)
def test_no_kernel_runs_what_its_supports_excludes(kernel: Kernel) -> None:
    """Whatever it supports, on a call that it does: the declaration alone decides."""
    choosy = replace(kernel, abilities=replace(kernel.abilities, supports=lambda problem: False))
    if kernel.operation == "conv_relu_pool":
        arguments, options = stage_of_no_kernel(), {}
    else:
        arguments, options = drawn.case(kernel.operation, "float32", 1, 0).arrays()
    if kernel.operation == "random_bits":
        options["like"] = np.empty(0, np.float32)
    with pytest.raises(ValueError, match=f"{kernel.operation} {kernel.name} does not support"):
        run_on(device_of(kernel), choosy, *arguments, **options)


@pytest.mark.parametrize("kernel", CONVOLUTIONS, **as_named)
def test_a_convolution_refuses_pooling_and_options_that_it_does_not_declare(kernel: Kernel) -> None:
    supported = (g for g in geometries() if kernel.supports(g))
    g = next(supported)
    arrays = np.ones(g.x_shape, np.float32), np.ones(g.w_shape, np.float32), g
    one_row = PoolGeometry.of((g.N, g.K, g.P, g.Q), (g.P, 3), (1, 1))
    wide = PoolGeometry.of((g.N, g.K, g.P, g.Q), (g.P, g.Q), (1, 1))
    for pool in (one_row, wide):
        if not kernel.pools(g, pool):
            with pytest.raises(ValueError, match=r"does not support .*pool="):
                run_on(device_of(kernel), kernel, *arrays, pool=pool)
    assert not kernel.pools(g, wide)
    if not kernel.rectifies:
        with pytest.raises(ValueError, match=r"does not support .*rectify=True"):
            run_on(device_of(kernel), kernel, *arrays, rectify=True)


def geometries() -> Iterator[ConvGeometry]:
    yield ConvGeometry.of((1, 8, 12, 12), (32, 8, 3, 3), padding=1)
    yield ConvGeometry.of((1, 3, 13, 13), (32, 3, 7, 7), 2, 1)
    yield ConvGeometry.of((1, 16, 8, 8), (32, 16, 1, 1))
    yield ConvGeometry.of((1, 32, 8, 8), (32, 1, 3, 3), padding=1, groups=32)


def test_winograd_along_rows_refuses_a_pooling_of_one_row() -> None:
    along_rows = named("conv2d", "winograd_1d")
    assert along_rows.abilities.pools is not never
    g = ConvGeometry.of((1, 3, 9, 21), (40, 3, 3, 3))
    x, w = (np.ones(shape, np.float32) for shape in (g.x_shape, g.w_shape))
    pool = PoolGeometry.of(g.y_shape, (7, 2), (7, 2))
    assert not along_rows.pools(g, pool)
    with pytest.raises(ValueError, match="does not support"):
        along_rows(x, w, g, pool=pool)


def test_a_picked_kernel_refuses_other_options_than_those_it_was_picked_for() -> None:
    y = np.ones((1, 3, 2, 2), np.float32)
    p = PoolGeometry.of((1, 3, 4, 4), 2)
    switches = np.zeros(p.y_shape, np.int32)
    unpool = pick_for("max_unpool2d", y, p)
    unpool(y, switches, p)
    for law in ("sum", "max", "last"):
        if unpool.supports(Problem(p, np.dtype(np.float32), collisions=law)):
            unpool(y, switches, p, collisions=law)
        else:
            with pytest.raises(ValueError, match=f"collisions={law}"):
                unpool(y, switches, p, collisions=law)


def test_the_geometry_may_be_named_and_is_checked() -> None:
    pointwise = named("conv2d", "pointwise")
    g = ConvGeometry.of((1, 2, 4, 4), (3, 2, 3, 3))
    x, w = np.ones(g.x_shape, np.float32), np.ones(g.w_shape, np.float32)
    with pytest.raises(ValueError, match="pointwise does not support"):
        pointwise(x, w, g=g)


def test_an_out_that_is_not_packed_is_refused_and_unchanged() -> None:
    scale = named("renormalise", "one_pass")
    w = np.ones((2, 3, 4, 8), np.float32)
    rows = w[:, :, :, ::2]
    with pytest.raises(ValueError, match=r"out \(2, 3, 4, 4\) with strides"):
        scale(rows, max_rms=0.1, out=rows)
    assert (w == 1).all()


def test_a_users_kernel_is_held_to_its_own_supports() -> None:
    @kernel("conv2d", name="of one group", supports=lambda g: g.groups == 1)
    def forward(x: Any, w: Any, g: Any, *, bias: Any = None) -> Any:
        return reference.conv2d(x, w, g, bias=bias).astype(x.dtype)

    try:
        for groups in (1, 2):
            g = ConvGeometry.of((1, 2, 3, 3), (2, 2 // groups, 2, 2), groups=groups)
            arrays = np.ones(g.x_shape, np.float32), np.ones(g.w_shape, np.float32), g
            if groups == 1:
                assert forward(*arrays).shape == g.y_shape
            else:
                with pytest.raises(ValueError, match=r"of one group does not support .*groups=2"):
                    forward(*arrays)
    finally:
        unregister(forward)
