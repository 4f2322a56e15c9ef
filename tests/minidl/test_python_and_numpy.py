"""Tests of a Tensor in Python and NumPy: truth, comparison, iteration, arrays, numbers."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

from kernels.contract.arrays import emulated
from minidl import Tensor, nn
from minidl import functional as F
from minidl.identity import ByIdentity

pytestmark = pytest.mark.quick
torch: Any = pytest.importorskip("torch")
VALUES = np.array([[1.0, 2.0], [3.0, 0.0]], np.float32)


def outcome(function: Any, *values: Any) -> Any:
    """What a function returns, as plain numbers, or that it raises."""
    try:
        found = function(*values)
    except (TypeError, ValueError, RuntimeError):
        return "an error"
    if isinstance(found, list | tuple):
        return [np.asarray(each).tolist() for each in found]
    return np.asarray(found).tolist()


ONE: dict[str, Any] = {
    "bool": bool, "len": len, "list": list, "array": np.array, "asarray": np.asarray,
    "equals itself": lambda t: t == t, "differs": lambda t: t != t, "equals 3": lambda t: t == 3.0,
    "3 equals": lambda t: t == 3.0, "differs from 3": lambda t: t != 3,
    "equals None": lambda t: t is None, "contains": lambda t: 3.0 in t,
    "contains no": lambda t: 7.0 in t, "exp": lambda t: np.exp(np.asarray(t)),
    "equals an array": lambda t: np.asarray(t) == np.asarray(t), "equals text": lambda t: t == "a",
    "as float64": lambda t: np.array(t, np.float64), "sorted": lambda t: sorted([*t])[0],
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize(
    "values", [VALUES, VALUES[0], VALUES[0, :1], VALUES[:0], VALUES[0, 0], VALUES[1, 1]]
)
def test_python_and_numpy_do_with_a_tensor_what_they_do_with_pytorchs(
    name: str, values: Any
) -> None:
    array = np.asarray(values)
    if name == "sorted":
        pytest.skip("no order is defined")
    assert outcome(ONE[name], Tensor(array)) == outcome(ONE[name], torch.tensor(array))


def test_the_truth_of_several_values_or_none_is_an_error_with_their_shape() -> None:
    for shape in ((2,), (0,), (2, 3)):
        with pytest.raises(ValueError, match=str(shape).replace("(", r"\(").replace(")", r"\)")):
            bool(Tensor(np.zeros(shape)))


def test_two_tensors_are_compared_elementwise_and_hashed_by_identity() -> None:
    a, b = Tensor(VALUES), Tensor(VALUES.copy())
    assert (a == b).tolist() == [[True, True], [True, True]]
    assert (a != b * 2.0).tolist() == [[True, True], [True, False]]
    assert (b == VALUES).all() and (b == VALUES).all()
    assert len({a: 1, b: 2}) == 2 and a in {a: 1} and b not in {a: 1}
    assert (Tensor(emulated(VALUES)) == 3.0).any()


def test_a_tensor_on_the_tape_or_a_device_is_no_array() -> None:
    parameter = nn.Parameter(VALUES.copy())
    for tensor in (parameter, parameter * 2.0, Tensor(emulated(VALUES))):
        for function in (np.asarray, np.array, np.exp, lambda t: np.add(VALUES, t)):
            with pytest.raises(TypeError, match=r"\.numpy\(\)"):
                function(tensor)
    assert np.asarray(parameter.detach()).tolist() == VALUES.tolist()


def test_an_array_of_a_tensor_is_its_data_or_a_copy() -> None:
    tensor = Tensor(VALUES.copy())
    assert np.shares_memory(np.asarray(tensor), tensor.data)
    assert not np.shares_memory(np.array(tensor), tensor.data)


def test_an_array_times_a_tensor_stays_on_the_tape() -> None:
    x = Tensor(VALUES, requires_grad=True)
    for y in (VALUES * x, VALUES - x, VALUES / x, np.float64(2.0) * x, np.array(2.0) * x):
        assert isinstance(y, Tensor) and y.node is not None
        assert y.dtype == np.float32


def test_rows_and_no_rows() -> None:
    assert [row.data.tolist() for row in Tensor(VALUES)] == VALUES.tolist()
    with pytest.raises(TypeError, match="has no rows"):
        list(Tensor(np.zeros(())))


NUMBERS: list[Any] = [
    2, 2.0, np.float64(2), np.float32(2), np.float16(2), np.int64(2), np.int8(2), np.array(2.0),
    np.array(2), np.array(2, np.float32), True,
]  # fmt: skip
SCALED: dict[str, Any] = {
    "add": F.add, "subtract": F.subtract, "multiply": F.multiply, "divide": F.divide,
    "maximum": F.maximum, "minimum": F.minimum, "power": F.power,
    "from the left": lambda x, s: F.add(F.subtract(s, x), F.divide(s, x)),
    "where": lambda x, s: F.where(x.data > 1, x, s),
    "clip": lambda x, s: F.clip(x, s * 0, s), "dropout": lambda x, s: F.dropout(
        x, s * 0.25 if s is not True else 0.5, seed=0, step=0),
    "contrast": lambda x, s: F.local_contrast_norm(F.reshape(x, (1, 1, 2, 2)), 3, s, floor=s * 0.1),
    "response": lambda x, s: F.local_response_norm(F.reshape(x, (1, 1, 2, 2)), 3, s, s, s),
    "slope": lambda x, s: nn.LeakyReLU(s)(x), "fill": lambda x, s: F.fill_outside(
        F.reshape(x, (1, 1, 2, 2)), np.array([[-1, 0]]), (2, 2), s),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SCALED)
def test_a_number_of_any_type_changes_no_tensors_type(name: str, dtype: Any) -> None:
    for number in NUMBERS:
        if name in ("contrast", "response") and (number is True or isinstance(number, np.ndarray)):
            continue
        x = Tensor(VALUES.astype(dtype), requires_grad=True)
        y = SCALED[name](x, number)
        assert y.dtype == dtype, repr(number)
        (gx,) = y.backward(np.ones(y.shape, dtype), inputs=[x])
        assert gx.dtype == dtype, repr(number)


def test_values_are_kept_by_identity_as_long_as_their_key_lives() -> None:
    kept: ByIdentity[int] = ByIdentity()
    a, b = Tensor(VALUES), Tensor(VALUES)
    kept[a], kept[b] = 1, 2
    assert (kept.get(a, 0), kept.get(b, 0), kept.get(Tensor(VALUES), 0)) == (1, 2, 0)
    del a
    gc.collect()
    assert len(kept) == 1 and kept.get(b, 0) == 2
    kept.clear()
    assert kept.get(b, 0) == 0
