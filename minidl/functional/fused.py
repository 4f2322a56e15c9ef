"""Fused convolution, bias, ReLU and max-pooling in one pass over the images.

`conv_relu_pool` kernels compute it; the intermediate planes are not kept. The node on the tape is
one step. The backward pass looks up the rule of each of its steps in the table of rules, with the
step's saved values:

    pooling    its switches
    ReLU       the sign of its input, which is that of its output; the pooled values are outputs
    conv2d     its inputs

So no rule is bypassed: the deconvnet and guided backpropagation replace that of the ReLU. These
rules need no more of their operands (`CONTENT`). For any other rule of ReLU or pooling, and under
`create_graph`, the steps are repeated one by one, so that the rule gets the nodes of the three
calls, with the whole planes as operands.

The ReLU comes before the pooling: the other order gives the same values and other switches. With
the gradient's rules the cotangent is masked before it is unpooled, and the backward pass runs on
some images at a time if the forward pass's kernel does (`Abilities.chunked`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

import kernels
from kernels.contract import memory
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.stage_geometry import StageGeometry
from kernels.conv_relu_pool.in_chunks import images, rectified, write
from minidl.backward_pass import backward
from minidl.functional import arguments
from minidl.functional.activation import relu
from minidl.functional.convolution import check_bias, check_operands, conv2d
from minidl.functional.pooling import max_pool2d
from minidl.prepared_weights import choose
from minidl.recording import is_recording, recording
from minidl.rules import Rules, gradient, rectify_both_ways, rectify_from_above
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]
Settings = Mapping[str, Any]
CALCULUS = {row: gradient[row] for row in ("relu", "max_pool2d", "conv2d")}
"""The gradient's own rules of the steps."""
CONTENT = {
    "relu": {CALCULUS["relu"], rectify_from_above, rectify_both_ways},
    "max_pool2d": {CALCULUS["max_pool2d"]},
}
"""Rules that need of their node what the fused one keeps: a sign of x, the switches."""


def conv_relu_pool(
    x: Tensor, weight: Tensor, bias: Tensor | None, conv: Settings, pool: Settings | None = None
) -> Tensor:
    """max_pool2d(relu(conv2d(x, weight, bias, **conv)), **pool); without `pool` no pooling.

    Values and backward results are those of the three calls, up to the order of sums; so are the
    magnitudes up to which they hold, and where NaN spreads (F.conv2d). Raises as they do.
    """
    check_operands(x, weight, "conv_relu_pool")
    g = ConvGeometry.of(x.shape, weight.shape, *settings_of(conv))
    check_bias(bias, weight.shape[0], "conv2d")
    p = None if pool is None else PoolGeometry.of(g.y_shape, **_pooling(pool))
    inputs = (x, weight) if bias is None else (x, weight, bias)
    kernel, kept = choose("conv2d", weight, g)
    options = {"bias": None if bias is None else bias._array, **kept}
    saved: dict[str, Any] = {"geometry": g, "conv": dict(conv), "pool": pool, "kernel": kernel.name}
    if p is None:
        y = rectified(kernel, x._array, weight._array, g, options)
    else:
        stage = StageGeometry(g, p, kernel.name)
        pooling = kernels.pick_for("conv_relu_pool", x._array, stage)
        y, saved["switches"] = pooling(x._array, weight._array, stage, **options)
        saved["pool_geometry"], saved["chunked"] = p, pooling.chunked
    return record("conv_relu_pool", y, inputs, y=y, **saved)


def settings_of(conv: Settings) -> tuple[Any, ...]:
    """Stride, padding, dilation and groups of a convolution's settings by name."""
    defaults = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    return tuple((defaults | _settings(conv, "conv", defaults)).values())


def _pooling(pool: Settings) -> dict[str, Any]:
    known = "kernel_size", "stride", "padding", "dilation", "ceil_mode"
    if "kernel_size" not in (given := _settings(pool, "pool", known)):
        raise ValueError(f"conv_relu_pool: pool must have a kernel_size, got {given}")
    return given


def _settings(given: Settings, name: str, known: Collection[str]) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not given.keys() <= set(known):
        raise TypeError(
            f"conv_relu_pool: {name} must be settings by name, of {', '.join(known)}; got "
            f"{arguments.shown(given)}"
        )
    return dict(given)


@gradient.fused_rule("conv_relu_pool")
def _conv_relu_pool(
    node: Node, gy: Tensor, needs: Needs, *, table: Rules
) -> tuple[Tensor | None, ...]:
    if is_recording() or not _is_content(node, table):
        return _again(node, gy, needs, table)
    if all(table[row] is rule for row, rule in CALCULUS.items()):
        return _by_calculus(node, gy, needs)
    return _step_by_step(node, gy, needs, table)


