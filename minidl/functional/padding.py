"""Padding by a constant, by reflection, by the edge, and circular; negative pads crop.

Every mode but the constant takes elements of the plane along each axis in turn, the padding's
included: a `take`, whose derivative adds where an element was taken several times.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.functional import arguments
from minidl.functional.moving import take
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]
Pads = tuple[tuple[int, int], ...]
MODES = "constant", "reflect", "replicate", "circular"


def pad(
    x: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """x with elements added before and after it, as `torch.nn.functional.pad`.

    pad:   (before, after) of the last axis, then of the one before it, and so on; negative ones
           crop. With (left, right, top, bottom) images are padded.
    mode:  "constant": by `value`, or 0. "reflect": mirrored at the edge, which is not repeated.
           "replicate": by the edge. "circular": by the opposite side.
    Every mode takes any number of axes. "reflect" needs pads shorter than the axis, "circular" no
    longer ones, of what is left after cropping. ValueError for pads that do not fit.
    """
    arguments.tensor(x, "pad", "x")
    flat = arguments.integers(pad, "pad: pad")
    if len(flat) % 2 or len(flat) > 2 * x.ndim:
        raise ValueError(
            f"pad: pad must have two numbers for each of the last axes of {x.shape}, got {flat}"
        )
    arguments.one_of(mode, MODES, "pad: mode")
    filler = 0.0 if value is None else arguments.number(value, "pad: value")
    pairs = tuple(zip(flat[::2], flat[1::2], strict=True))[::-1]  # the last axis comes first
    pads = ((0, 0),) * (x.ndim - len(pairs)) + pairs
    _check(x, pads)
    if mode == "constant":
        return _constant(x, pads, filler)
    for axis, pair in enumerate(pads):
        if pair != (0, 0):
            x = take(x, sources(x.shape[axis], pair, mode, x.shape), axis)
    return x


def _check(x: Tensor, pads: Pads) -> None:
    """ValueError for a crop of more than there is, and for a result that is too large."""
    cropped = [n + min(a, 0) + min(b, 0) for n, (a, b) in zip(x.shape, pads, strict=True)]
    if min(cropped, default=0) < 0:
        raise ValueError(f"pad: pads {pads} crop more than there is of the shape {x.shape}")
    shape = [n + a + b for n, (a, b) in zip(x.shape, pads, strict=True)]
    arguments.result(shape, x.dtype, f"pad: {pads} around {x.shape}")


def _constant(x: Tensor, pads: Pads, value: float) -> Tensor:
    if not any(pair != (0, 0) for pair in pads):
        return x
    shape = tuple(n + a + b for n, (a, b) in zip(x.shape, pads, strict=True))
    data = np.full_like(x._array, value, shape=shape)  # in x's memory order
    inner = tuple(slice(max(a, 0), n - max(b, 0)) for n, (a, b) in zip(shape, pads, strict=True))
    outer = tuple(
        slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, pads, strict=True)
    )
    data[inner] = x._array[outer]
    return record("pad", data, (x,), pads=pads)


@gradient.rule("pad")
def _pad(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (_constant(gy, tuple((-a, -b) for a, b in node.saved["pads"]), 0.0),)


def sources(length: int, pair: tuple[int, int], mode: str, shape: tuple[int, ...]) -> np.ndarray:
    """The positions along an axis of which the padded axis is made.

    Crops come first: the padding repeats what is left, as in PyTorch.
    """
    before, after = (max(n, 0) for n in pair)
    first, left = max(-pair[0], 0), length + min(pair[0], 0) + min(pair[1], 0)
    longest = {"reflect": left - 1, "circular": left, "replicate": MOST if left else 0}[mode]
    if max(before, after) > max(longest, 0):
        raise ValueError(
            f"pad: mode {mode!r} pads an axis of {left} by at most {max(longest, 0)}, got {pair} "
            f"for the shape {shape}"
        )
    places = np.arange(-before, left + after)
    if mode == "replicate":
        places = places.clip(0, left - 1)
    elif mode == "circular":
        places %= max(left, 1)
    else:
        places = np.abs(places)
        places = np.where(places > left - 1, 2 * (left - 1) - places, places)
    return places + first


MOST = 2**62
"""More than any axis."""
