"""Drawn calls of every differentiable function at points where it is smooth, by name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

import kernels
from kernels.contract.norm_geometry import LCNGeometry
from kernels.verify.arrays import apart, pairs, small, standard
from kernels.verify.geometries import conv_geometries, pool_geometries
from minidl import Tensor
from minidl import functional as F

Draw = Callable[[st.SearchStrategy[Any]], Any]
Case = tuple[Callable[..., Tensor], list[np.ndarray]]
CASES: dict[str, Callable[[Draw, np.random.Generator], Case]] = {}
NOT_DIFFERENTIABLE = {"dropout_mask"}
shapes = st.lists(small(1, 3), max_size=3).map(tuple)


def case(*names: str) -> Any:
    """Decorator: register the drawing of a function and float64 arrays for these names."""

    def decorate(build: Any) -> Any:
        CASES.update({name: functools.partial(build, getattr(F, name)) for name in names})
        return build

    return decorate


def smooth(function: Callable[..., Any], low: float = -2.0) -> Any:
    """A function of one array of any shape, smooth between `low` and 2."""

    def build(draw: Draw, rng: np.random.Generator) -> Case:
        return function, [np.asarray(rng.uniform(low, 2.0, draw(shapes)))]

    return build


def kinked(function: Callable[..., Any]) -> Any:
    """A function of one array, smooth except where values equal each other or 0."""
    return lambda draw, rng: (function, [apart(draw(shapes), rng)])


def pairwise(function: Callable[..., Any]) -> Any:
    """A function of two arrays that broadcast, smooth where they differ and are positive."""

    def build(draw: Draw, rng: np.random.Generator) -> Case:
        shape = draw(shapes)
        other = tuple(draw(st.sampled_from([1, n])) for n in shape)[draw(small(0, len(shape))) :]
        values = 3 + rng.permutation(int(np.prod(shape)) + int(np.prod(other))) / 4
        arrays = [values[: int(np.prod(shape))].reshape(shape), values[int(np.prod(shape)) :]]
        arrays[1] = arrays[1].reshape(other)
        return function, arrays if draw(st.booleans()) else arrays[::-1]  # fmt: skip

    return build


CASES |= {name: smooth(getattr(F, name)) for name in ("exp", "tanh", "sigmoid", "negate")}
CASES |= {name: smooth(getattr(F, name), 0.5) for name in ("log", "sqrt")}
CASES |= {name: kinked(getattr(F, name)) for name in ("absolute", "relu")}
CASES |= {"clip": kinked(lambda x: F.clip(x, -1.0, 1.0))}  # `apart` has no value at 1
CASES |= {
    name: pairwise(getattr(F, name))
    for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum")
}


@case("power")
def _power(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    exponent = draw(st.sampled_from([-1.5, -1, 0, 0.5, 1, 2, 3]))
    return lambda x: function(x, exponent), [np.asarray(rng.uniform(0.5, 2, draw(shapes)))]


@case("where")
def _where(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    _, (a, b) = pairwise(function)(draw, rng)
    condition = rng.random(np.broadcast_shapes(a.shape, b.shape)) < 0.5
    return lambda s, t: function(condition, s, t), [a, b]


@case("sum", "mean", "amax", "amin")
def _reduction(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    x = apart(draw(shapes), rng)
    axes = draw(st.lists(st.integers(0, x.ndim - 1), unique=True)) if x.ndim else []
    axis = draw(st.sampled_from([None, tuple(axes), *axes[:1]]))
    keepdims = draw(st.booleans())
    return lambda t: function(t, axis, keepdims), [x]


@case("sum_to", "broadcast_to")
def _repetition(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    large = draw(shapes)
    low = tuple(draw(st.sampled_from([1, n])) for n in large)[draw(small(0, len(large))) :]
    given_, wanted = (large, low) if function is F.sum_to else (low, large)
    return lambda x: function(x, wanted), [standard(given_, rng)]


@case("reshape", "flatten", "transpose", "getitem", "pad2d")
def _movement(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    shape = tuple(draw(st.lists(small(1, 3), min_size=4, max_size=4)))
    order = draw(st.permutations(range(-2, 2)))
    pads = draw(st.tuples(*[small(-(n - 1) // 2, 2) for n in (*shape[2:3] * 2, *shape[3:] * 2)]))
    repeated = np.array([0, shape[1] - 1, 0])
    options = {
        "reshape": [(-1, shape[0])],
        "flatten": [draw(small(0, 3))],
        "transpose": [order],
        "getitem": [draw(st.sampled_from([0, (slice(None), repeated), (..., slice(None, None, -1)),
                                          (slice(1), repeated, slice(1))]))],
        "pad2d": [pads],
    }  # fmt: skip
    return lambda x: function(x, *options[function.__name__]), [standard(shape, rng)]


@case("concatenate", "stack")
def _joining(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    rows = [2, 2, 2] if function is F.stack else [draw(small(1, 3)) for _ in range(3)]
    arrays = [standard((2, n), rng) for n in rows]
    axis = draw(st.sampled_from([0, -1] if function is F.stack else [1, -1]))
    return lambda *tensors: function(tensors, axis), arrays


@case("softmax", "log_softmax")
def _softmax(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    axis = draw(st.sampled_from([0, 1, -1]))
    return lambda x: function(x, axis), [np.asarray(rng.uniform(-1, 1, draw(pairs(1, 4))))]


@case("cross_entropy")
def _cross_entropy(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    N, C = draw(pairs(1, 4))
    labels = rng.integers(0, C, N)
    return lambda x: function(x, labels), [rng.uniform(-1, 1, (N, C))]


@case("dropout")
def _dropout(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    training = draw(st.booleans())
    return lambda x: function(x, 0.5, seed=1, step=2, training=training), [
        standard(draw(shapes), rng)
    ]


@case("matmul", "linear")
def _matmul(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    N, K, M = draw(small(1, 3)), draw(small(1, 3)), draw(small(1, 3))
    second = (K, M) if function is F.matmul else (M, K)
    bias = [standard((M,), rng)] if function is F.linear and draw(st.booleans()) else []
    return function, [standard((N, K), rng), standard(second, rng), *bias]


@case("conv2d")
def _conv2d(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    g = draw(conv_geometries())
    bias = [(g.K,)] if draw(st.booleans()) else []
    arrays = [standard(shape, rng) for shape in (g.x_shape, g.w_shape, *bias)]
    settings = {"stride": g.stride, "padding": g.padding, "dilation": g.dilation}
    return lambda *t: function(*t, groups=g.groups, **settings), arrays


@case("conv_transpose2d")
def _conv_transpose2d(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    g = draw(conv_geometries(pads=(-2, 1)))
    extra = [draw(small(0, max(s, d) - 1)) for s, d in zip(g.stride, g.dilation, strict=True)]
    bias = [(g.C,)] if draw(st.booleans()) else []
    H = (g.P - 1) * g.stride[0] + g.extent[0] + extra[0] - g.padding[0] - g.padding[1]
    W = (g.Q - 1) * g.stride[1] + g.extent[1] + extra[1] - g.padding[2] - g.padding[3]
    assume(H > 0 and W > 0)
    arrays = [standard(shape, rng) for shape in (g.y_shape, g.w_shape, *bias)]
    settings = {"stride": g.stride, "padding": g.padding, "dilation": g.dilation}
    return lambda *t: function(*t, output_padding=extra, groups=g.groups, **settings), arrays


@case("max_pool2d")
def _max_pool2d(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    g = draw(pool_geometries())
    settings = (g.R, g.S), g.stride, g.padding, g.dilation, g.ceil_mode
    return lambda x: function(x, *settings), [apart(g.x_shape, rng)]


@case("conv_relu_pool")
def _conv_relu_pool(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    """Filters of one tap: the rectified and pooled values are distinct and far from 0."""
    g = draw(pool_geometries())
    pool = {"kernel_size": (g.R, g.S), "stride": g.stride, "padding": g.padding}
    pool |= {"dilation": g.dilation, "ceil_mode": g.ceil_mode}
    x, w = apart((g.N, 1, g.H, g.W), rng), np.array([1.0, -1.5]).reshape(2, 1, 1, 1)
    bias = [np.array([0.01, -0.02])] if draw(st.booleans()) else []
    chosen = draw(st.sampled_from([pool, None]))
    return lambda x, w, b=None: function(x, w, b, {"stride": 1}, chosen), [x, w, *bias]


@case("avg_pool2d")
def _avg_pool2d(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    g = draw(pool_geometries(most_dilated=1))
    settings = (g.R, g.S), g.stride, g.padding, g.ceil_mode, g.count_include_pad
    return lambda x: function(x, *settings), [standard(g.x_shape, rng)]


@case("max_unpool2d")
def _max_unpool2d(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    g, law = draw(pool_geometries()), draw(st.sampled_from(["sum", "max", "last"]))
    switches = kernels.reference.max_pool2d(apart(g.x_shape, rng), g)[1]
    return lambda y: function(y, switches, (g.H, g.W), law), [apart(g.y_shape, rng)]


@case("fill_outside")
def _fill_outside(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    at = rng.integers(-3, 3, (draw(small(1, 3)), 2))
    plane, shape = draw(pairs(1, 4)), (len(at), draw(small(1, 2)), *draw(pairs(1, 4)))
    return lambda x: function(x, at, plane, -2.0), [standard(shape, rng)]


@case("local_response_norm")
def _local_response_norm(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    size, beta = draw(small(1, 5)), draw(st.sampled_from([0.75, 0.5, 1.0]))
    shape = (draw(small(1, 2)), draw(small(1, 5)), *draw(pairs(1, 3)))
    return lambda x: function(x, size, 0.5, beta, 1.0), [standard(shape, rng)]


@case("local_contrast_norm")
def _local_contrast_norm(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    size, border = draw(st.sampled_from([1, 3, 5])), draw(st.sampled_from(["corrected", "zero"]))
    floor = draw(st.sampled_from([1e-4, 10.0]))
    x = rng.standard_normal((draw(small(1, 2)), draw(small(2, 3)), *draw(pairs(2, 4))))
    g = LCNGeometry.of(x.shape, size, 1.5, border, floor)
    _, (_, sigma) = kernels.pick("local_contrast_norm", "cpu", g)(x, g)
    c = sigma.mean(axis=(1, 2), keepdims=True)
    assume(floor == 10.0 or np.abs(sigma - c).min() > 0.01)  # the maximum of the two is a kink
    assume(sigma.min() > 0.05)  # and the root is one at 0
    return lambda t: function(t, size, 1.5, border, floor), [x]
