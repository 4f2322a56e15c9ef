"""Cases drawn by NumPy's generator: geometry, arrays and options of one call of an operation.

A case is a function of seed, operation, dtype and number alone. It is the same on every machine,
whatever kernels are registered. So outputs of two states of the code can be compared bit by bit
(`fingerprint.py`); the properties draw theirs with hypothesis (`calls.py`). Every eighth case is of
a realistic size, so that tiles, strips and prefetch are used in full.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.norm_geometry import LCNGeometry
from kernels.contract.plane_geometry import ConcatenateGeometry, PatchGeometry
from kernels.contract.problem import Problem
from kernels.contract.stage_geometry import StageGeometry
from kernels.definition import pooling
from kernels.verify import drawn_shapes as shapes
from kernels.verify.drawn_shapes import Rng, between, channels, of

REALISTIC = 8
"""One case in this many is of a realistic size."""
Arrays = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """One call of an operation as a function of these fields; `arrays` draws its arrays."""

    operation: str
    dtype: str
    number: int
    seed: int
    g: Any

    def arrays(self) -> Arrays:
        """The positional arguments of the call, and its options, drawn anew."""
        rng = _rng(self.seed, self.operation, self.dtype, self.number, "arrays")
        return _KINDS[self.operation].arrays(self.g, _Values(rng, np.dtype(self.dtype)))

    @property
    def problem(self) -> Problem:
        """The problem that a kernel's `supports` and `cost` are called with."""
        options = self.arrays()[1] if _KINDS[self.operation].asks else {}
        return Problem.of_call(self.g, np.dtype(self.dtype), options)

    @property
    def work(self) -> float:
        """Approximate number of elements that are read or multiplied."""
        return float(_KINDS[self.operation].work(self.g))


def case(operation: str, dtype: str, number: int, seed: int) -> Case:
    """Case `number` of the operation."""
    rng = _rng(seed, operation, dtype, number, "geometry")
    realistic = number % REALISTIC == REALISTIC - 1
    return Case(operation, dtype, number, seed, _KINDS[operation].geometry(rng, realistic))


def known(operation: str) -> bool:
    """True if there are cases of this operation."""
    return operation in _KINDS


def generator(case: Case, what: str) -> Rng:
    """A random generator for one purpose of one case."""
    return _rng(case.seed, case.operation, case.dtype, case.number, what)


def _rng(seed: int, operation: str, *parts: object) -> Rng:
    named = _KINDS[operation].draws or operation
    return np.random.default_rng(list(" ".join(map(str, (seed, named, *parts))).encode()))


