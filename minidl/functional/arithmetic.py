"""Elementwise arithmetic with broadcasting."""

from __future__ import annotations

import numpy as np

from minidl import device, dtypes
from minidl.functional import arguments
from minidl.functional.copies import cast
from minidl.functional.reduction import sum_to
from minidl.rules import gradient
from minidl.tensor import Node, Operand, Tensor, for_tape, plain, record

Needs = tuple[bool, ...]
Cotangents = tuple[Tensor | None, ...]


def as_tensors(a: Operand, b: Operand, operation: str) -> tuple[Tensor, Tensor]:
    """Both operands as tensors of one type; a number gets the other's type and device.

    A number is Python's, NumPy's or an array without axes, whatever its type: as in PyTorch it does
    not change the other's. TypeError for two types or another operand, ValueError for two devices
    or shapes that do not broadcast.
    """
    known = a if isinstance(a, Tensor) else b if isinstance(b, Tensor) else None
    left, right = _as_tensor(a, known, operation), _as_tensor(b, known, operation)
    if left._array.dtype != right._array.dtype:
        left, right = _of_one_type(left, right, operation)
    if type(left._array) is not type(right._array) and left.device != right.device:
        raise ValueError(
            f"{operation}: {left.shape} is on {left.device!r}, {right.shape} on "
            f"{right.device!r}; move one to the other with .to()"
        )
    try:
        np.broadcast_shapes(left.shape, right.shape)
    except ValueError:
        raise ValueError(
            f"{operation}: the shapes {left.shape} and {right.shape} do not broadcast; each axis, "
            "from the last, must be equal or 1"
        ) from None
    return left, right


def _of_one_type(left: Tensor, right: Tensor, operation: str) -> tuple[Tensor, Tensor]:
    """Both in the type of their result; TypeError for float32 and float64."""
    dtype = dtypes.common(left.dtype, right.dtype)
    if dtype is None:
        raise TypeError(
            f"{operation}: {left.dtype} {left.shape} and {right.dtype} {right.shape} are of two "
            "types; convert one"
        )
    return cast(left, dtype), cast(right, dtype)


def _as_tensor(value: Operand, known: Tensor | None, operation: str) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if type(value) is float and known is not None and known._array.dtype.kind == "f":
        return plain(device.like(np.asarray(value, known._array.dtype), known._array))
    if not arguments.is_number(value) and not device.is_array(value):
        raise TypeError(
            f"{operation}: takes Tensors, arrays and numbers, got {arguments.shown(value)}"
        )
    if known is None:
        return Tensor(value)
    if not arguments.is_number(value):
        return Tensor(for_tape(value, known))
    dtype = dtypes.of_number(value, known.dtype)
    exact = value if dtype.kind in "biu" else arguments.number(value, operation)
    return plain(device.like(np.asarray(exact, dtype), known._array))


def add(a: Operand, b: Operand) -> Tensor:
    """a + b."""
    a, b = as_tensors(a, b, "add")
    return record("add", a._array + b._array, (a, b))


