"""Fused convolution, bias, ReLU and max-pooling in one pass over the images.

`conv_relu_pool` kernels compute it; the intermediate planes are not kept. The node on the tape is
one step. The backward pass looks up the rule of each of its steps in the table of rules, with the
step's saved values:

    pooling    its switches
    ReLU       the sign of its input, which is that of its output; the pooled values are outputs
    conv2d     its inputs

So no rule is bypassed: the deconvnet and guided backpropagation replace that of the ReLU. The ReLU
comes before the pooling: the other order gives the same values and other switches. With the
gradient's rules of ReLU and pooling, the cotangent is masked before it is unpooled, and the
backward pass runs on some images at a time if the forward pass's kernel does (`Abilities.chunked`).
Under `create_graph` the steps are repeated on the tape, one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

import kernels
from kernels.contract import memory
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.stage_geometry import StageGeometry
from kernels.conv_relu_pool.in_chunks import images, rectified, write
from minidl.backward_pass import backward
from minidl.functional.activation import relu
from minidl.functional.convolution import check_bias, conv2d
from minidl.functional.pooling import max_pool2d
from minidl.prepared_weights import choose
from minidl.recording import is_recording
from minidl.rules import Rules, gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]
Settings = Mapping[str, Any]


def conv_relu_pool(
    x: Tensor, weight: Tensor, bias: Tensor | None, conv: Settings, pool: Settings | None = None
) -> Tensor:
    """max_pool2d(relu(conv2d(x, weight, bias, **conv)), **pool); without `pool` no pooling.

    Values and backward results are those of the three calls, up to the order of sums. Raises as
    they do.
    """
    g = ConvGeometry.of(x.shape, weight.shape, *_plain(conv))
    check_bias(bias, weight.shape[0], "conv2d")
    p = None if pool is None else PoolGeometry.of(g.y_shape, **pool)
    inputs = (x, weight) if bias is None else (x, weight, bias)
    kernel, kept = choose("conv2d", weight, g)
    options = {"bias": None if bias is None else bias.data, **kept}
    saved: dict[str, Any] = {"geometry": g, "conv": dict(conv), "pool": pool}
    if p is None:
        y = rectified(kernel, x.data, weight.data, g, options)
    else:
        stage = StageGeometry(g, p, kernel.name)
        pooling = kernels.pick_for("conv_relu_pool", x.data, stage)
        y, saved["switches"] = pooling(x.data, weight.data, stage, **options)
        saved["pool_geometry"], saved["chunked"] = p, pooling.chunked
    return record("conv_relu_pool", y, inputs, y=y, **saved)


def _plain(conv: Settings) -> tuple[Any, ...]:
    defaults = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    return tuple((defaults | dict(conv)).values())


@gradient.fused_rule("conv_relu_pool")
def _conv_relu_pool(
    node: Node, gy: Tensor, needs: Needs, *, table: Rules
) -> tuple[Tensor | None, ...]:
    if is_recording():
        return _again(node, gy, needs, table)
    calculus = all(table[row] is gradient[row] for row in ("relu", "max_pool2d", "conv2d"))
    if calculus:
        return _by_calculus(node, gy, needs)
    return _step_by_step(node, gy, needs, table)


def _again(node: Node, gy: Tensor, needs: Needs, table: Rules) -> tuple[Tensor | None, ...]:
    """Repeat the steps on the tape, and propagate gy back through them."""
    x, weight, *bias = node.inputs
    y = relu(conv2d(x, weight, bias[0] if bias else None, **node.saved["conv"]))
    if node.saved["pool"] is not None:
        pooled = max_pool2d(y, **node.saved["pool"])
        assert isinstance(pooled, Tensor)
        y = pooled
    wanted = [t for t, need in zip(node.inputs, needs, strict=True) if need]
    made = iter(backward(y, gy, rules=table, inputs=wanted, create_graph=True))
    return tuple(next(made) if need else None for need in needs)


def _step_by_step(node: Node, gy: Tensor, needs: Needs, table: Rules) -> tuple[Tensor | None, ...]:
    """Apply the table's rule of each step, the last step first."""
    saved, y = node.saved, Tensor(node.saved["y"])
    if saved["pool"] is not None:
        pooling = {"geometry": saved["pool_geometry"], "switches": saved["switches"]}
        gy = _one(table["max_pool2d"](Node("max_pool2d", (y,), pooling), gy, (True,)))
        y = Tensor(_unpool(y.data, saved["switches"], saved["pool_geometry"], "last"))
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
    masked = kernels.pick_for("relu_vjp", gy.data, gy.shape)(gy.data, saved["y"])
    (x, w, *bias), gx, gw = node.inputs, None, None
    dgrad, wgrad = (kernels.pick_for(f"conv2d_{side}", gy.data, g) for side in ("dgrad", "wgrad"))
    whole = [slice(0, g.N)]
    if saved.get("chunked"):  # as the forward pass: its kernel's device has a cache for planes
        whole = images(g, masked.itemsize)
    kept = {}
    if needs[0] and len(whole) > 1:  # one array, and one preparation, for all parts
        gx = memory.empty(g.x_shape, gy.dtype, "NHWC", like=gy.data)
        if dgrad.prepare is not None:
            kept["prepared"] = dgrad.prepared(w.data, g)
    for some in whole:
        part = replace(g, N=some.stop - some.start)
        planes = masked
        if saved["pool"] is not None:
            p = replace(saved["pool_geometry"], N=part.N)
            planes = _unpool(masked[some], saved["switches"][some], p, "sum")
        if gx is not None:
            write(dgrad, (planes, w.data, part), (gx[some],), **kept)
        elif needs[0]:
            gx = dgrad(planes, w.data, part)
        if needs[1]:
            made = wgrad(x.data[some], planes, part)
            gw = made if gw is None else np.add(gw, made, out=gw)
    results = [None if a is None else Tensor(a) for a in (gx, gw)]
    if bias:
        results.append(Tensor(masked.sum(axis=(0, 2, 3))) if needs[2] else None)
    return tuple(results)


def _unpool(y: np.ndarray, switches: np.ndarray, p: PoolGeometry, collisions: str) -> np.ndarray:
    kernel = kernels.pick_for("max_unpool2d", y, p, collisions=collisions)
    result: np.ndarray = kernel(y, switches, p, collisions=collisions)
    return result
