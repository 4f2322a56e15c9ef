"""Cases of `torch_cases` for operations that move elements, resize planes and standardise."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
import torch.nn.functional as T
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from kernels.verify.arrays import normal, pairs, small
from minidl import functional as F
from tests.minidl.torch_cases import Case, Draw, case

four = st.lists(small(1, 3), min_size=4, max_size=4).map(tuple)


@case("permute", "swapaxes", "unsqueeze", "squeeze", "expand", "repeat", "flip", "roll", "narrow")
def _moved(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    shape, axis = draw(four), draw(small(-4, 3))
    options: tuple[Any, ...] = {
        "permute": (draw(st.permutations(range(4))),),
        "swapaxes": (axis, draw(small(0, 3))),
        "unsqueeze": (axis,),
        "squeeze": (axis,),
        "expand": ((2, *(3 if n == 1 else -1 for n in shape)),),
        "repeat": ((2, 1, 3, 1, 2),),
        "flip": ((axis,),),
        "roll": ((draw(small(-4, 4)), -1), (axis % 4, (axis + 1) % 4)),
        "narrow": (axis, draw(small(0, shape[axis] - 1)), 1),
    }[name]
    return Case(
        lambda x: getattr(F, name)(x, *options),
        lambda x: getattr(torch.Tensor, name)(x, *options),
        [normal(shape, rng, dtype)], 40,
    )  # fmt: skip


@case("split", "chunk", "unbind")
def _parted(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    length = draw(small(1, 6))
    given = {"split": [2, [1, length - 1]], "chunk": [draw(small(1, 4))], "unbind": [None]}[name]
    chosen = draw(st.sampled_from(given))
    more = [] if chosen is None else [chosen]

    def both(module: Any, join: Any) -> Any:
        """The parts in reversed order, so that each is seen where it is."""
        axis = 0 if name == "unbind" else 1
        return lambda x: join(getattr(module, name)(x, *more, 1)[::-1], axis)

    return Case(both(F, F.cat), both(torch, torch.cat), [normal((2, length, 2), rng, dtype)], 4)


@case("cat")
def _cat(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    arrays = [normal((draw(small(1, 3)), 2), rng, dtype) for _ in range(3)]
    return Case(lambda *t: F.cat(t), lambda *t: torch.cat(t), arrays, 4)


@case("take", "index_select", "gather")
def _taken(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    shape, axis = draw(four), draw(small(0, 3))
    index = rng.integers(0, shape[axis], 5)
    x = normal(shape, rng, dtype)
    if name == "take":
        return Case(
            lambda t: F.take(t, index), lambda t: torch.take(t, torch.tensor(index)), [x], 40
        )
    if name == "gather":
        sizes = [draw(small(1, n)) for n in shape]
        sizes[axis] = 5
        index = rng.integers(0, shape[axis], sizes)
    return Case(
        lambda t: getattr(F, name)(t, axis, index),
        lambda t: getattr(torch, name)(t, axis, torch.tensor(index)), [x], 16,
    )  # fmt: skip


@case("pixel_shuffle", "pixel_unshuffle")
def _blocks(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    b, (H, W) = draw(small(1, 3)), draw(pairs(1, 2))
    shape = (2, b * b * 2, H, W) if name == "pixel_shuffle" else (1, 2, H * b, W * b)
    return Case(
        lambda x: getattr(F, name)(x, b), lambda x: getattr(T, name)(x, b),
        [normal(shape, rng, dtype)], 4,
    )  # fmt: skip


@case("pad")
def _pad(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    H, W = draw(pairs(2, 5))
    mode = draw(st.sampled_from(["constant", "reflect", "replicate", "circular"]))
    least = -(min(H, W) - 1) // 2 if mode in ("constant", "replicate") else 0
    around = draw(st.tuples(*[small(least, n - 1) for n in (W, W, H, H)]))
    value = [1.5] if mode == "constant" else []
    return Case(
        lambda x: F.pad(x, around, mode, *value), lambda x: T.pad(x, around, mode, *value),
        [normal((2, 1, H, W), rng, dtype)], 4 * H * W,
    )  # fmt: skip


@case("interpolate")
def _interpolate(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    """PyTorch computes the weights of float32 in float32: off by an eps of the coordinate.

    The majorant of a sum with weights of both signs is their sum of magnitudes, at most 4 (cubic).
    """
    own, new = draw(pairs(1, 6)), draw(pairs(1, 9))
    mode = draw(st.sampled_from(["nearest", "nearest-exact", "area", "bilinear", "bicubic"]))
    settings: dict[str, Any] = {"mode": mode}
    if mode.startswith("bi"):
        settings |= draw(st.sampled_from([{}, {"align_corners": True}, {"antialias": True}]))
    sizes = {"size": new}
    if draw(st.booleans()) and "exact" not in mode:  # of halves: no rounding decides on a position
        sizes = {"scale_factor": tuple(n / 2 + 0.5 for n in new)}
    x = normal((1, 2, *own), rng, dtype)

    def majorant(t: Any) -> Any:
        """Sums of all magnitudes, as each result is a sum of some with weights below 4."""
        shape = T.interpolate(t, **sizes, mode="nearest").shape
        return 16 * t.sum((2, 3), keepdim=True).expand(shape)

    return Case(
        functools.partial(F.interpolate, **sizes, **settings),
        functools.partial(T.interpolate, **sizes, **settings), [x], 32, majorant,
    )  # fmt: skip


@case("layer_norm", "group_norm", "instance_norm")
def _norm(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    """Terms of both signs in every derivative are at most the values and weights, over sigma.

    The majorant is that of the formula with the deviation as a constant of its own, reflected.
    """
    shape = (draw(small(1, 2)), 4, 2, draw(small(2, 3)))
    x = np.asarray(rng.permuted(np.arange(np.prod(shape)).reshape(shape) / 8 - 1), dtype)
    own = {"layer_norm": shape[2:], "group_norm": (4,), "instance_norm": (4,)}[name]
    scales = [normal(own, rng, dtype) for _ in range(draw(small(0, 2)))]
    first = {"layer_norm": [shape[2:]], "group_norm": [2], "instance_norm": []}[name]
    axes = {"layer_norm": (2, 3), "group_norm": (2, 3, 4), "instance_norm": (2, 3)}[name]

    def theirs(t: Any, *more: Any) -> Any:
        if name == "instance_norm":
            return T.instance_norm(t, None, None, *(more or (None,)), use_input_stats=True)
        return getattr(T, name)(t, *first, *more)

    def majorant(t: Any, *more: Any) -> Any:
        """Sums instead of differences; 1 / sigma by the true deviation, rising as it falls."""
        apart = t.reshape(len(t), 2, 2, *shape[2:]) if name == "group_norm" else t
        true = torch.tensor(np.asarray(x, np.float64)).reshape(apart.shape)
        variance = true.var(axes, keepdim=True, correction=0)
        v = apart + apart.mean(axes, keepdim=True)
        spread = (v * v).mean(axes, keepdim=True)
        sigma = (2 * variance + 2e-5 - (variance + 1e-5) / spread.detach() * spread).clamp_min(1e-9)
        scaled = (v / torch.sqrt(sigma / 2)).reshape(t.shape)
        weights = [m if name == "layer_norm" else m.reshape(4, 1, 1) for m in more]
        scaled = scaled * weights[0] if weights else scaled
        return scaled + weights[1] if len(weights) == 2 else scaled

    return Case(
        lambda t, *more: getattr(F, name)(t, *first, *more), theirs, [x, *scales],
        16 * x.size, majorant,
    )  # fmt: skip
