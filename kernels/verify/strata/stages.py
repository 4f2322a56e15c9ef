"""Stages of the strata: a convolution with bias and ReLU, then max-pooling, by several kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.stage_geometry import StageGeometry

CONVOLUTIONS = ("winograd_1d", "winograd_tiles", "direct", "im2col", "implicit_gemm", "naive")
"""Kernels of `conv2d` by which a stage is computed, of either device. A stage of a convolution that
the device has not, or that does not serve the geometry, is not one that its kernels support."""

Pooling = tuple[int, int, int]
"""Window, stride and padding."""


def stages(pairs: Iterable[tuple[ConvGeometry, Pooling]]) -> Iterator[StageGeometry]:
    """A stage for each convolution, pooling and kernel of `CONVOLUTIONS`."""
    for g, (size, stride, padding) in pairs:
        pool = PoolGeometry.of(g.y_shape, size, stride, padding)
        yield from (StageGeometry(g, pool, name) for name in CONVOLUTIONS)


def small(
    N: int = 1, C: int = 2, K: int = 3, H: int = 9, W: int = 10, R: int = 3, stride: int = 1
) -> ConvGeometry:
    """A small convolution of R x R windows, padded to the same size."""
    return ConvGeometry.of((N, C, H, W), (K, C, R, R), stride, R // 2)


def around_thresholds(sizes: Sequence[int]) -> Callable[[], Sequence[StageGeometry]]:
    """Batches, channels, filters, rows and columns of these sizes, one at a time, and remainders of
    several at once; the filters beside as many as fused kernels take."""

    def listed() -> Sequence[StageGeometry]:
        some = [
            g for size in sizes
            for g in (small(N=size, C=1, K=64, H=5, W=5), small(C=size, K=64),
                      small(K=size), small(K=size, R=5, stride=2), small(H=size, K=64),
                      small(W=size, K=64))
        ]  # fmt: skip
        tails = [small(3, 17, 65, 15, 17), small(2, 3, 96, 33, 31, 7, 2), small(2, 33, 90, 9, 21)]
        pooled = [(g, (2, 2, 0)) for g in some] + [(g, (3, 2, 1)) for g in tails]
        return [*stages(pooled), *stages((g, (3, 2, 0)) for g in some[::3])]

    return listed


def empty() -> Sequence[StageGeometry]:
    """Without images, channels or filters."""
    some = small(N=0), small(C=0), small(K=0), small(N=0, C=0, K=0)
    return list(stages((g, (2, 2, 0)) for g in some))
