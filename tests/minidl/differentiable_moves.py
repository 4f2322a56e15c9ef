"""Cases of `differentiable` for operations that move elements, resize planes and standardise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.verify.arrays import pairs, small, standard
from minidl import Tensor
from minidl import functional as F
from tests.minidl.differentiable import Case, Draw, case

four = st.lists(small(1, 3), min_size=4, max_size=4).map(tuple)


def joined(parts: tuple[Tensor, ...], rng: np.random.Generator) -> Tensor:
    """Several results as one, each with weights of its own."""
    weights = [Tensor(np.asarray(rng.standard_normal(t.shape))).to(t.device) for t in parts]
    weighted = [F.reshape(t * w, (-1,)) for t, w in zip(parts, weights, strict=True)]
    return F.concatenate(weighted, 0)


@case("permute", "swapaxes", "unsqueeze", "squeeze", "expand", "repeat", "flip", "roll", "narrow")
def _moved(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    shape = draw(four)
    axis, other = draw(small(-4, 3)), draw(small(0, 3))
    length = draw(small(0, shape[axis]))
    options: dict[str, list[tuple[Any, ...]]] = {
        "permute": [(draw(st.permutations(range(4))),)],
        "swapaxes": [(axis, other)],
        "unsqueeze": [(draw(small(-5, 4)),)],
        "squeeze": [(), (axis,), ((0, -1),)],
        "expand": [((2, *(3 if n == 1 else -1 for n in shape)),), ((-1, *shape[1:]),)],
        "repeat": [((2, 1, 3, 1),), ((2, 1, 1, 2, 1),)],
        "flip": [(axis,), ((0, 2, -1),)],
        "roll": [(5,), ((draw(small(-4, 4)), 1), ((axis % 4), (axis + 1) % 4))],
        "narrow": [(axis, draw(small(0, shape[axis] - length)), length)],
    }
    chosen = draw(st.sampled_from(options[function.__name__]))
    return lambda x: function(x, *chosen), [standard(shape, rng)]


@case("split", "chunk", "unbind")
def _parted(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    shape, seed = (2, draw(small(1, 5)), 2), draw(small(0, 99))
    sizes = [1, shape[1] - 1]
    given = [(sizes,), (2,)] if function is F.split else [(draw(small(1, 4)),)]
    chosen = () if function is F.unbind else draw(st.sampled_from(given))
    return lambda x: joined(function(x, *chosen, dim=1), np.random.default_rng(seed)), [
        standard(shape, rng)
    ]


@case("cat")
def _cat(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    arrays = [standard((n, 2), rng) for n in draw(st.lists(small(1, 3), min_size=2, max_size=3))]
    return lambda *tensors: function(tensors), arrays


@case("take", "index_select", "gather")
def _taken(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    shape, axis = draw(four), draw(small(0, 3))
    n = shape[axis]
    several = draw(st.lists(small(-n, n - 1), min_size=1, max_size=6))
    if function is F.index_select:
        return lambda x: function(x, axis, several), [standard(shape, rng)]
    if function is F.take:
        index = draw(st.sampled_from([several, [several, several], several[0]]))
        along = draw(st.sampled_from([axis, axis - 4, None]))
        return lambda x: function(x, index, along), [standard(shape, rng)]
    sizes = [draw(small(1, size)) for size in shape]
    sizes[axis] = len(several)
    places = rng.integers(-n, n, sizes)
    return lambda x: function(x, axis, places), [standard(shape, rng)]


@case("pixel_shuffle", "pixel_unshuffle", "depth_to_space", "space_to_depth")
def _blocks(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    b, (H, W) = draw(small(1, 2)), draw(pairs(1, 2))
    more = [draw(st.sampled_from(["DCR", "CRD"]))] if "depth" in function.__name__ else []
    shape = (2, b * b * draw(small(1, 2)), H, W)
    if function in (F.pixel_unshuffle, F.space_to_depth):
        shape = (2, 2, H * b, W * b)
    return lambda x: function(x, b, *more), [standard(shape, rng)]


@case("pad")
def _pad(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    H, W = draw(pairs(2, 4))
    mode = draw(st.sampled_from(["constant", "reflect", "replicate", "circular"]))
    around = [draw(small(-(n - 1) // 2, n - 1)) for n in (W, W, H, H)]
    if mode in ("reflect", "circular"):  # no crop: what is left bounds the other pad
        around = [max(n, 0) for n in around]
    return lambda x: function(x, around, mode, 1.5), [standard((2, 1, H, W), rng)]


@case("resize")
def _resize(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    own, new = draw(pairs(1, 5)), draw(pairs(1, 7))
    settings = {
        "mode": draw(st.sampled_from(["nearest", "linear", "cubic"])),
        "coordinate_transformation_mode": draw(
            st.sampled_from(["half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize"])
        ),
        "exclude_outside": draw(st.booleans()),
        "antialias": draw(st.booleans()),
        "extrapolation_value": 3.0,
        "roi": [0.1, -0.2, 1.3, 0.9],
    }
    return lambda x: function(x, new, **settings), [standard((2, 2, *own), rng)]


@case("interpolate")
def _interpolate(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    own, new = draw(pairs(1, 5)), draw(pairs(1, 7))
    mode = draw(st.sampled_from(["nearest", "nearest-exact", "area", "bilinear", "bicubic"]))
    return lambda x: function(x, new, mode=mode), [standard((1, 2, *own), rng)]


@case("layer_norm", "group_norm", "instance_norm", "standardise")
def _norm(function: Callable[..., Any], draw: Draw, rng: np.random.Generator) -> Case:
    """The deviation is far from 0, where the root has a kink, unless eps is large."""
    shape, eps = (draw(small(1, 2)), 4, 2, draw(small(1, 3))), draw(st.sampled_from([0.5, 1e-5]))
    x = rng.permuted(np.arange(np.prod(shape)).reshape(shape) / 8 - 1, axis=None)
    if function is F.standardise:
        axes = draw(st.sampled_from([(1, 2), (0, 2), (-3, -2, -1)]))
        return lambda t: F.standardise(t, axes, eps), [x]
    own = {"layer_norm": shape[2:], "group_norm": (4,), "instance_norm": (4,)}
    scales = [standard(own[function.__name__], rng) for _ in range(draw(small(0, 2)))]
    first = {"layer_norm": [shape[2:]], "group_norm": [2], "instance_norm": []}[function.__name__]
    return lambda t, *more: function(t, *first, *more, **({"eps": eps})), [x, *scales]
