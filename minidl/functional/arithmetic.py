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
    return (
        sum_to(gy, a.shape) if needs[0] else None,
        sum_to(gy, b.shape) if needs[1] else None,
    )


def subtract(a: Operand, b: Operand) -> Tensor:
    """a - b."""
    a, b = as_tensors(a, b, "subtract")
    return record("subtract", a._array - b._array, (a, b))


@gradient.rule("subtract")
def _subtract(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    a, b = node.inputs
    return (
        sum_to(gy, a.shape) if needs[0] else None,
        sum_to(-gy, b.shape) if needs[1] else None,
    )


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


def power(a: Operand, exponent: Operand) -> Tensor:
    """a to a power, a number or a Tensor that broadcasts.

    With a Tensor as exponent the base may be a number. Not a number where a negative base has an
    exponent that is no integer.
    """
    if isinstance(a, Tensor) and not isinstance(exponent, Tensor) and _is_one(exponent):
        number = arguments.number(exponent, "power: exponent")
        data = a._array ** a.dtype.type(number)
        return record("power", data, (a,), exponent=number)
    a, b = as_tensors(a, exponent, "power")
    return record("power_of", a._array**b._array, (a, b))


def _is_one(exponent: Operand) -> bool:
    """True unless it is an array with axes: `power` then takes it for a number, or refuses it."""
    return not device.is_array(exponent) or arguments.is_number(exponent)


@gradient.rule("power")
def _power(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    exponent = node.saved["exponent"]
    if exponent == 0:
        return (gy * 0.0,)
    return (gy * (node.inputs[0] ** (exponent - 1)) * exponent,)


@gradient.rule("power_of")
def _power_of(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    a, b = node.inputs
    return (
        sum_to(_of_base(a, b, gy), a.shape) if needs[0] else None,
        sum_to(_of_exponent(a, b, gy), b.shape) if needs[1] else None,
    )


def _of_base(a: Tensor, b: Tensor, gy: Tensor) -> Tensor:
    """gy b a^(b-1), 0 for the exponent 0 at every base."""
    return where(b._array == 0, 0.0, gy * (b * power(a, b - 1.0)))


def _of_exponent(a: Tensor, b: Tensor, gy: Tensor) -> Tensor:
    """gy a^b log a, 0 for the base 0 with an exponent of at least 0."""
    flat = (b._array >= 0) & (a._array == 0)
    return where(flat, 0.0, gy * (power(a, b) * log(a)))


def log(a: Tensor) -> Tensor:
    """The natural logarithm."""
    arguments.tensor(a, "log", "a")
    return record("log", np.log(a._array), (a,))


@gradient.rule("log")
def _log(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    return (gy / node.inputs[0],)


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
