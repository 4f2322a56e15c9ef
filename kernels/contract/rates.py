"""Fitted rates of the convolution kernels: nanoseconds of a product, of a term and so on.

They were fitted (least squares of logarithms) to each kernel's times: on two cores with AVX-512 for
1,000 drawn geometries per operation and layers of networks (`wide`), and on two cores with AVX2 for
220 (`narrow`). Vectors of half the length make products slower but not the rest, so that other
kernels are faster there. The rates serve to compare kernels, on other machines too.
`python -m bench pick` draws other convolutions and shows how good the choices are.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernels.contract.costs import Rates
from kernels.contract.machine import MACHINE


@dataclass(frozen=True)
class Fitted:
    """Rates of one kernel with vectors of 64 bytes, and of fewer; `wide` alone is for both."""

    wide: Rates
    narrow: Rates | None = None

    @property
    def here(self) -> Rates:
        """The rates for this machine."""
        return self.wide if self.narrow is None or MACHINE.width >= 64 else self.narrow


FITTED: dict[str, Fitted] = {
    "conv2d depthwise": Fitted(
        Rates(product=0.01, term=0, output=0.05, weight=0.5, call=5e3, run=1.0),
    ),
    "conv2d direct": Fitted(
        wide=Rates(
            product=0.0058,
            term=0.149,
            output=0.167,
            weight=1.29,
            call=15.5e3,
            run=5.49,
            read=0.166,
        ),
        narrow=Rates(product=0.0139, term=0.242, output=0.94, weight=1.92, call=95.8e3),
    ),
    "conv2d im2col": Fitted(
        wide=Rates(product=0.00892, term=0.279, output=0.085, weight=0.371, call=8.7e3, run=3.39),
        narrow=Rates(product=0.0171, term=0.566, output=0.381, weight=0.677, call=29e3, run=9.06),
    ),
    "conv2d loops": Fitted(
        wide=Rates(product=0.223, term=0.486, output=2.67, weight=0, call=7.04e3),
        narrow=Rates(product=0.5, term=0.5, output=0, weight=0, call=25e3),
    ),
    "conv2d pointwise": Fitted(
        wide=Rates(product=0.005, term=0.02, output=0.06, weight=1.29, call=8e3),
        narrow=Rates(product=0.0118, term=0.00107, output=0.4, weight=1.92, call=28e3),
    ),
    "conv2d sliding": Fitted(
        wide=Rates(
            product=0.0052,
            term=0.0257,
            output=0.06,
            weight=1.29,
            call=12e3,
            run=0.3,
            read=0.05,
        ),
        narrow=Rates(product=0.0122, term=0.0792, output=0.177, weight=1.92, call=34e3),
    ),
    "conv2d winograd": Fitted(
        Rates(product=0.00946, term=2.68, output=1.35, weight=1.83, call=338e3),
    ),
    "conv2d winograd_1d": Fitted(
        wide=Rates(product=0.005, term=0.199, output=0.0495, weight=0.524, call=16.7e3, read=0.082),
        narrow=Rates(product=0.0182, term=0.111, output=0.285, weight=2.12, call=62.2e3),
    ),
    "conv2d winograd_tiles": Fitted(
        wide=Rates(
            product=0.00473, term=0.298, output=0.111, weight=0.29, call=21.3e3, run=5.23, read=0.12
        ),
        narrow=Rates(product=0.0195, term=1.25, output=0.665, weight=0.589, call=98.7e3, read=0.12),
    ),
    "conv2d_dgrad col2im": Fitted(
        wide=Rates(product=0.00851, term=0.217, output=0.086, weight=0.268, call=7.94e3, run=2.31),
        narrow=Rates(product=0.0192, term=0.734, output=0.203, weight=1.31, call=20.3e3, run=11.7),
    ),
    "conv2d_dgrad depthwise": Fitted(
        Rates(product=0.01, term=0, output=0.05, weight=0.5, call=5e3, run=1.0),
    ),
    "conv2d_dgrad direct": Fitted(
        wide=Rates(product=0.00478, term=0.147, output=0.154, weight=0.438, call=54.7e3, run=7.52),
        narrow=Rates(product=0.0147, term=0.294, output=0.645, weight=0.769, call=207e3),
    ),
    "conv2d_dgrad flipped": Fitted(
        wide=Rates(product=0.0103, term=0.255, output=0.102, weight=0.918, call=21.9e3, run=3.99),
        narrow=Rates(product=0.0175, term=0.61, output=0.403, weight=3.76, call=73.9e3, run=9.76),
    ),
    "conv2d_dgrad folding": Fitted(
        wide=Rates(product=0.00648, term=0.0573, output=13.5, weight=0.461, call=14.8e3, run=4.46),
        narrow=Rates(product=0.0163, term=0.208, output=55.9, weight=2.75, call=41.7e3),
    ),
    # (as "conv2d pointwise", whose loops it runs; the weights are transposed besides)
    "conv2d_dgrad pointwise": Fitted(
        wide=Rates(product=0.005, term=0.02, output=0.06, weight=2.58, call=8e3),
        narrow=Rates(product=0.0118, term=0.00107, output=0.4, weight=3.84, call=28e3),
    ),
    "conv2d_dgrad winograd_tiles": Fitted(
        wide=Rates(product=0.00641, term=0.293, output=0.135, weight=0.204, call=32.1e3, run=5.07),
        narrow=Rates(product=0.0179, term=1.15, output=0.746, weight=0.475, call=94e3),
    ),
    "conv2d_wgrad depthwise": Fitted(
        Rates(product=0.01, term=0, output=0.05, weight=0.5, call=5e3, run=1.0),
    ),
    "conv2d_wgrad direct": Fitted(
        wide=Rates(product=0.00364, term=0.179, output=0.125, weight=0.931, call=16.7e3, run=6.13),
        narrow=Rates(product=0.0136, term=0.225, output=0.559, weight=3.34, call=62e3),
    ),
    "conv2d_wgrad im2col": Fitted(
        wide=Rates(product=0.00876, term=0.373, output=0.149, weight=0.382, call=10.2e3, run=4.03),
        narrow=Rates(product=0.0161, term=0.847, output=0.445, weight=1.71, call=37.5e3, run=13.6),
    ),
    "conv2d_wgrad sliding": Fitted(
        wide=Rates(
            product=0.00551, term=0.0726, output=0.0237, weight=0.704, call=14.1e3, run=1.68
        ),
        narrow=Rates(product=0.0179, term=0.0803, output=0.154, weight=1.28, call=47.3e3),
    ),
    "conv2d_wgrad winograd_1d": Fitted(
        wide=Rates(product=0.00609, term=0.203, output=0.0529, weight=1.14, call=20.3e3),
        narrow=Rates(product=0.0163, term=0.125, output=0.492, weight=4.55, call=61e3),
    ),
    "conv2d_wgrad winograd_tiles": Fitted(
        wide=Rates(product=0.00685, term=0.238, output=0.187, weight=0.103, call=30.4e3, run=7.48),
        narrow=Rates(product=0.0212, term=1.16, output=0.773, weight=0.402, call=80.6e3),
    ),
}
