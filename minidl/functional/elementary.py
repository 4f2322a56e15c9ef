"""Elementary functions of one tensor: exponential, roots, error function, sine, rounding."""

from __future__ import annotations

import math

import numpy as np

from minidl.functional import arguments
from minidl.functional.arithmetic import divide
from minidl.functional.elementwise import activated, activated_vjp
from minidl.recording import is_recording
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]
Cotangents = tuple[Tensor | None, ...]


def exp(a: Tensor) -> Tensor:
    """e^a."""
    arguments.tensor(a, "exp", "a")
    return record("exp", activated("exp", a._array), (a,))


@gradient.rule("exp")
def _exp(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    (a,) = node.inputs
    if not is_recording():
        return (Tensor(activated_vjp("exp", gy._array, a._array)),)
    return (gy * exp(a),)


def sqrt(a: Tensor) -> Tensor:
    """The square root; its derivative at 0 is infinite."""
    arguments.tensor(a, "sqrt", "a")
    return record("sqrt", np.sqrt(a._array), (a,))


@gradient.rule("sqrt")
def _sqrt(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    return (gy / (sqrt(node.inputs[0]) * 2.0),)


def absolute(a: Tensor) -> Tensor:
    """|a|; the derivative at 0 is taken as 0."""
    arguments.tensor(a, "absolute", "a")
    return record("absolute", np.abs(a._array), (a,))


@gradient.rule("absolute")
def _absolute(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    return (gy * np.sign(node.inputs[0]._array),)


def reciprocal(a: Tensor) -> Tensor:
    """1 / a."""
    arguments.tensor(a, "reciprocal", "a")
    return divide(1.0, a)


def erf(a: Tensor) -> Tensor:
    """The error function, 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to a."""
    arguments.tensor(a, "erf", "a")
    return record("erf", activated("erf", a._array), (a,))


@gradient.rule("erf")
def _erf(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    (a,) = node.inputs
    if not is_recording():
        return (Tensor(activated_vjp("erf", gy._array, a._array)),)
    return (gy * (exp(-(a * a)) * (2 / math.sqrt(math.pi))),)


def sin(a: Tensor) -> Tensor:
    """The sine of a, in radians."""
    arguments.tensor(a, "sin", "a")
    return record("sin", np.sin(a._array), (a,))


@gradient.rule("sin")
def _sin(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    return (gy * cos(node.inputs[0]),)


def cos(a: Tensor) -> Tensor:
    """The cosine of a, in radians."""
    arguments.tensor(a, "cos", "a")
    return record("cos", np.cos(a._array), (a,))


@gradient.rule("cos")
def _cos(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    return (-(gy * sin(node.inputs[0])),)


def floor(a: Tensor) -> Tensor:
    """The largest integer that is at most a; the derivative is 0."""
    arguments.tensor(a, "floor", "a")
    return record("floor", np.floor(a._array), (a,))


def round(a: Tensor) -> Tensor:
    """The nearest integer, of two the even one; the derivative is 0."""
    arguments.tensor(a, "round", "a")
    return record("round", np.rint(a._array), (a,))


def sign(a: Tensor) -> Tensor:
    """-1, 0 or 1, and NaN at NaN; the derivative is 0."""
    arguments.tensor(a, "sign", "a")
    return record("sign", np.sign(a._array), (a,))


@gradient.rule("floor")
@gradient.rule("round")
@gradient.rule("sign")
def _constant(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    """0 almost everywhere, and 0 at the steps too, as in PyTorch."""
    return (Tensor(np.zeros_like(gy._array)),)
