"""Cost model of the CUDA kernels: nanoseconds from multiply-adds and bytes.

The rates are those of an A100's data sheet in float32 (19.5 Tflop/s, 1555 GB/s; NVIDIA, 2021),
times the share of them that a good kernel reaches. They serve to compare kernels, not to predict
times. None of them was fitted to a measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

PRODUCTS = 0.9 * 9750
"""Multiply-adds a nanosecond of a blocked product at nine tenths of the peak."""
BYTES = 0.8 * 1555
"""Bytes a nanosecond of the GPU's memory, at four fifths of its bandwidth."""
LAUNCH = 5e3
"""Nanoseconds of a launch."""


def multiplied(macs: float) -> float:
    """Nanoseconds of so many multiply-adds in a blocked product."""
    return macs / PRODUCTS


def moved(elements: float) -> float:
    """Nanoseconds of so many float32 through memory."""
    return 4 * elements / BYTES


@dataclass(frozen=True)
class Work:
    """The work of one call.

    products: multiply-adds of blocked products.
    singles:  multiply-adds of naive sums, one a thread, of at most `chain` each.
    elements: float32 through the GPU's memory.
    launches: kernels launched.
    weights:  the elements that the weights' preparation moves, in a launch of its own.
    """

    products: float = 0
    singles: float = 0
    chain: float = 0
    elements: float = 0
    launches: float = 0
    weights: float = 0


class A100:
    """The rates of an A100: nanoseconds of a `Work`."""

    def cost(self, work: Work) -> float:
        """Nanoseconds of a call.

        A thread of a naive sum loads its two factors from the L1 cache, four bytes per lane: a
        multiply-add in eight cycles at best. With few sums most of the GPU is idle, and the
        latency of one load after the other, some 30 ns, is the limit.
        """
        return (
            multiplied(work.products)
            + max(work.singles * 8 / PRODUCTS, work.chain * 30)
            + moved(work.elements)
            + work.launches * LAUNCH
            + self.preparation(work)
        )

    def preparation(self, work: Work) -> float:
        """Nanoseconds of the part that depends on the weights alone."""
        return moved(work.weights) + LAUNCH if work.weights else 0.0


GPU = A100()
