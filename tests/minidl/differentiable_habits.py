"""Cases of `differentiable` for losses, batch normalisation, and pooling to a size."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.verify.arrays import apart, small, standard
from minidl import Tensor, nn
from minidl import functional as F
from minidl.functional.copies import cast, clone
from tests.minidl.differentiable import CASES, Case, Draw, case

NOT_DIFFERENTIABLE = {"one_hot"}
reductions = st.sampled_from(["mean", "sum", "none"])


@case("batch_norm")
def _batch_norm(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    C, pixels = draw(small(1, 3)), draw(st.sampled_from([(), (3,), (2, 3)]))
    shape = (draw(small(2, 3)), C, *pixels)
    training, running = draw(st.booleans()), Tensor(rng.uniform(0.5, 2, C))
    # Two values of a channel have x^ of about 1 and -1 whatever they are: eps makes it smooth.
    return lambda x, w, b: function(x, running.clone(), running.clone(), w, b, training, eps=0.1), [
        standard(shape, rng), standard((C,), rng), standard((C,), rng),
    ]  # fmt: skip


@case("cross_entropy", "nll_loss")
def _classes(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    N, C, pixels = draw(small(1, 3)), draw(small(1, 4)), draw(st.sampled_from([(), (2,), (2, 1)]))
    labels = rng.integers(0, C, (N, *pixels))
    labels.flat[1::3] = -1
    options: dict[str, Any] = {"ignore_index": -1, "reduction": draw(reductions)}
    if draw(st.booleans()):
        options["weight"] = rng.uniform(0.5, 2, C)
    if function is F.cross_entropy:
        options["label_smoothing"] = draw(st.sampled_from([0.0, 0.1]))
    return lambda x: function(x, labels, **options), [standard((N, C, *pixels), rng)]


def _of_shares(draw: Draw, rng: np.random.Generator) -> Case:
    shares, options = rng.dirichlet(np.ones(3), 4), {"reduction": draw(reductions)}
    return lambda x, p: F.cross_entropy(x, p, label_smoothing=0.1, **options), [
        standard((4, 3), rng), shares,
    ]  # fmt: skip


CASES["cross entropy of shares"] = _of_shares


@case("mse_loss", "l1_loss")
def _compared(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    values, reduction = apart((2, 2, 3), rng), draw(reductions)
    return lambda x, t: function(x, t, reduction), [values[0], values[1]]


@case("binary_cross_entropy_with_logits")
def _binary(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    reduction, positive = draw(reductions), draw(st.sampled_from([None, rng.uniform(0.5, 2, 3)]))
    pos_weight = None if positive is None else Tensor(positive)
    return lambda x, t: function(x, t, None, reduction, pos_weight), [
        apart((2, 3), rng), rng.uniform(0, 1, (2, 3)),
    ]  # fmt: skip


@case("adaptive_avg_pool2d", "adaptive_max_pool2d")
def _adaptive(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    size = draw(st.sampled_from([1, 2, (3, 2), (None, 1)]))
    return lambda x: function(x, size), [apart((1, 2, draw(small(3, 5)), 4), rng)]


@case("conv1d")
def _conv1d(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    stride, padding, dilation = draw(small(1, 2)), draw(small(0, 1)), draw(small(1, 2))
    return lambda x, w, b: function(x, w, b, stride, padding, dilation, 2), [
        standard((2, 2, 6), rng), standard((4, 1, 2), rng), standard((4,), rng),
    ]  # fmt: skip


@case("embedding")
def _embedding(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    indices = rng.integers(0, 4, (2, 3))
    return lambda w: function(indices, w), [standard((4, 2), rng)]


def _in_place(draw: Draw, rng: np.random.Generator) -> Case:
    def function(x: Tensor, y: Tensor) -> Tensor:
        z = x * y
        z += y
        z *= x
        z[1:, 0] = y[0, 0] * x[1:, 1]
        z -= 2.0
        z /= y * y + 1.0
        z[0] = 3.0
        return z + z * z

    return function, [standard((3, 2), rng), standard((3, 2), rng)]


def _methods(draw: Draw, rng: np.random.Generator) -> Case:
    def function(x: Tensor) -> Tensor:
        top = x.max(1).values * x.min(dim=0, keepdim=True).values.sum()
        moments = x.var(0) + x.std(1, unbiased=False, keepdim=True) + x.norm(2, 0)
        return (clone(x).flatten() * 2).view(3, 4) * moments + top.unsqueeze(-1).expand(-1, 4)

    return function, [apart((3, 4), rng)]


def _watched(draw: Draw, rng: np.random.Generator) -> Case:
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda module, gx, gy: None)
    return lambda x: layer(x * 2.0) * x, [standard((2, 3), rng)]


CASES["operations in place"] = _in_place
CASES["methods of Tensor"] = _methods
CASES["a watched layer"] = _watched
CASES["another type and back"] = lambda draw, rng: (
    lambda x: cast(cast(x, np.dtype(np.float64)), np.dtype(np.float64)) * x,
    [standard((2, 3), rng)],
)
