"""What CUDA kernels are expected to take, from how much they multiply and move.

The rates are those of an A100's data sheet in float32 (19.5 Tflop/s, 1555 GB/s; NVIDIA, 2021), with
what a good kernel reaches of them. They are there to compare kernels, not to predict times, and
nothing of them was fitted to a measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

PRODUCTS = 0.9 * 9750
"""Multiply-adds a nanosecond of a blocked product, with nine tenths of its time in them."""
BYTES = 0.8 * 1555
"""Bytes a nanosecond from the GPU's memory."""
LAUNCH = 5e3
"""Nanoseconds until a kernel runs and its successor may."""


def multiplied(macs: float) -> float:
    """Nanoseconds of so many multiply-adds in a blocked product."""
    return macs / PRODUCTS


def moved(elements: float) -> float:
    """Nanoseconds of so many float32 through memory."""
    return 4 * elements / BYTES


@dataclass(frozen=True)
class Work:
    """What one call does.

    products: multiply-adds of blocked products.
    singles:  multiply-adds of naive sums, one a thread, of at most `chain` each.
    elements: float32 through the GPU's memory.
    launches: kernels that are begun.
    weights:  the elements that the weights' preparation moves, in a launch of its own.
    """

    products: float = 0
    singles: float = 0
    chain: float = 0
    elements: float = 0
    launches: float = 0
    weights: float = 0


class A100:
    """The rates of that GPU: nanoseconds of a `Work`."""

    def cost(self, work: Work) -> float:
        """Of a call.

        A thread of a naive sum loads its two factors from the nearest cache, four bytes a lane: a
        multiply-add in eight cycles at best. Few sums leave most of the GPU idle, and then it is
        the wait for one load after the other, some 30 ns, that counts.
        """
        return (
            multiplied(work.products)
            + max(work.singles * 8 / PRODUCTS, work.chain * 30)
            + moved(work.elements)
            + work.launches * LAUNCH
            + self.preparation(work)
        )

    def preparation(self, work: Work) -> float:
        """What of it depends on the weights alone."""
        return moved(work.weights) + LAUNCH if work.weights else 0.0


GPU = A100()
