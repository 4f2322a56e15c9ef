"""Hypothesis strategies for the geometries that properties are tried on.

`Ranges` bounds them. A property draws from ranges without what a kernel does not support
(`served.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.verify.arrays import pairs, small

Pairs = tuple[tuple[int, int], ...]


def pairs_to(most: int) -> Pairs:
    """(1, 1) to (most, most), smallest first, since examples shrink towards the first."""
    upto = range(1, most + 1)
    return tuple(sorted(product(upto, upto), key=lambda pair: (sum(pair), pair)))


@dataclass(frozen=True)
class Ranges:
    """Ranges that a convolution's geometry is drawn from.

    pads:      of each side, "past" for up to one more than the window's extent (up to 5).
    symmetric: the same pads before and after, as PyTorch supports them.
    channels:  smallest and largest C/groups and K/groups.
    pixels:    the smallest H and W: 0 for planes of padding alone.
    beyond:    largest number of pixels by which the plane exceeds the window.
    unit:      C/groups and K/groups are multiples of it.
    stretch:   directions in which to be very large, one at a time; "" for none.
    fan:       at least as many filters as channels, as in a first layer.
    work:      most multiply-adds; channels and images are fewer where windows are large.
    """

    sizes: Pairs
    strides: Pairs
    dilations: Pairs
    groups: Sequence[int] = (1, 2)
    pads: tuple[int, int | str] = (-2, 4)
    symmetric: bool = False
    images: tuple[int, int] = (1, 2)
    channels: tuple[int, int] = (1, 2)
    unit: int = 1
    pixels: int = 1
    beyond: int = 3
    fan: bool = False
    work: int = 10**9
    stretch: Sequence[str] = ("",)

    def stretched(self, along: str) -> Ranges:
        """The same ranges, very large in one direction and small in the others."""
        match along:
            case "pixels":
                return replace(self, beyond=300, images=(1, 1), channels=(1, 3))
            case "images":
                return replace(self, beyond=8, images=(1, 24), channels=(1, 6))
            case "channels":
                return replace(self, beyond=3, images=(1, 1), channels=(1, 300))
            case "filters":
                return replace(self, beyond=60, images=(1, 1), channels=(1, 150), fan=True)
            case _:
                return self

    def filled(self) -> Ranges:
        """The same ranges without empty arrays."""
        images, channels = ((max(1, least), most) for least, most in (self.images, self.channels))
        return replace(self, images=images, channels=channels, pixels=max(1, self.pixels))


MODEST = Ranges(pairs_to(3), pairs_to(3), pairs_to(2))
"""Small enough for finite differences."""

SMALL = Ranges(
    sizes=pairs_to(11),
    strides=pairs_to(4),
    dilations=pairs_to(3),
    groups=(1, 2, 3, 4),
    pads=(-2, "past"),
    images=(0, 2),
    channels=(0, 3),
    pixels=0,
    beyond=6,
    work=4000,
)
"""All kinds of convolutions, in sizes small enough for the definition's loops."""

LARGE = Ranges(
    sizes=pairs_to(5),
    strides=pairs_to(4),
    dilations=pairs_to(2),
    groups=(1, 2, 3),
    pads=(-1, 2),
    images=(1, 5),
    channels=(1, 70),
    beyond=30,
    work=600_000,
    stretch=("", "pixels", "images", "channels", "filters"),
)
"""Sizes larger than the tiles and blocks of an algorithm, and not multiples of them: some hundreds
of pixels, or channels, or filters, or some dozens of images."""


