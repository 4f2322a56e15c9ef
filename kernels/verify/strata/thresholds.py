"""Stratum "thresholds": one below, at and above the sizes at which code takes another path.

Blocks, vectors, grids and index types end at powers of two. Each size is varied by itself, the
others being small, so that the failing geometry names the size; then several at once, since the
remainder of three loops may be wrong only where all three have one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any

from kernels.contract.activation_geometry import (
    FUNCTIONS,
    WITH_PARAMETER,
    ActivationGeometry,
)
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.contract.plane_geometry import ConcatenateGeometry, PatchGeometry
from kernels.verify.strata.stages import around_thresholds
from kernels.verify.strata.stratum import Stratum


def around(*sizes: int) -> tuple[int, ...]:
    """Each size, one less and one more."""
    return tuple(size + step for size in sizes for step in (-1, 0, 1))


BLOCKS = around(16, 32, 64, 128, 256, 512)
INDICES = around(2**15, 2**16)
"""Where 16-bit indices and the grid's second and third dimension end."""
LENGTHS = (*BLOCKS, *around(1024), *INDICES)
FEW = (5, 7, 8, 9, 12, 24, 40, 48, 96)
"""Multiples of vector lengths and numbers between them."""


def _conv(
    N: int = 1, C: int = 2, K: int = 3, H: int = 5, W: int = 6, R: int = 3, S: int = 3,
    stride: Any = 1, padding: Any = 1, dilation: Any = 1, groups: int = 1,
) -> ConvGeometry:  # fmt: skip
    """A small convolution, with some of its sizes replaced; C and K are those of all groups."""
    shapes = (N, C, H, W), (K, C // groups, R, S)
    return ConvGeometry.of(*shapes, stride, padding, dilation, groups)


def _lengths() -> Iterator[ConvGeometry]:
    """Batches, channels, filters, rows and columns, one at a time."""
    for size in (*FEW, *LENGTHS):
        yield _conv(N=size, C=1, K=2, H=2, W=3, R=2, S=2, padding=0)
        yield _conv(C=size, K=2, H=3, W=2, R=1, S=2, padding=0)
        yield _conv(K=size, C=2, H=3, W=2, R=1, S=2, padding=0)
        yield _conv(H=size, C=1, W=3, K=2)
        yield _conv(W=size, C=1, H=3, K=2)
    for size in (*FEW, *BLOCKS):
        yield _conv(C=size, K=size + 1, H=3, W=3)
        yield _conv(C=2 * size, K=4, groups=2, H=3, W=3)


def _groups() -> Iterator[ConvGeometry]:
    """Depthwise, with one filter or two a channel, and groups of two and three channels."""
    for groups in (*FEW, *BLOCKS, 144, 960):
        yield _conv(C=groups, K=groups, groups=groups)
        yield _conv(C=groups, K=2 * groups, groups=groups, H=4, W=4, stride=2)
        yield _conv(C=2 * groups, K=3 * groups, groups=groups, H=3, W=3)
    for groups, window in product((8, 15, 32), (5, 7)):
        around_ = window // 2
        yield _conv(
            C=groups, K=groups, groups=groups, H=9, W=11, R=window, S=window, padding=around_
        )


def _settings() -> Iterator[ConvGeometry]:
    """Long strides, dilations, pads and windows."""
    for stride in (4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33):
        yield _conv(stride=stride, H=2 * stride + 3, W=3 * stride + 4)
        yield _conv(stride=(stride, 1), H=2 * stride + 3)
        yield _conv(stride=(1, stride), W=2 * stride + 4)
    for dilation in (2, 3, 4, 5, 6, 7, 8, 12, 16, 18, 24, 36):
        yield _conv(dilation=dilation, padding=dilation, H=dilation + 3, W=2 * dilation + 3)
        yield _conv(dilation=(dilation, 1), H=2 * dilation + 3, padding=0)
        yield _conv(dilation=(1, dilation), W=2 * dilation + 4, padding=0)
        yield _conv(dilation=(dilation, dilation - 1), padding=0, H=3 * dilation, W=3 * dilation)
        yield _conv(dilation=dilation, stride=2, padding=0, H=2 * dilation + 5, W=2 * dilation + 4)
    for pad in (5, 6, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33):
        yield _conv(padding=pad)
        yield _conv(padding=(pad, 0, 1, 2))
        yield _conv(padding=(0, 1, 2, pad))
        yield _conv(R=2 * pad + 1, S=3, padding=(pad, pad, 1, 1))
    for window in (8, 9, 11, 12, 13, 14, 15, 16, 17, 31, 32, 33, 64):
        yield _conv(R=window, S=window, H=window + 2, W=window + 3, padding=0)
        yield _conv(R=window, S=1, H=window + 3, padding=0)
        yield _conv(R=1, S=window, W=window + 3, padding=0)


def _patches_and_planes() -> Iterator[ConvGeometry]:
    """Stride equal to the window (patch embedding), and windows as large as the plane."""
    for size in (2, 3, 4, 5, 7, 8, 9, 12, 14, 16, 17, 32):
        yield _conv(R=size, S=size, stride=size, padding=0, H=2 * size, W=3 * size)
        yield _conv(R=size, S=size, stride=size, padding=0, H=2 * size + 1, W=2 * size + 1, K=9)
        yield _conv(R=size, S=size, padding=0, H=size, W=size, C=5, K=17)
    for H, W in ((181, 182), (256, 257), (17, 241)):
        yield _conv(H=H, W=W, C=1, K=2, R=3, S=2)


def _tails() -> Iterator[ConvGeometry]:
    """Remainders of several loops at once."""
    for C, K in product((17, 33, 65, 129), (17, 33, 65, 130)):
        yield _conv(N=2, C=C, K=K, H=15, W=17, R=1, S=1, padding=0)
        yield _conv(C=C, K=K, H=16, W=15, R=3, S=3)
    for N, groups in ((3, 1), (17, 1), (33, 1), (2, 3)):
        yield _conv(N=N, C=9 * groups, K=19 * groups, H=13, W=21, groups=groups, stride=2)
        yield _conv(N=N, C=18 * groups, K=9 * groups, H=7, W=11, groups=groups, R=5, S=5, padding=2)


def _convolutions() -> Sequence[ConvGeometry]:
    return [*_lengths(), *_groups(), *_settings(), *_patches_and_planes(), *_tails()]


def _pools() -> Sequence[PoolGeometry]:
    of, found = PoolGeometry.of, []
    for size in (*FEW, *LENGTHS):
        found += [of((size, 1, 2, 3), 2, 1), of((1, size, 3, 2), 2, 1)]
        found += [of((1, 2, size, 3), (3, 2), 1, (1, 1, 0, 0)), of((1, 2, 3, size), (2, 3), (1, 2))]
        found += [of((1, 1, 3, size), (2, 2), (1, 1))]
    for size in (4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 31, 33, 64):
        found += [of((2, 9, size, size), size), of((1, 3, 2 * size, 3 * size + 1), size, size)]
        found += [of((1, 3, 2 * size, 3 * size + 1), size, size, ceil_mode=True)]
        found += [
            of((1, 2, 2 * size + 1, 3 * size), 3, size),
            of((1, 2, size + 2, size + 3), size, 1),
        ]
        found += [of((1, 3, size, size), size, 1, size // 2, count_include_pad=False)]
    for dilation in (3, 4, 5, 8):
        found += [of((1, 5, 3 * dilation, 4 * dilation), 3, 2, 0, dilation)]
    for H, W in ((181, 182), (256, 257), (129, 511)):
        found += [of((1, 1, H, W), 2), of((1, 2, H, W), 3, 2, 1)]
    for size in around(128, 256, 512):
        found += [of((1, 3, size, 5), 3, 2, ceil_mode=True), of((1, 3, 5, size), 2, ceil_mode=True)]
        found += [of((1, 2, size, 4), (3, 2), (3, 2), (1, 0), ceil_mode=True)]
    return [*found, of((3, 33, 17, 19), 3, 2, 1), of((17, 65, 9, 9), 3, 2, ceil_mode=True)]


def _responses() -> Sequence[LRNGeometry]:
    of = LRNGeometry.of
    found = [of((1, C, 2, 3), size, 0.7) for C in (*FEW, *LENGTHS) for size in (4, 5)]
    found += [of((1, C, 2, 2), size, 1.5) for C in (70, 130, 260) for size in (2, 15, 33, 64, 128)]
    return found + [of(shape, 5, 0.9) for shape in _planes()]


def _planes() -> Iterator[tuple[int, int, int, int]]:
    """Batches, rows, columns and all remainders at once."""
    for size in (*FEW, *LENGTHS):
        yield from ((size, 2, 1, 2), (1, 3, size, 1), (1, 3, 1, size))
    yield from ((3, 33, 17, 19), (2, 65, 15, 33))


def _contrasts() -> Sequence[LCNGeometry]:
    """Channels too; without the longest, since the definition's bound compares all rows."""
    shapes = [shape for shape in _planes() if max(shape) <= 1025]
    shapes += [(1, C, 3, 4) for C in (*FEW, *BLOCKS)]
    return [LCNGeometry.of(shape, size, 1.5) for shape in shapes for size in (5, 9)]


def _matrices() -> Sequence[tuple[int, int, int]]:
    found = [three for size in (*FEW, *LENGTHS)
             for three in ((size, 3, 5), (3, size, 5), (3, 5, size))]  # fmt: skip
    found += [(size, size, size) for size in (*FEW, *around(16, 32, 64, 128))]
    tails = (33, 65, 129), (129, 33, 257), (1, 513, 513), (513, 1, 513), (301, 302, 303)
    return [*found, *tails]


def _batches() -> Sequence[tuple[int, int, int, int]]:
    found = [(B, *three) for size in (*FEW, *around(32, 64, 128, 256)) for B in (1, 3)
             for three in ((size, 3, 5), (3, size, 5), (3, 5, size))]  # fmt: skip
    return [*found, *((B, 3, 2, 4) for B in (*FEW, *around(16, 32, 64))), (2, 301, 302, 33)]


def _shapes() -> Sequence[tuple[int, ...]]:
    found: list[tuple[int, ...]] = [(size,) for size in (*FEW, *LENGTHS, 2**20 + 1)]
    found += [(size, 3) for size in LENGTHS] + [(3, 5, size) for size in BLOCKS]
    return [*found, *_planes(), (1, 300, 5, 7)]


def _activations() -> Sequence[ActivationGeometry]:
    """Functions in turn, each of many sizes."""
    names = [*FUNCTIONS]
    sizes = [(size,) for size in (*FEW, *BLOCKS, *around(1024), 2**16 + 1)] + [(3, 5, 33)]
    pairs = [(names[i % len(names)], size) for i, size in enumerate(sizes * 3)]
    return [
        ActivationGeometry.of(name, size, 0.3 if name in WITH_PARAMETER else None)
        for name, size in pairs
    ]


def _rows() -> Sequence[tuple[int, int, int]]:
    found = [shape for size in (*FEW, *LENGTHS) for shape in ((1, 2, size), (1, size, 3))]
    return [*found, *((size, 1, 2) for size in BLOCKS), (3, 17, 301)]


def _normalised() -> Sequence[GroupNormGeometry]:
    """Rows, positions and channels, one group, several and one a channel; pieces of planes."""
    of, found = GroupNormGeometry.of, []
    for size in (*FEW, *BLOCKS, *around(1024)):
        found += [of((size, 1, 3)), of((2, 1, size)), of((2, 1, 4 * size), 4), of((2, size, 3))]
        found += [of((2, size, 6), 2), of((1, 5, size), size), of((1, 5, 2 * size), 2)]
    return [*found, of((1, 3000, 40), 8), of((2, 1200, 33), 33), of((1, 16385, 2), 2)]


def _four_axes() -> Sequence[tuple[int, ...]]:
    return [*_planes(), *((2, C, 3, 2) for C in (*FEW, *LENGTHS))]


def _joined() -> Sequence[ConcatenateGeometry]:
    found = [ConcatenateGeometry(2, (C, 3, C), 2, 3) for C in (*FEW, *LENGTHS)]
    found += [ConcatenateGeometry(1, (1,) * count, 3, 2) for count in (8, 9, 17, 33)]
    return found + [ConcatenateGeometry(N, (C, 2), H, W) for N, C, H, W in _planes()]


def _patches(part: bool) -> Sequence[PatchGeometry]:
    found = []
    for size in (*FEW, *around(16, 32, 64, 128, 256)):
        for plane, shape in (((1, 2, size, 5), (3, 4)), ((1, 2, 5, size), (4, 3)),
                             ((1, 2, 9, 9), (size, 3)), ((1, 2, 9, 9), (3, size)),
                             ((1, size, 4, 4), (3, 3))):  # fmt: skip
            found.append(PatchGeometry.of(plane, 1, shape, (2, 3) if part else (0, 0)))
        found.append(PatchGeometry.of((size, 2, 4, 4), size, (3, 3), (2, 2) if part else (0, 0)))
    return found


THRESHOLDS = Stratum(
    "thresholds",
    {
        **dict.fromkeys(("conv2d", "conv2d_dgrad", "conv2d_wgrad"), _convolutions),
        **dict.fromkeys(("max_pool2d", "max_unpool2d", "max_unpool2d_vjp"), _pools),
        **dict.fromkeys(("avg_pool2d", "avg_pool2d_vjp"), _pools),
        **dict.fromkeys(("local_response_norm", "local_response_norm_vjp"), _responses),
        **dict.fromkeys(("local_contrast_norm", "local_contrast_norm_vjp"), _contrasts),
        "conv_relu_pool": around_thresholds((*FEW, *BLOCKS)),
        "matmul": _matrices,
        "batched_matmul": _batches,
        **dict.fromkeys(("relu", "relu_vjp", "sgd_step"), _shapes),
        **dict.fromkeys(("activation", "activation_vjp"), _activations),
        **dict.fromkeys(("softmax", "softmax_vjp"), _rows),
        **dict.fromkeys(("group_norm", "group_norm_vjp"), _normalised),
        "plane_max": _four_axes,
        "concatenate": _joined,
        "patches_gather": partial(_patches, True),
        "patches_fill": partial(_patches, False),
        "random_bits": lambda: (*FEW, *LENGTHS),
    },
)
