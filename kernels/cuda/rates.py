"""What CUDA kernels are expected to take, from how much they multiply and move.

The rates are those of an A100's data sheet in float32 (19.5 Tflop/s, 1555 GB/s; NVIDIA, 2021), with
what a good kernel reaches of them. They are there to compare kernels, not to predict times, and
nothing of them was fitted to a measurement.
"""

from __future__ import annotations

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


def one_by_one(macs: float, sums: float, chain: float) -> float:
    """Nanoseconds of naive sums, one a thread, of at most `chain` multiply-adds.

    Each loads its two factors from the nearest cache, four bytes a lane: a multiply-add in eight
    cycles at best. Few sums leave most of the GPU idle, and then it is the wait for one load
    after the other, some 30 ns, that counts.
    """
    return max(macs * 8 / PRODUCTS, chain * 30 if sums else 0.0)