@st.composite
def conv_geometries(draw: st.DrawFn, ranges: Ranges = MODEST, **changed: Any) -> ConvGeometry:
    """Strides, dilations, groups, crops, padding wider than the window, and rows without a window.

    `changed` replaces fields of `ranges`.
    """
    ranges = replace(ranges, **changed)
    if draw(small(0, 19)) < 19:  # a few examples are empty
        ranges = ranges.filled()
    ranges = ranges.stretched(draw(st.sampled_from(ranges.stretch)))
    R, S = draw(st.one_of(st.sampled_from(ranges.sizes[:9]), st.sampled_from(ranges.sizes)))
    stride, dilation = (
        draw(st.sampled_from(ranges.strides)),
        draw(st.sampled_from(ranges.dilations)),
    )
    spans = (R - 1) * dilation[0] + 1, (S - 1) * dilation[1] + 1
    (top, bottom), (left, right) = (draw(_pads(ranges, span)) for span in spans)
    H, W = (
        max(ranges.pixels, span - around) + draw(small(0, ranges.beyond))
        for span, around in zip(spans, (top + bottom, left + right), strict=True)
    )
    groups = draw(st.sampled_from(ranges.groups))
    four = top, bottom, left, right
    one = ConvGeometry.of((1, groups, H, W), (groups, 1, R, S), stride, four, dilation, groups)
    budget = ranges.work // one.macs  # left for images, channels and filters of a group
    N = draw(small(ranges.images[0], max(1, min(ranges.images[1], budget))))
    least, most = ranges.channels
    one_side = ranges.unit * draw(small(least, max(1, min(most, budget // max(N, 1)))))
    other = ranges.unit * draw(small(least, max(1, min(most, budget // max(N * one_side, 1)))))
    few, many = sorted((one_side, other))
    C, K = (few, many) if ranges.fan or draw(st.booleans()) else (many, few)
    shapes = (N, groups * C, H, W), (groups * K, C, R, S)
    return ConvGeometry.of(*shapes, stride, four, dilation, groups)


def _pads(ranges: Ranges, span: int) -> st.SearchStrategy[tuple[int, int]]:
    least, most = ranges.pads
    side = small(least, min(span + 1, 5) if isinstance(most, str) else most)
    return side.map(lambda pad: (pad, pad)) if ranges.symmetric else st.tuples(side, side)


def counts(least: int, most: int) -> st.SearchStrategy[int]:
    """A number of images or channels. Seldom 0, for then every property holds; large ones are often
    near the largest, since the remainder after the last whole block is where errors are."""
    if least:
        return st.one_of(small(least, most), small(max(least, most - 9), most))
    some = [*range(1, most + 1)] * 3
    return st.sampled_from([*some, 0, *some])  # hypothesis draws the ends of a list more often


@st.composite
def pool_geometries(
    draw: st.DrawFn,
    torch: bool = False,
    least: int = 1,
    ceil_mode: st.SearchStrategy[bool] = st.booleans(),  # noqa: B008  (a strategy is immutable)
    most_dilated: int = 2,
    most: int = 3,
    beyond: int = 3,
    most_channels: int = 3,
    windows: Pairs | None = None,
    strides: Pairs | None = None,
    padded: bool = True,
    fewest_channels: Sequence[int] = (1,),
) -> PoolGeometry:
    """Overlapping windows, gaps, padding, crops, `ceil_mode`; with `torch` only what PyTorch has.

    most:    largest window and stride, unless `windows` and `strides` list them.
    padded:  if false, neither padding nor cropping.
    fewest_channels: if one is not 1, the smallest number of channels; more are drawn as otherwise.
    """
    sizes = list(windows or pairs_to(most))
    R, S = draw(st.one_of(st.sampled_from(sizes[:9]), st.sampled_from(sizes)))
    stride = draw(st.sampled_from(list(strides or pairs_to(most))))
    dilation = draw(pairs(1, most_dilated))
    (top, bottom), (left, right) = (draw(_pool_pads(size, torch, padded)) for size in (R, S))
    ceil = min(bottom, right) >= 0 and draw(ceil_mode)
    spans = (R - 1) * dilation[0] + 1, (S - 1) * dilation[1] + 1
    H, W = (
        max(1, span - around) + draw(small(0, beyond))
        for span, around in zip(spans, (top + bottom, left + right), strict=True)
    )
    images, channels = draw(counts(least, 2)), draw(counts(least, most_channels))
    if max(fewest_channels) > 1:
        channels += draw(st.sampled_from(fewest_channels))
    shape, four = (images, channels, H, W), (top, bottom, left, right)
    include = draw(st.booleans())
    try:
        return PoolGeometry.of(shape, (R, S), stride, four, dilation, ceil, include)
    except ValueError as error:
        assume("nothing but padding" not in str(error))
        raise


def _pool_pads(size: int, torch: bool, padded: bool) -> st.SearchStrategy[tuple[int, int]]:
    if not padded:
        return st.just((0, 0))
    side = small(0 if torch else -1, size // 2)
    return side.map(lambda pad: (pad, pad)) if torch else st.tuples(side, side)


def contrast_geometries(
    planes: st.SearchStrategy[tuple[int, int, int, int]],
) -> st.SearchStrategy[LCNGeometry]:
    """Windows wider than the plane, both borders, floors that are the divisor and that are not."""
    return st.builds(
        LCNGeometry.of,
        planes,
        size=st.sampled_from([1, 3, 5, 9]),
        sigma=st.floats(0.5, 3),
        border=st.sampled_from(["corrected", "zero"]),
        floor=st.sampled_from([1e-4, 0.5]),
    )


def response_geometries(
    planes: st.SearchStrategy[tuple[int, int, int, int]], sizes: st.SearchStrategy[int]
) -> st.SearchStrategy[LRNGeometry]:
    """Windows of even and odd sizes, some larger than C; beta 0.75 and others."""
    return st.builds(
        LRNGeometry.of,
        planes,
        size=sizes,
        alpha=st.one_of(st.just(0.0), st.floats(1e-4, 2)),  # no values that float32 rounds to 0
        beta=st.sampled_from([0.5, 0.75, 1.0, 1.3]),
        k=st.floats(0.5, 2),
    )
