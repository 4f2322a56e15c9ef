"""Lower precision, named as what it is wherever the properties judge a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kernels import Kernel, all_kernels, named
from kernels.definition.precisions import ROUNDINGS, lower_precision, stored
from kernels.verify import OPERATIONS, PROPERTIES, Call, try_property

pytestmark = pytest.mark.quick
OPERANDS = {
    "conv2d": ("x", "w"),
    "conv2d_dgrad": ("gy", "w"),
    "conv2d_wgrad": ("x", "gy"),
    "matmul": ("a", "b"),
    "batched_matmul": ("a", "b"),
    "avg_pool2d": ("x",),
    "local_response_norm": ("x",),
}
Array = np.ndarray


def defined(operation: str, arrays: tuple[Array, ...], g: Any, options: dict[str, Any]) -> Array:
    """The result in float64 for these arrays."""
    inputs = dict(zip(OPERANDS[operation], arrays, strict=True))
    with np.errstate(over="ignore", invalid="ignore"):
        return OPERATIONS[operation].in_float64(Call(operation, g, inputs, options))[0]


def imprecise(operation: str, change: Callable[[Array], Array], result: bool) -> Kernel:
    """A kernel whose operands are changed, or else its result."""

    def forward(*arguments: Any, **options: Any) -> Array:
        *arrays, g = arguments
        operands = tuple(arrays) if result else tuple(change(a) for a in arrays)
        y = defined(operation, operands, g, options).astype(arrays[0].dtype)
        return change(y) if result else y

    model = next(k for k in all_kernels(operation) if k.device == "cpu" and k.exact)
    return Kernel(operation, "imprecise", "cpu", forward, accuracy=model.accuracy)


@pytest.mark.parametrize(
    ("rounding", "name"),
    [
        ("TensorFloat-32", "TensorFloat-32 or float16"),
        ("bfloat16", "bfloat16"),
        ("bfloat16 (cut off)", "bfloat16 (cut off)"),
    ],
)
@pytest.mark.parametrize("operation", OPERANDS)
def test_rounded_operands_are_named(operation: str, rounding: str, name: str) -> None:
    kernel = imprecise(operation, ROUNDINGS[rounding], result=False)
    outcome = try_property(kernel, PROPERTIES["definition"], 12)
    assert outcome.failure is not None
    message = outcome.failure.reason
    assert message.endswith(f"these are the results for operands rounded to {name}")


@pytest.mark.parametrize("operation", OPERANDS)
def test_sums_in_float16_are_named(operation: str) -> None:
    kernel = imprecise(operation, ROUNDINGS["float16"], result=True)
    outcome = try_property(kernel, PROPERTIES["definition"], 12)
    assert outcome.failure is not None
    assert outcome.failure.reason.endswith("all results are numbers of float16")


@pytest.mark.parametrize("kind", ["TensorFloat-32", "bfloat16"])
def test_contrast_of_rounded_operands_is_named(kind: str) -> None:
    ours = named("local_contrast_norm", "separable")

    def forward(x: Array, g: Any) -> Any:
        return ours(ROUNDINGS[kind](x), g)

    kernel = Kernel("local_contrast_norm", "imprecise", "cpu", forward, accuracy=ours.accuracy)
    outcome = try_property(kernel, PROPERTIES["definition"], 12)
    assert outcome.failure is not None
    assert f"operands rounded to {kind}" in outcome.failure.reason


def test_a_result_that_is_wrong_in_another_way_has_no_name() -> None:
    def forward(a: Array, b: Array, g: Any, bias: Array | None = None) -> Array:
        return (a[:, :-1] @ b[:-1]) + (0 if bias is None else bias)

    outcome = try_property(Kernel("matmul", "short", "cpu", forward), PROPERTIES["definition"], 12)
    assert outcome.failure is not None
    assert outcome.failure.reason.endswith("elements are off by too much)")


def test_few_numbers_do_not_tell_types_apart() -> None:
    x = np.array([1.0, 1.0 + 2.0**-20])
    said = lower_precision(np.ones(2), x, lambda change: change(x), 1e-9, np.float32)
    assert said.endswith("TensorFloat-32 (cut off), bfloat16, bfloat16 (cut off) or float16")
    thirds = np.arange(1, 20) / 3
    assert stored(ROUNDINGS["float16"](thirds), thirds, np.float32) == (
        "all results are numbers of float16"
    )
    assert stored(thirds, thirds, np.float32) == stored(np.ones(9), np.ones(9), np.float32) == ""
