"""Tests of wrong arguments: every public function refuses them in a sentence of its own."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import Tensor
from minidl import functional as F
from tests.minidl.habit_calls import HABITS
from tests.minidl.move_calls import MOVES
from tests.minidl.torch_calls import TORCH

pytestmark = pytest.mark.quick
ROOT = Path(__file__).resolve().parents[2]


def of(*shape: int) -> Tensor:
    return Tensor(np.random.default_rng(0).uniform(0.5, 1.0, shape).astype(np.float32))


IMAGE, FILTERS = of(1, 2, 4, 4), of(2, 2, 3, 3)
SEEDS = {"seed": 0, "step": 0, "stream": 0}
CALLS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = (
    {
        **{
            name: ((of(2),), {})
            for name in (
                "abs",
                "absolute",
                "cos",
                "erf",
                "exp",
                "floor",
                "hardswish",
                "log",
                "mish",
                "negate",
                "reciprocal",
                "relu",
                "relu6",
                "round",
                "sigmoid",
                "sign",
                "silu",
                "sin",
                "sqrt",
                "tanh",
            )
        },
        **{
            name: ((of(2), of(2)), {})
            for name in (
                "add",
                "divide",
                "eq",
                "ge",
                "gt",
                "le",
                "lt",
                "maximum",
                "minimum",
                "multiply",
                "ne",
                "subtract",
            )
        },
        **{name: ((of(2, 3), 1, False), {}) for name in ("amax", "amin", "mean", "sum")},
        "argmax": ((of(2, 3), 1, False), {}),
        "clamp": ((of(2), 0.0, 1.0), {}),
        "elu": ((of(2), 1.0), {}),
        "gelu": ((of(2), "tanh"), {}),
        "hardsigmoid": ((of(2), 0.2, 0.5), {}),
        "leaky_relu": ((of(2), 0.1), {}),
        "prelu": ((of(2, 3), of(3)), {}),
        "softplus": ((of(2), 1.0, 20.0), {}),
        "var": ((of(2, 3), 1, True, False), {}),
        **{name: ((of(2, 3), 1), {}) for name in ("softmax", "log_softmax", "flatten")},
        **{name: (([of(2, 2), of(2, 2)], 1), {}) for name in ("concatenate", "stack")},
        "avg_pool2d": ((IMAGE, 2, 2, 0, False, True), {}),
        "broadcast_to": ((of(1, 3), (2, 3)), {}),
        "clip": ((of(2), 0.0, 1.0), {}),
        "conv2d": ((IMAGE, FILTERS, of(2), 1, 1, 1, 1), {"algorithm": None}),
        "conv_relu_pool": ((IMAGE, FILTERS, of(2), {"padding": 1}, {"kernel_size": 2}), {}),
        "conv_transpose2d": ((IMAGE, FILTERS, of(2), 1, 1, 0, 1, 1), {"algorithm": None}),
        "cross_entropy": ((of(2, 3), np.array([0, 1]), np.ones(3), -100, "mean", 0.1), {}),
        "dropout": ((of(2), 0.5, True, False), SEEDS),
        "dropout_mask": (((2,), 0.5), SEEDS),
        "fill_outside": ((of(1, 2, 2, 2), np.array([[-1, 0]]), (4, 4), 1.0), {}),
        "getitem": ((of(2, 3), 0), {}),
        "linear": ((of(2, 3), of(4, 3), of(4)), {}),
        "local_contrast_norm": ((of(1, 2, 9, 9), 5, 1.5, "zero", 1e-4), {}),
        "local_response_norm": ((IMAGE, 5, 1e-4, 0.75, 2.0), {}),
        "matmul": ((of(2, 3), of(3, 2)), {}),
        "max_pool2d": ((IMAGE, 2, 2, 0, 1, False, False), {}),
        "max_unpool2d": ((of(1, 2, 2, 2), np.zeros((1, 2, 2, 2), np.int32), (4, 4), "sum"), {}),
        "pad2d": ((IMAGE, 1), {}),
        "power": ((of(2), 2.0), {}),
        "reshape": ((of(2, 3), (3, 2)), {}),
        "sum_to": ((of(2, 3), (1, 3)), {}),
        "transpose": ((of(2, 3), (1, 0)), {}),
        "where": ((np.array([True, False]), of(2), of(2)), {}),
    }
    | MOVES
    | HABITS
    | TORCH
)
"""A good call of each function."""
WRONG: list[Any] = [
    None, "x", "3", b"x", -1, 3, 2**31, 2**40, 2**70, -(2**70), 10**400, 1.5, float("nan"),
    float("inf"), True, np.float64(2.5), np.int64(3), np.array(2), np.array(2.5), np.ones((2, 3)),
    np.ones((1, 2, 4, 4), np.float32), np.zeros(3, int), [], [1], [1, 2, 3], [None], ["a"],
    (2**40, 2**40), (2**70, 1), (-1, -1), (0.5, 1), (1, 2, 3, 4, 5), {}, {"a": 1}, object(), 1j,
    of(2), of(1, 1, 1, 1), [of(2)], np.array(["a"]), np.array([None]), float, range(3),
]  # fmt: skip
"""Some of them are right at some places."""
PYTHONS_OWN = re.compile(
    "not supported between|unsupported operand|object of type|has no (attribute|len)|"
    "cannot convert|ambiguous|cannot be interpreted|is not (iterable|subscriptable|callable)|"
    "unhashable|positional"
)


def test_every_public_function_has_a_call() -> None:
    assert CALLS.keys() == set(F.__all__)


def complaint(error: Exception) -> str:
    """What is wrong with the error, or nothing: its type, where it was raised, its words."""
    file = traceback.extract_tb(error.__traceback__)[-1].filename
    ours = Path(file).is_relative_to(ROOT) and type(error) in (TypeError, ValueError)
    return "" if ours and not PYTHONS_OWN.search(str(error)) else f"{error!r} from {file}"


@pytest.mark.filterwarnings("ignore:(divide by zero|overflow|invalid value)")
@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_wrong_argument_is_refused_in_a_sentence(name: str) -> None:
    function, (given, options) = getattr(F, name), CALLS[name]
    function(*given, **options)
    places = [*range(len(given)), *options]
    refused, complaints = dict.fromkeys(places, 0), []
    for place in places:
        for wrong in WRONG:
            arguments, named = list(given), dict(options)
            if isinstance(place, int):
                arguments[place] = wrong
            else:
                named[place] = wrong
            try:
                function(*arguments, **named)
            except IndexError as error:  # Python's protocol for rows wants it
                assert name == "getitem", error
                refused[place] += 1
            except Exception as error:
                refused[place] += 1
                if found := complaint(error):
                    complaints.append(f"{name}, argument {place}, {wrong!r}: {found}")
    assert not complaints, "\n".join(complaints)
    assert min(refused.values()) > 10


def conv(**settings: Any) -> Any:
    return lambda: F.conv2d(IMAGE, FILTERS, **settings)


def pool(**settings: Any) -> Any:
    return lambda: F.max_pool2d(IMAGE, **{"kernel_size": 2, **settings})


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: F.conv2d(IMAGE.data, FILTERS), TypeError,  # type: ignore[arg-type]
         r"conv2d: x must be a Tensor, got a numpy.ndarray of float32 \(1, 2, 4, 4\)"),
        (lambda: F.conv2d(IMAGE, [1]), TypeError,  # type: ignore[arg-type]
         r"conv2d: weight must be a Tensor, got \[1\] \(list\)"),
        (lambda: F.conv2d(IMAGE, FILTERS, np.ones(2)), TypeError,  # type: ignore[arg-type]
         r"conv2d: bias must be a Tensor"),
        (lambda: IMAGE @ IMAGE.data, TypeError, "matmul: b must be a Tensor"),  # type: ignore[operator]
        (lambda: IMAGE.data @ IMAGE, TypeError, "matmul: a must be a Tensor"),
        (lambda: F.relu(None), TypeError, r"got None \(NoneType\)"),  # type: ignore[arg-type]
        (lambda: of(2) + None, TypeError, "add: takes .* got None"),  # type: ignore[operator]
        (lambda: of(2) * "2", TypeError, "multiply: takes .* got '2'"),  # type: ignore[operator]
        (conv(padding=2**40), ValueError, "padding: must be .* got 1099511627776"),
        (conv(padding=(0, 0, 0, -(2**31))), ValueError, "padding: must be from .*-2147483648"),
        (conv(padding=2**20), ValueError, r"4x4 with padding \(1048576.*2097156x2097156 pixels"),
        (conv(stride=2**70), ValueError, "stride: must be at most .* got 1180591620717411303424"),
        (conv(stride=np.array(1.5)), ValueError, "stride: expected"),
        (conv(dilation=2**31), ValueError, "dilation: must be at most"),
        (conv(groups=2**70), ValueError, "groups=1180591620717411303424"),
        (pool(padding=2**30), ValueError, "padding"),
        (pool(padding=(2**27, 0)), ValueError, "2x2 over the input 4x4 holds nothing but padding"),
        (pool(kernel_size=2**31), ValueError, "kernel_size: must be at most"),
        (pool(ceil_mode="no"), TypeError, "ceil_mode: must be True or False, got 'no'"),
        (lambda: F.max_unpool2d(of(1, 2, 2, 2), np.zeros((1, 2, 2, 2), int), 4), TypeError,  # type: ignore[arg-type]
         r"max_unpool2d: output_size must be a sequence of integers, got 4 \(int\)"),
        (lambda: F.max_unpool2d(of(1, 1, 1, 1), [[0]], (4, 4)), TypeError,  # type: ignore[arg-type]
         r"max_unpool2d: switches must be an array of integers, got \[\[0\]\]"),
        (lambda: F.pad2d(IMAGE, 2**20), ValueError, "pad2d: .* 2097156x2097156 pixels"),
        (lambda: F.conv_transpose2d(IMAGE, FILTERS, stride=2**30), ValueError, "pixels"),
        (lambda: F.local_response_norm(IMAGE, 2**62), ValueError, "must be an integer from"),
        (lambda: F.local_contrast_norm(IMAGE, 2**62 + 1), ValueError, "must be an integer from"),
        (lambda: F.flatten(of(2, 3), 9), ValueError, r"start 9 is no axis of the shape \(2, 3\)"),
        (lambda: F.concatenate(of(2, 3)), TypeError, "takes a list of Tensors"),  # type: ignore[arg-type]
        (lambda: F.sum(of(2, 3), (1, -1)), ValueError, r"\(1, -1\) names an axis .* twice"),
        (lambda: F.clip(of(2), None, 1.0), TypeError, "clip: low must be a number, got None"),  # type: ignore[arg-type]
        (lambda: Tensor(of(2)), TypeError, r"got a Tensor of float32 \(2,\); .detach\(\)"),
    ],
)  # fmt: skip
def test_what_was_given_is_named(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()
