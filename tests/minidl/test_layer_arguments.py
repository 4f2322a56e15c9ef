"""Tests of wrong arguments of layers, tensors and optimisers: each is refused in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import Tensor, init, nn, optim
from tests.minidl.test_arguments import complaint

pytestmark = [pytest.mark.quick, pytest.mark.filterwarnings("ignore:invalid value")]
RNG = np.random.default_rng(0)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


LAYERS: dict[str, tuple[tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = {
    "Conv2d": ((3, 4, 3, 1, 0, 1, 1, True), {"rng": RNG}, (1, 3, 8, 8)),
    "ConvTranspose2d": ((3, 4, 3, 1, 0, 0, 1, True, 1), {"rng": RNG}, (1, 3, 8, 8)),
    "Linear": ((3, 4, True), {"rng": RNG}, (2, 3)),
    "Affine": ((ones(3), ones(3)), {}, (1, 3, 2, 2)),
    "PReLU": ((ones(3),), {}, (1, 3, 2, 2)),
    "MaxPool2d": ((2, 2, 0, 1, False), {}, (1, 3, 4, 4)),
    "AvgPool2d": ((2, 2, 0, False, True), {}, (1, 3, 4, 4)),
    "LocalContrastNorm": ((9, 1.5, "zero", 1e-4), {}, (1, 3, 9, 9)),
    "LocalResponseNorm": ((5, 1e-4, 0.75, 2.0), {}, (1, 3, 9, 9)),
    "Dropout": ((0.5, 0), {}, (2, 3)),
    "Clip": ((0.0, 6.0), {}, (2, 3)),
    "LeakyReLU": ((0.1,), {}, (2, 3)),
    "Softmax": ((-1,), {}, (2, 3)),
    "Pixels": (([2, 1, 0], [1.0, 1.0, 1.0]), {}, (1, 3, 2, 2)),
    "Reshape": (([2, 3], (2, 1), 0, 1), {}, (2, 12)),
    "Slice": (([0, 3], [None, 0], [1, -1], [0, 1]), {}, (2, 6)),
    "Gather": (([[0, 1], [2, -1]], 1), {}, (2, 6)),
    "Expand": (([-1, 3],), {}, (2, 1)),
    "Repeat": (([1, 2],), {}, (2, 3)),
    "Roll": (([1, -2], [0, 1]), {}, (2, 3)),
    "Constant": ((ones(1, 3),), {}, (2, 3)),
    "Pad": (([1, 1, 0, 2], "constant", 1.5), {}, (1, 3, 4, 4)),
    "Resize": (
        (
            None,
            [2.0, 2.0],
            [2, 3],
            "cubic",
            "tf_crop_and_resize",
            "floor",
            -0.5,
            True,
            True,
            [0.0, 0.0, 1.0, 1.0],
            0.0,
            "stretch",
        ),
        {},
        (1, 3, 4, 4),
    ),
    "Upsample": (((8, 8), None, "bilinear", True, False), {}, (1, 3, 4, 4)),
    "DepthToSpace": ((2, "CRD"), {}, (1, 4, 2, 2)),
    "SpaceToDepth": ((2, "CRD"), {}, (1, 3, 4, 4)),
    "LayerNorm": (((4, 4), 1e-5, True, True), {}, (1, 3, 4, 4)),
    "GroupNorm": ((2, 4, 1e-5, True), {}, (1, 4, 3, 3)),
    "InstanceNorm2d": ((4, 1e-5, 0.1, True, False), {}, (1, 4, 3, 3)),
    "Transpose": (([0, 2, 1],), {}, (2, 3, 4)),
    "Concatenate": ((1,), {}, (2, 3)),
    "ELU": ((1.0,), {}, (2, 3)),
    "Softplus": ((1.0, 20.0), {}, (2, 3)),
    "GELU": (("tanh",), {}, (2, 3)),
    "Hardsigmoid": ((0.2, 0.5), {}, (2, 3)),
    "LogSoftmax": ((1,), {}, (2, 3)),
    "Power": ((2.0,), {}, (2, 3)),
    "Sum": ((1, True), {}, (2, 3)),
    "Mean": ((1, True), {}, (2, 3)),
    "Amax": ((1, True), {}, (2, 3)),
    "Amin": ((1, True), {}, (2, 3)),
    "Var": ((1, True, True), {}, (2, 3)),
}
WRONG: list[Any] = [
    None, "x", -1, 2**70, 1.5, float("nan"), True, np.float64(2.5), np.array(2), np.ones((2, 3)),
    [], [1], ["a"], (2**40, 2**40), {}, object(), 1j, Tensor(ones(2)), float,
]  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_a_wrong_setting_is_refused_in_a_sentence(name: str) -> None:
    kind, (given, options, shape) = getattr(nn, name), LAYERS[name]
    complaints, refused = [], 0
    for place in [*range(len(given)), *options]:
        for wrong in WRONG:
            arguments, named = list(given), dict(options)
            if isinstance(place, int):
                arguments[place] = wrong
            else:
                named[place] = wrong
            try:
                kind(*arguments, **named)(Tensor(ones(*shape)))
            except Exception as error:
                refused += 1
                if found := complaint(error):
                    complaints.append(f"{name}, argument {place}, {wrong!r}: {found}")
    assert not complaints, "\n".join(complaints)
    assert refused > 10


def weighted() -> nn.Linear:
    return nn.Linear.of(ones(2, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Tensor(None), "holds numbers, got None"),
        (lambda: Tensor("3"), "holds numbers, got '3'"),
        (lambda: Tensor([1.0, None]), r"holds numbers, got \[1.0, None\]"),
        (lambda: Tensor(object()), "holds numbers, got <object"),
        (lambda: Tensor(ones(2)).assign([1.0, 2.0]), "assign: takes an array, got a list"),  # type: ignore[arg-type]
        (lambda: optim.SGD(weighted().weight, 0.1), "an iterable.* got a Parameter"),  # type: ignore[arg-type]
        (lambda: optim.SGD([ones(2)], 0.1), "parameter 0 must be a Tensor, got a ndarray"),  # type: ignore[list-item]
        (lambda: weighted().load_state_dict(None), "takes arrays by name"),  # type: ignore[arg-type]
        (lambda: weighted().load_state_dict({"weight": None}), "takes arrays by name"),  # type: ignore[dict-item]
        (lambda: nn.Conv2d.of([1.0]), "Conv2d: weight must be an array"),  # type: ignore[arg-type]
        (lambda: nn.Linear.of(ones(2, 3), 1), "Linear: bias must be an array, got 1"),  # type: ignore[arg-type]
        (lambda: init.he_normal((2, 2), 0), "rng must be a numpy.random.Generator"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_what_is_no_array_is_refused_by_its_name(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_numbers_and_lists_of_numbers_become_float32() -> None:
    for value in (1, 2.5, [1, 2], [[0.1, True]], (1, 2)):
        tensor = Tensor(value)
        assert tensor.dtype == np.float32
        assert tensor.data.tolist() == np.asarray(value, np.float32).tolist()