@gradient.rule("add")
def _add(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    a, b = node.inputs
    return sum_to(gy, a.shape), sum_to(gy, b.shape)


def subtract(a: Operand, b: Operand) -> Tensor:
    """a - b."""
    a, b = as_tensors(a, b, "subtract")
    return record("subtract", a._array - b._array, (a, b))


@gradient.rule("subtract")
def _subtract(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    a, b = node.inputs
    return sum_to(gy, a.shape), sum_to(-gy, b.shape) if needs[1] else None


def multiply(a: Operand, b: Operand) -> Tensor:
    """a b, elementwise."""
    a, b = as_tensors(a, b, "multiply")
    return record("multiply", a._array * b._array, (a, b))


@gradient.rule("multiply")
def _multiply(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    a, b = node.inputs
    return (
        sum_to(gy * b, a.shape) if needs[0] else None,
        sum_to(gy * a, b.shape) if needs[1] else None,
    )


def divide(a: Operand, b: Operand) -> Tensor:
    """a / b, elementwise."""
    a, b = as_tensors(a, b, "divide")
    if a._array.dtype.kind != "f":
        a, b = cast(a, dtypes.DEFAULT), cast(b, dtypes.DEFAULT)
    return record("divide", a._array / b._array, (a, b))


@gradient.rule("divide")
def _divide(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    a, b = node.inputs
    return (
        sum_to(gy / b, a.shape) if needs[0] else None,
        sum_to(-(gy * a / (b * b)), b.shape) if needs[1] else None,
    )


def negate(a: Tensor) -> Tensor:
    """-a."""
    arguments.tensor(a, "negate", "a")
    return record("negate", -a._array, (a,))


@gradient.rule("negate")
def _negate(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    return (-gy,)


def power(a: Tensor, exponent: float) -> Tensor:
    """a to a constant power."""
    arguments.tensor(a, "power", "a")
    exponent = arguments.number(exponent, "power: exponent")
    return record("power", a._array ** a.dtype.type(exponent), (a,), exponent=exponent)


@gradient.rule("power")
def _power(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    exponent = node.saved["exponent"]
    if exponent == 0:
        return (gy * 0.0,)
    return (gy * (node.inputs[0] ** (exponent - 1)) * exponent,)


def exp(a: Tensor) -> Tensor:
    """e^a."""
    arguments.tensor(a, "exp", "a")
    return record("exp", np.exp(a._array), (a,))


@gradient.rule("exp")
def _exp(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    return (gy * exp(node.inputs[0]),)


def log(a: Tensor) -> Tensor:
    """The natural logarithm."""
    arguments.tensor(a, "log", "a")
    return record("log", np.log(a._array), (a,))


@gradient.rule("log")
def _log(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    return (gy / node.inputs[0],)


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


def where(condition: np.ndarray, a: Operand, b: Operand) -> Tensor:
    """a where `condition` (an array of bool), b elsewhere. TypeError for another condition."""
    a, b = as_tensors(a, b, "where")
    condition = device.like(arguments.mask(condition, "where: condition"), a._array)
    data = np.where(condition, a._array, b._array)
    return record("where", data, (a, b), condition=for_tape(condition, a, b))


@gradient.rule("where")
def _where(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    (a, b), condition = node.inputs, node.saved["condition"]
    return (
        sum_to(where(condition, gy, 0.0), a.shape) if needs[0] else None,
        sum_to(where(condition, 0.0, gy), b.shape) if needs[1] else None,
    )


def maximum(a: Operand, b: Operand) -> Tensor:
    """The elementwise maximum; of equal operands each gets half the derivative.

    NaN if one is, and then each gets the derivative, as in PyTorch.
    """
    a, b = as_tensors(a, b, "maximum")
    return record("maximum", np.maximum(a._array, b._array), (a, b))


@gradient.rule("maximum")
def _maximum(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    a, b = node.inputs
    return _shared(gy, a, b, a._array < b._array, a._array > b._array)


def minimum(a: Operand, b: Operand) -> Tensor:
    """The elementwise minimum; of equal operands each gets half the derivative.

    NaN if one is, and then each gets the derivative, as in PyTorch.
    """
    a, b = as_tensors(a, b, "minimum")
    return record("minimum", np.minimum(a._array, b._array), (a, b))


@gradient.rule("minimum")
def _minimum(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    a, b = node.inputs
    return _shared(gy, a, b, a._array > b._array, a._array < b._array)


def _shared(
    gy: Tensor, a: Tensor, b: Tensor, a_loses: np.ndarray, b_loses: np.ndarray
) -> Cotangents:
    """gy to the operand that is the result, in halves on a tie; whole to both at NaN."""
    ties = a._array == b._array
    half = np.where(ties, 0.5, 1.0)
    a_share, b_share = (np.where(loses, 0.0, half).astype(gy.dtype) for loses in (a_loses, b_loses))
    return sum_to(gy * a_share, a.shape), sum_to(gy * b_share, b.shape)


def clip(a: Tensor, low: float, high: float) -> Tensor:
    """a clipped to [low, high]; the derivative is 1 within the bounds and on them, 0 at NaN."""
    arguments.tensor(a, "clip", "a")
    low, high = arguments.number(low, "clip: low"), arguments.number(high, "clip: high")
    return record("clip", np.clip(a._array, low, high), (a,), low=low, high=high)


@gradient.rule("clip")
def _clip(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    x = node.inputs[0]._array
    inside = (x >= node.saved["low"]) & (x <= node.saved["high"])
    return (where(inside, gy, 0.0),)