def _is_content(node: Node, table: Rules) -> bool:
    """True if the table's rules need no planes that were not kept."""
    rows = ("relu",) if node.saved["pool"] is None else ("relu", "max_pool2d")
    itself = gradient["relu"] is CALCULUS["relu"]  # which guided backpropagation calls
    return itself and all(table[row] in CONTENT[row] for row in rows)


def _again(node: Node, gy: Tensor, needs: Needs, table: Rules) -> tuple[Tensor | None, ...]:
    """Repeat the steps on the tape, and propagate gy back through them."""
    x, weight, *bias = node.inputs
    settings = {**node.saved["conv"], "algorithm": node.saved["kernel"]}  # for the same bits
    with recording(True):
        planes = conv2d(x, weight, bias[0] if bias else None, **settings)
        assert planes.node is not None
        planes.node.saved["algorithm"] = None
        y = relu(planes)
        if node.saved["pool"] is not None:
            pooled = max_pool2d(y, **node.saved["pool"])
            assert isinstance(pooled, Tensor)
            y = pooled
    wanted = [t for t, need in zip(node.inputs, needs, strict=True) if need]
    made = iter(backward(y, gy, rules=table, inputs=wanted, create_graph=is_recording()))
    return tuple(next(made) if need else None for need in needs)


def _step_by_step(node: Node, gy: Tensor, needs: Needs, table: Rules) -> tuple[Tensor | None, ...]:
    """Apply the table's rule of each step, the last step first."""
    saved, y = node.saved, Tensor(node.saved["y"])
    if saved["pool"] is not None:
        pooling = {"geometry": saved["pool_geometry"], "switches": saved["switches"]}
        gy = _one(table["max_pool2d"](Node("max_pool2d", (y,), pooling), gy, (True,)))
        y = Tensor(_unpool(y._array, saved["switches"], saved["pool_geometry"], "last"))
    gy = _one(table["relu"](Node("relu", (y,), {}), gy, (True,)))
    step = Node("conv2d", node.inputs, {"geometry": saved["geometry"], "algorithm": None})
    return tuple(table["conv2d"](step, gy, needs))


def _one(cotangents: Any) -> Tensor:
    (gx,) = cotangents
    assert isinstance(gx, Tensor)
    return gx


def _by_calculus(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor | None, ...]:
    """The gradient: the cotangent masked at the pooled pixels, then some images at a time."""
    saved, g = node.saved, node.saved["geometry"]
    masked = kernels.pick_for("relu_vjp", gy._array, gy.shape)(gy._array, saved["y"])
    (x, w, *bias), gx, gw = node.inputs, None, None
    dgrad, wgrad = (kernels.pick_for(f"conv2d_{side}", gy._array, g) for side in ("dgrad", "wgrad"))
    whole = [slice(0, g.N)]
    if saved.get("chunked"):  # as the forward pass: its kernel's device has a cache for planes
        whole = images(g, masked.itemsize)
    kept = {}
    if needs[0] and len(whole) > 1:  # one array, and one preparation, for all parts
        gx = memory.empty(g.x_shape, gy.dtype, "NHWC", like=gy._array)
        if dgrad.prepare is not None:
            kept["prepared"] = dgrad.prepared(w._array, g)
    for some in whole:
        part = replace(g, N=some.stop - some.start)
        planes = masked
        if saved["pool"] is not None:
            p = replace(saved["pool_geometry"], N=part.N)
            planes = _unpool(masked[some], saved["switches"][some], p, "sum")
        if gx is not None:
            write(dgrad, (planes, w._array, part), (gx[some],), **kept)
        elif needs[0]:
            gx = dgrad(planes, w._array, part)
        if needs[1]:
            made = wgrad(x._array[some], planes, part)
            gw = made if gw is None else np.add(gw, made, out=gw)
    results = [None if a is None else Tensor(a) for a in (gx, gw)]
    if bias:
        results.append(Tensor(masked.sum(axis=(0, 2, 3))) if needs[2] else None)
    return tuple(results)


def _unpool(y: np.ndarray, switches: np.ndarray, p: PoolGeometry, collisions: str) -> np.ndarray:
    kernel = kernels.pick_for("max_unpool2d", y, p, collisions=collisions)
    result: np.ndarray = kernel(y, switches, p, collisions=collisions)
    return result
