"""Activations with `inplace`: the input's memory has the result, the gradients stay."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import Tensor, nn
from minidl.nn.in_place import InPlace

LAYERS = {
    "ReLU": nn.ReLU, "ReLU6": nn.ReLU6, "SiLU": nn.SiLU, "Mish": nn.Mish,
    "Hardswish": nn.Hardswish, "Hardsigmoid": nn.Hardsigmoid, "ELU": nn.ELU,
    "LeakyReLU": nn.LeakyReLU, "CELU": nn.CELU, "SELU": nn.SELU, "Hardtanh": nn.Hardtanh,
}  # fmt: skip
DRAWN = np.random.default_rng(0).standard_normal((2, 3, 4, 5))


def test_every_such_layer_is_tried() -> None:
    known = {name for name in dir(nn) if isinstance(getattr(nn, name), type)}
    assert {name for name in known if issubclass(getattr(nn, name), InPlace)} == LAYERS.keys()


@pytest.mark.parametrize("name", LAYERS)
def test_the_input_has_the_result_and_the_gradient_is_the_same(name: str) -> None:
    plain, in_place = LAYERS[name](), LAYERS[name](inplace=True)
    first, second = (Tensor(DRAWN.copy(), requires_grad=True) for _ in range(2))
    expected = plain(first * 3.0)
    before = second * 3.0
    result = in_place(before)
    assert np.shares_memory(result.data, before.data)
    np.testing.assert_array_equal(before.data, expected.data)
    expected.backward(DRAWN)
    result.backward(DRAWN)
    assert first.grad is not None and second.grad is not None
    np.testing.assert_array_equal(second.grad.data, first.grad.data)


@pytest.mark.parametrize("name", LAYERS)
def test_a_leaf_that_is_learnt_is_not_overwritten(name: str) -> None:
    with pytest.raises(RuntimeError, match=r"inplace=True.*leaf"):
        LAYERS[name](inplace=True)(Tensor(DRAWN.copy(), requires_grad=True))


@pytest.mark.parametrize("name", LAYERS)
def test_it_is_shown(name: str) -> None:
    assert repr(LAYERS[name](inplace=True)).endswith("(inplace=True)")
    with pytest.raises(TypeError, match=f"{name}: inplace"):
        LAYERS[name](inplace="yes")


def test_pytorchs_paths_of_functions_and_data() -> None:
    import minidl.nn.functional
    import minidl.utils.data
    from minidl import data, functional

    assert minidl.nn.functional.silu is functional.silu
    assert minidl.utils.data.DataLoader is data.DataLoader


def test_a_parameter_of_a_read_only_array_can_be_learnt() -> None:
    """A file's constants are read-only: the parameter has memory of its own."""
    stored = np.frombuffer(np.arange(16, dtype=np.float32).tobytes(), np.float32)
    for parameter in (nn.Parameter(stored), nn.Parameter(stored[:4])):
        parameter.change(lambda array: np.add(array, 1, out=array))
        assert parameter.data[0] == 1
    assert stored[0] == 0