@dataclass(frozen=True)
class _Values:
    """Arrays of one dtype, drawn by one generator."""

    rng: Rng
    dtype: np.dtype

    def __call__(self, shape: Sequence[int]) -> np.ndarray:
        """Normal values, or integers, or values with some NaN and infinities; arrays of four axes
        are mostly channels-last, matrices row- or column-major."""
        fill = self.rng.choice(("normal", "scaled", "whole", "special"), p=(0.6, 0.2, 0.1, 0.1))
        if fill == "whole":
            x = self.rng.integers(-4, 5, tuple(shape)).astype(self.dtype)
        else:
            x = np.asarray(self.rng.standard_normal(tuple(shape), self.dtype.type))
        if fill == "scaled":
            x *= self.dtype.type(2.0 ** int(self.rng.integers(-8, 9)))
        if fill == "special" and x.size:
            places = self.rng.integers(0, x.size, 1 + x.size // 500)
            # any shape -> (size,), a view
            x.reshape(-1)[places] = self.rng.choice((np.nan, np.inf, -np.inf), len(places))
        return self._stored(x)

    def _stored(self, x: np.ndarray) -> np.ndarray:
        if x.ndim == 4 and self.rng.random() < 0.8:
            nhwc = np.ascontiguousarray(x.transpose(0, 2, 3, 1))  # (N,C,H,W) -> (N,H,W,C)
            return nhwc.transpose(0, 3, 1, 2)  # (N,H,W,C) -> (N,C,H,W)
        if x.ndim == 2 and self.rng.random() < 0.4:
            return np.asfortranarray(x)
        return x

    def maybe(self, name: str, shape: Sequence[int]) -> dict[str, Any]:
        """The option of that name, or none."""
        return {name: self(shape)} if self.rng.random() < 0.5 else {}


@dataclass(frozen=True)
class _Kind:
    """Functions that draw the cases of one operation.

    asks:  kernels may reject their options.
    draws: the name that seeds its generators, if not the operation's: an earlier name, kept so that
           the inputs are the same.
    """

    geometry: Callable[[Rng, bool], Any]
    arrays: Callable[[Any, _Values], Arrays]
    work: Callable[[Any], float]
    asks: bool = False
    draws: str = ""


def _switches(g: PoolGeometry, rng: Rng) -> np.ndarray:
    """(N,C,P,Q) int32 places h W + w: any pixel of each window, so that windows often share one."""
    places = pooling.places(g)  # (RS,P,Q)
    p, q = np.ogrid[: g.P, : g.Q]
    drawn = places[rng.integers(0, g.R * g.S, g.y_shape, np.int8), p, q]  # (N,C,P,Q)
    first = places[(places != pooling.OFF).argmax(axis=0), p, q]  # (P,Q)
    return np.where(drawn == pooling.OFF, first, drawn).astype(np.int32)


def _convolved(*operands: str) -> Callable[[ConvGeometry, _Values], Arrays]:
    def arrays(g: ConvGeometry, draw: _Values) -> Arrays:
        sides = {"x": g.x_shape, "w": g.w_shape, "gy": g.y_shape}
        inputs = tuple(draw(sides[name]) for name in operands)
        return (*inputs, g), draw.maybe("bias", (g.K,)) if operands == ("x", "w") else {}

    return arrays


def _staged(g: StageGeometry, draw: _Values) -> Arrays:
    operands = draw(g.conv.x_shape), draw(g.conv.w_shape)
    return (*operands, g), draw.maybe("bias", (g.conv.K,))


def _unpooled(g: PoolGeometry, draw: _Values) -> Arrays:
    laws = ("sum", "max", "last")
    return (draw(g.y_shape), _switches(g, draw.rng), g), {"collisions": of(draw.rng, laws, 0.6)}


def _contrast_vjp(g: LCNGeometry, draw: _Values) -> Arrays:
    """Arbitrary saved arrays: m, and sigma >= 0, each (N,H,W) float64."""
    saved = draw.rng.standard_normal(g.plane_shape), draw.rng.random(g.plane_shape)
    return (draw(g.x_shape), draw(g.x_shape), saved, g), {}


def _bits(g: int, draw: _Values) -> Arrays:
    seed, step = (int(v) for v in draw.rng.integers(0, 2**63, 2))
    return (g,), {"seed": seed, "step": step, "stream": int(draw.rng.integers(0, 2**32))}


def _multiplied(g: tuple[int, int, int], draw: _Values) -> Arrays:
    M, N, K = g
    return (draw((M, K)), draw((K, N)), g), draw.maybe("bias", (N,))


def _multiplied_each(g: tuple[int, int, int, int], draw: _Values) -> Arrays:
    B, M, N, K = g
    return (draw((B, M, K)), draw((B, K, N)), g), {}


def _patches(g: tuple[int, ...], draw: _Values) -> Arrays:
    """Planes, the origins and shape of patches, and an overlay with its origins."""
    N, C, H, W = g
    shape = between(draw.rng, 1, H + 2), between(draw.rng, 1, W + 2)
    part = draw((N, C, 1 + H // 3, 1 + W // 2))
    at, part_at = (draw.rng.integers(-3, max(H, W), (N, 2)) for _ in range(2))
    x = draw((of(draw.rng, (N, 1)), C, H, W))
    patches = PatchGeometry.of(x.shape, N, shape, (part.shape[2], part.shape[3]))
    return (x, at, part, part_at, patches), {"fill": 0.5}


def _filled(g: tuple[int, ...], draw: _Values) -> Arrays:
    """The planes of that draw, taken as patches of another plane."""
    (x, at, _, _, patches), options = _patches(g, draw)
    parts = x[np.arange(len(at)) % len(x)]
    plane = len(at), g[1], max(patches.h, patches.w), 4
    return (parts, at, PatchGeometry.of(plane, len(at), x.shape[2:])), options


def _descended(g: tuple[int, ...], draw: _Values) -> Arrays:
    """Weights w, velocity v and gradient g of one shape, and hyperparameters."""
    lr, momentum = (float(v) for v in draw.rng.random(2))
    decay = of(draw.rng, (0.0, 5e-4))
    return (draw(g), draw(g), draw(g)), {"lr": lr, "momentum": momentum, "weight_decay": decay}


def _renormalised(g: tuple[int, ...], draw: _Values) -> Arrays:
    """Filters w (K,C,R,S) and their largest rms."""
    return (draw(g),), {"max_rms": float(2.0 ** draw.rng.integers(-3, 4))}


def _normalised(g: GroupNormGeometry, draw: _Values) -> Arrays:
    return (draw(g.x_shape), g), draw.maybe("weight", (g.C,)) | draw.maybe("bias", (g.C,))


def _normalised_vjp(g: GroupNormGeometry, draw: _Values) -> Arrays:
    """Arbitrary saved arrays: mean, and scale > 0, each (N,groups) float64."""
    saved = draw.rng.standard_normal(g.saved_shape), 1 + draw.rng.random(g.saved_shape)
    return (draw(g.x_shape), draw(g.x_shape), saved, g), {}


def _joined(g: tuple[int, ...], draw: _Values) -> Arrays:
    """One to four arrays of the N, H and W of g."""
    N, C, H, W = g
    others = [channels(draw.rng) for _ in range(between(draw.rng, 0, 3))]
    arrays = [draw((N, c, H, W)) for c in (C, *others)]
    return (*arrays, ConcatenateGeometry.of(*(a.shape for a in arrays))), {}


def _macs(g: ConvGeometry) -> float:
    return g.macs


def _taps(g: PoolGeometry) -> float:
    return math.prod(g.y_shape) * g.R * g.S + math.prod(g.x_shape)


def _size(g: Any) -> float:
    return math.prod(g.x_shape)


def _elements(g: Any) -> float:
    return math.prod(g.x_shape) * (g.size + 4)


_KINDS: dict[str, _Kind] = {
    "conv2d": _Kind(shapes.convolution, _convolved("x", "w"), _macs),
    "conv_relu_pool": _Kind(shapes.stage, _staged, lambda g: g.conv.macs),
    "conv2d_dgrad": _Kind(shapes.convolution, _convolved("gy", "w"), _macs),
    "conv2d_wgrad": _Kind(shapes.convolution, _convolved("x", "gy"), _macs),
    "max_pool2d": _Kind(shapes.pooling, lambda g, draw: ((draw(g.x_shape), g), {}), _taps),
    "max_unpool2d": _Kind(shapes.pooling, _unpooled, _taps, asks=True),
    "max_unpool2d_vjp": _Kind(
        shapes.pooling, lambda g, draw: ((draw(g.x_shape), _switches(g, draw.rng), g), {}), _taps
    ),
    "avg_pool2d": _Kind(shapes.pooling, lambda g, draw: ((draw(g.x_shape), g), {}), _taps),
    "avg_pool2d_vjp": _Kind(shapes.pooling, lambda g, draw: ((draw(g.y_shape), g), {}), _taps),
    "local_contrast_norm": _Kind(
        shapes.contrast, lambda g, draw: ((draw(g.x_shape), g), {}), _elements
    ),
    "local_contrast_norm_vjp": _Kind(shapes.contrast, _contrast_vjp, _elements),
    "local_response_norm": _Kind(
        shapes.response, lambda g, draw: ((draw(g.x_shape), g), {}), _elements
    ),
    "local_response_norm_vjp": _Kind(
        shapes.response, lambda g, draw: ((draw(g.x_shape), draw(g.x_shape), g), {}), _elements
    ),
    "matmul": _Kind(shapes.product, _multiplied, math.prod),
    "batched_matmul": _Kind(shapes.products, _multiplied_each, math.prod),
    "relu": _Kind(shapes.line, lambda g, draw: ((draw(g),), {}), math.prod),
    "activation": _Kind(shapes.activation, lambda g, draw: ((draw(g.shape), g), {}), _size),
    "activation_vjp": _Kind(
        shapes.activation, lambda g, draw: ((draw(g.shape), draw(g.shape), g), {}), _size
    ),
    "softmax": _Kind(shapes.rows, lambda g, draw: ((draw(g), g), {}), math.prod),
    "softmax_vjp": _Kind(shapes.rows, lambda g, draw: ((draw(g), draw(g), g), {}), math.prod),
    "group_norm": _Kind(shapes.groups, _normalised, _size),
    "group_norm_vjp": _Kind(shapes.groups, _normalised_vjp, _size),
    "relu_vjp": _Kind(shapes.line, lambda g, draw: ((draw(g), draw(g)), {}), math.prod),
    "random_bits": _Kind(shapes.words, _bits, float),
    "patches_gather": _Kind(shapes.planes, _patches, math.prod, draws="patches"),
    "patches_fill": _Kind(shapes.planes, _filled, math.prod, draws="patches"),
    "renormalise": _Kind(shapes.planes, _renormalised, math.prod),
    "sgd_step": _Kind(shapes.line, _descended, math.prod, draws="descend"),
    "concatenate": _Kind(shapes.planes, _joined, math.prod),
    "plane_max": _Kind(shapes.planes, lambda g, draw: ((draw(g),), {}), math.prod, draws="peaks"),
}
