"""Calls whose result is one of their inputs: identity filters, windows of one pixel, and so on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.norm_geometry import LRNGeometry
from kernels.contract.plane_geometry import ConcatenateGeometry
from kernels.verify.calls import Call, make


def neutral(call: Call) -> Call | None:
    """A call of the same operation, type and seed whose result is an input; None if none is."""
    build = _BUILDERS.get(call.operation)
    if build is None or call.origin is None or not all(a.size for a in call.inputs.values()):
        return None
    if 0 in getattr(call.g, "x_shape", ()):  # of padding alone, which no window of 1x1 gives
        return None
    found = build(call)
    return None if found is None else replace(found, device=call.device)


def _again(call: Call, g: object) -> Call:
    fill, seed = call.origin or ("positive", 0)
    options = {k: v for k, v in call.options.items() if not isinstance(v, np.ndarray)}
    return make(call.operation, g, fill, seed, call.dtype, **options)


def _convolution(call: Call) -> Call | None:
    """1x1 identity filters, full or (for half of the channel counts) depthwise."""
    g: ConvGeometry = call.g
    groups = g.C if g.H % 2 else 1
    shapes = (g.N, g.C, g.H, g.W), (g.C, g.C // groups, 1, 1)
    identity = np.ones(g.C) if groups > 1 else np.eye(g.C)
    made = _again(call, ConvGeometry.of(*shapes, groups=groups))
    w = identity.reshape(shapes[1]).astype(call.dtype)  # (C,) or (C,C) -> (C,C/G,1,1)
    return made.but(w=w) if "w" in made.inputs else None


def _pool(call: Call) -> Call:
    """Windows of one pixel."""
    return _again(call, PoolGeometry.of(call.g.x_shape, 1, 1))


def _response(call: Call) -> Call:
    """alpha 0 and k 1: t is 1."""
    return _again(call, LRNGeometry.of(call.g.x_shape, 5, 0.0, 0.75, 1.0))


def _product(call: Call) -> Call:
    M, _, K = call.g
    made = _again(call, (M, K, K))
    return made.but(b=np.eye(K, dtype=call.dtype))


def _products(call: Call) -> Call:
    B, M, _, K = call.g
    made = _again(call, (B, M, K, K))
    return made.but(b=np.broadcast_to(np.eye(K, dtype=call.dtype), (B, K, K)).copy())


def _one(call: Call) -> Call:
    """One array alone."""
    g: ConcatenateGeometry = call.g
    return _again(call, ConcatenateGeometry(g.N, g.channels[:1], g.H, g.W))


def _itself(call: Call) -> Call:
    """The call, whose values are above zero."""
    return call


_BUILDERS: dict[str, Callable[[Call], Call | None]] = {
    **dict.fromkeys(("conv2d", "conv2d_dgrad"), _convolution),
    **dict.fromkeys(("max_pool2d", "avg_pool2d", "avg_pool2d_vjp"), _pool),
    **dict.fromkeys(("max_unpool2d", "max_unpool2d_vjp"), _pool),
    "local_response_norm": _response,
    "matmul": _product,
    "batched_matmul": _products,
    "concatenate": _one,
    **dict.fromkeys(("relu", "relu_vjp"), _itself),
}
