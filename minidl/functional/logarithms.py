"""Logarithms of other bases, e^x - 1 and log(1 + x), the remainder, rounding upwards."""

from __future__ import annotations

import math

import numpy as np

from minidl.functional import arguments
from minidl.functional.arithmetic import as_tensors
from minidl.functional.elementary import exp
from minidl.functional.reduction import sum_to
from minidl.rules import gradient
from minidl.tensor import Node, Operand, Tensor, record

Needs = tuple[bool, ...]
Cotangents = tuple[Tensor | None, ...]


def log2(a: Tensor) -> Tensor:
    """The logarithm to the base 2."""
    arguments.tensor(a, "log2", "a")
    return record("log2", np.log2(a._array), (a,))


def log10(a: Tensor) -> Tensor:
    """The logarithm to the base 10."""
    arguments.tensor(a, "log10", "a")
    return record("log10", np.log10(a._array), (a,))


@gradient.rule("log2")
@gradient.rule("log10")
def _log(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    base = 2 if node.operation == "log2" else 10
    return (gy / (node.inputs[0] * math.log(base)),)


def log1p(a: Tensor) -> Tensor:
    """log(1 + a), exact for small a."""
    arguments.tensor(a, "log1p", "a")
    return record("log1p", np.log1p(a._array), (a,))


@gradient.rule("log1p")
def _log1p(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    return (gy / (node.inputs[0] + 1.0),)


def expm1(a: Tensor) -> Tensor:
    """e^a - 1, exact for small a."""
    arguments.tensor(a, "expm1", "a")
    return record("expm1", np.expm1(a._array), (a,))


@gradient.rule("expm1")
def _expm1(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    return (gy * exp(node.inputs[0]),)


def rsqrt(a: Tensor) -> Tensor:
    """1 / sqrt(a)."""
    arguments.tensor(a, "rsqrt", "a")
    return 1.0 / a**0.5


def ceil(a: Tensor) -> Tensor:
    """The smallest integer that is at least a; the derivative is 0."""
    arguments.tensor(a, "ceil", "a")
    return record("ceil", np.ceil(a._array), (a,))


@gradient.rule("ceil")
def _ceil(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    return (Tensor(np.zeros_like(gy._array)),)


def remainder(a: Operand, b: Operand) -> Tensor:
    """a - b floor(a / b), of b's sign, as Python's %."""
    a, b = as_tensors(a, b, "remainder")
    return record("remainder", np.remainder(a._array, b._array), (a, b))


@gradient.rule("remainder")
def _remainder(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    a, b = node.inputs
    count = Tensor(np.floor_divide(a._array, b._array))
    return (
        sum_to(gy, a.shape) if needs[0] else None,
        sum_to(-(gy * count), b.shape) if needs[1] else None,
    )
