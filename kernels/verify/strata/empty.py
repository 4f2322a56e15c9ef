"""Stratum "empty": arrays without elements, one axis or several of length 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product

from kernels.contract.activation_geometry import ActivationGeometry
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.contract.plane_geometry import ConcatenateGeometry, PatchGeometry
from kernels.verify.strata import stages
from kernels.verify.strata.stratum import Stratum

Shape = tuple[int, ...]


def without(*sizes: int) -> Iterator[Shape]:
    """The sizes with any of them 0, one at least."""
    for kept in product((True, False), repeat=len(sizes)):
        if not all(kept):
            yield tuple(size if keep else 0 for size, keep in zip(sizes, kept, strict=True))


def _convolutions() -> Sequence[ConvGeometry]:
    """Without images, channels, filters or pixels: 3x3 and 1x1, in one group, in two, and with a
    group for each channel."""
    found = [
        ConvGeometry.of((N, groups * C, 5, 6), (groups * K, C, R, R), 1, R // 2, 1, groups)
        for N, C, K in without(2, 4, 3)
        for R in (1, 3)
        for groups in (1, 2)
    ]
    planes = [ConvGeometry.of((2, 4, H, W), (3, 4, 3, 3), 1, 2) for H, W in without(5, 6)]
    alone = [ConvGeometry.of((N, 17, H, W), (17, 1, 3, 3), 1, 2, 1, 17)
             for N, H, W in without(2, 5, 6)]  # fmt: skip
    return [*found, *planes, *alone, ConvGeometry.of((0, 3, 16, 16), (8, 3, 8, 8), 8)]


def _pools() -> Sequence[PoolGeometry]:
    """Without images or channels."""
    settings = ((2, 2, 0, False), (3, 2, 1, False), (3, 1, 0, True), (5, 5, 0, False))
    return [PoolGeometry.of((N, C, 6, 7), size, stride, padding, ceil_mode=ceil)
            for N, C in without(2, 8) for size, stride, padding, ceil in settings]  # fmt: skip


def _planes() -> Sequence[Shape]:
    return [(N, C, 3, 4) for N, C in without(2, 5)]


def _joined() -> Sequence[ConcatenateGeometry]:
    """Without images, or without channels in some of the arrays, or in all."""
    of = ConcatenateGeometry
    none = [of(0, (2, 3), 2, 3), of(2, (0, 0), 2, 3), of(0, (0,), 1, 1)]
    return [*none, of(2, (0, 3), 2, 3), of(2, (3, 0, 2), 2, 3)]


def _patches(part: bool) -> Sequence[PatchGeometry]:
    """Without patches or channels, or of no pixels."""
    size = (2, 3) if part else (0, 0)
    found = [PatchGeometry.of((N, C, 5, 6), N, (3, 3), size) for N, C in without(2, 3)]
    pixels = [PatchGeometry.of((2, 3, 5, 6), 2, (h, w), size) for h, w in without(3, 3)]
    return [*found, *pixels]


EMPTY = Stratum(
    "empty",
    {
        **dict.fromkeys(("conv2d", "conv2d_dgrad", "conv2d_wgrad"), _convolutions),
        **dict.fromkeys(("max_pool2d", "max_unpool2d", "max_unpool2d_vjp"), _pools),
        **dict.fromkeys(("avg_pool2d", "avg_pool2d_vjp"), _pools),
        **dict.fromkeys(
            ("local_response_norm", "local_response_norm_vjp"),
            lambda: [LRNGeometry.of(shape) for shape in _planes()],
        ),
        **dict.fromkeys(
            ("local_contrast_norm", "local_contrast_norm_vjp"),
            lambda: [LCNGeometry.of(shape, size=3) for shape in _planes()],
        ),
        "conv_relu_pool": stages.empty,
        "matmul": lambda: list(without(3, 4, 5)),
        "batched_matmul": lambda: list(without(2, 3, 4, 5)),
        **dict.fromkeys(
            ("relu", "relu_vjp", "sgd_step"),
            lambda: [(0,), *without(3, 4), *without(2, 3, 2, 2)],
        ),
        **dict.fromkeys(
            ("activation", "activation_vjp"),
            lambda: [ActivationGeometry.of("silu", shape) for shape in without(2, 3, 2, 2)],
        ),
        **dict.fromkeys(("softmax", "softmax_vjp"), lambda: list(without(2, 3, 4))),
        **dict.fromkeys(
            ("group_norm", "group_norm_vjp"),
            lambda: [GroupNormGeometry.of(shape, 2) for shape in without(2, 3, 4)],
        ),
        "concatenate": _joined,
        "plane_max": _planes,
        "patches_gather": partial(_patches, True),
        "patches_fill": partial(_patches, False),
        "random_bits": lambda: (0,),
    },
)
