"""Floating-point operations of a definition, and those that a kernel really does.

A definition has those of its formula, two for each multiply-add. An algorithm may do fewer
(Winograd's) or more (flipped filters over zeros), which it then declares as `operations`. The
definition's operations divided by the time are the effective rate, which compares algorithms. The
operations really done divided by the time give the share of the machine's peak.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.kernel import Kernel, observed


@dataclass(frozen=True)
class Operations:
    """Multiplications and additions of one call; a fused multiply-add is two.

    products:   of the sums of products.
    transforms: of the inputs' transforms before, and of the results' after them.
    weights:    of the weights alone, not needed if these are prepared.

    Operations with zeros that fill vectors and blocks do not count, nor do additions of the sums of
    several threads.
    """

    products: int
    transforms: int = 0
    weights: int = 0

    def total(self, prepared: bool = False) -> int:
        return self.products + self.transforms + (0 if prepared else self.weights)


def _convolution(g: ConvGeometry) -> int:
    return 2 * g.macs


def _windows(g: PoolGeometry) -> int:
    return math.prod(g.y_shape)


def _taps(g: PoolGeometry) -> int:
    return math.prod(g.y_shape) * g.R * g.S


def _each(count: int) -> Callable[[Any], int]:
    return lambda g: count * math.prod(g.x_shape)


DEFINITIONS: dict[str, Callable[[Any], int]] = {
    **dict.fromkeys(("conv2d", "conv2d_dgrad", "conv2d_wgrad"), _convolution),
    **dict.fromkeys(("matmul", "batched_matmul"), lambda shape: 2 * math.prod(shape)),
    # A comparison or an addition a tap; one a window if its switch is known.
    **dict.fromkeys(("max_pool2d", "avg_pool2d", "avg_pool2d_vjp"), _taps),
    **dict.fromkeys(("max_unpool2d", "max_unpool2d_vjp"), _windows),
    **dict.fromkeys(("relu", "relu_vjp"), math.prod),
    # With the polynomials of vector code: each function its own, and its derivative about as many.
    **dict.fromkeys(("activation", "activation_vjp"), lambda g: g.operations),
    # A comparison, e^x, an addition and a product; two products and two additions.
    "softmax": lambda shape: 22 * math.prod(shape),
    "softmax_vjp": lambda shape: 4 * math.prod(shape),
    # Mean 1, squares 3, the result 4; the sums 4 and the result 7.
    "group_norm": _each(8),
    "group_norm_vjp": _each(11),
    "local_response_norm": lambda g: (g.size + 6) * math.prod(g.x_shape),
    "local_response_norm_vjp": lambda g: (2 * g.size + 14) * math.prod(g.x_shape),
    "local_contrast_norm": _each(8),
    "local_contrast_norm_vjp": _each(12),
    "random_bits": lambda count: 0,
    # Moved values are no arithmetic.
    **dict.fromkeys(("patches_gather", "patches_fill", "concatenate"), lambda g: 0),
    "plane_max": math.prod,
    "sgd_step": lambda shape: 6 * math.prod(shape),
    # A square, its sum, and the product with the factor.
    "renormalise": lambda shape: 3 * math.prod(shape),
    # Counted by the kernels that it calls.
    "conv_relu_pool": lambda g: 0,
}
"""Operation -> its count as a function of g, a geometry or a shape."""


def defined(operation: str, g: Any) -> int:
    """Operations of the definition; of one without a formula here as the geometry says, or 0."""
    formula = DEFINITIONS.get(operation)
    return int(getattr(g, "operations", 0)) if formula is None else formula(g)


def done(kernel: Kernel, g: Any, prepared: bool = False) -> int:
    """Operations that the kernel really does for g; `prepared`: with prepared weights."""
    if kernel.operations is None:
        return defined(kernel.operation, g)
    counted: int = kernel.operations(g).total(prepared)
    return counted


@dataclass
class Tally:
    """Operations really done by the calls of kernels inside a `tally`."""

    operations: int = 0

    def add(self, kernel: Kernel, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        g = args[-1] if not hasattr(args[-1], "dtype") else args[0].shape
        self.operations += done(kernel, g, options.get("prepared") is not None)
        if options.get("rectify"):
            self.operations += math.prod(g.y_shape)
        if options.get("pool") is not None:
            self.operations += defined("max_pool2d", options["pool"])


@contextmanager
def tally() -> Iterator[Tally]:
    """Context that counts the operations of every kernel called in it, in any thread."""
    found = Tally()
    with observed(found.add):
        yield found
