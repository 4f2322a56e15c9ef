"""The library of the suite: every public name has a docstring with an example, which runs."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import given

import kernels
from kernels import Kernel
from kernels.contract.probe import supports
from kernels.verify import (
    Call,
    arrays_of,
    bounds_of,
    by_definition,
    by_onnx,
    by_pytorch,
    calls_of,
    error_in_bounds,
    geometries_of,
    in_float64,
    listed_geometries,
    make,
    properties_of,
    require_properties,
)
from kernels.verify.required import failures

VERIFY = kernels.verify  # type: ignore[attr-defined]
FUNCTIONS = sorted(name for name in VERIFY.__all__ if callable(getattr(VERIFY, name)))
RELU = kernels.named("relu", "elementwise")
MATMUL = kernels.named("matmul", "blas")


def examples(name: str) -> Iterator[doctest.DocTest]:
    thing = getattr(VERIFY, name)
    module = inspect.getmodule(thing)
    yield from doctest.DocTestFinder(recurse=False).find(thing, name, module)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_name_has_a_docstring_whose_example_runs(name: str) -> None:
    (test,) = examples(name)
    assert test.docstring
    assert test.examples, "no example"
    said: list[str] = []
    done = doctest.DocTestRunner().run(test, out=said.append)
    assert done.failed == 0, "".join(said)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_is_documented_with_types(name: str) -> None:
    thing = getattr(VERIFY, name)
    if inspect.isclass(thing):
        return
    signature = inspect.signature(thing)
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name


def test_what_is_public_is_listed_once_and_exists() -> None:
    assert len(set(VERIFY.__all__)) == len(VERIFY.__all__)
    assert all(hasattr(VERIFY, name) for name in VERIFY.__all__)


@given(calls_of(MATMUL, fills=("normal", "integers")))
@hypothesis.settings(max_examples=20)
def test_a_right_kernel_is_within_its_bound_of_every_oracle(call: Call) -> None:
    found, bound = call.run(MATMUL)[0], bounds_of(MATMUL, call)[0]
    for oracle in (by_definition, in_float64):
        assert error_in_bounds(found, oracle(call)[0], bound) <= 1
    if (peer := by_onnx(call)) is not None and "bias" not in call.options:
        assert error_in_bounds(found, peer[0], 2 * bound) <= 1
    if (peer := by_pytorch(call)) is not None and "bias" not in call.options:
        assert error_in_bounds(found, peer[0], 2 * bound) <= 1


@given(geometries_of(kernels.named("conv2d", "winograd_1d"), large=None))
@hypothesis.settings(max_examples=20)
def test_geometries_are_those_that_a_kernel_supports(g: Any) -> None:
    assert supports(kernels.named("conv2d", "winograd_1d"), g)


def test_listed_geometries_are_those_that_a_kernel_supports() -> None:
    winograd = kernels.named("conv2d", "winograd_1d")
    some, every = listed_geometries(winograd), listed_geometries("conv2d")
    assert 0 < len(some) < len(every)
    assert all(winograd.supports(g) for g in some)
    assert any(g.H > 40_000 or g.W > 40_000 for g in listed_geometries("conv2d", "thresholds"))


@given(arrays_of((3, 4, 2, 5), layouts=("channels-last",), dtypes=(np.float64,)))
@hypothesis.settings(max_examples=5)
def test_arrays_have_the_type_and_the_layout_that_were_asked_for(a: np.ndarray) -> None:
    assert a.dtype == np.float64 and a.shape == (3, 4, 2, 5)
    assert a.transpose(0, 2, 3, 1).flags.c_contiguous  # (N,C,H,W) -> (N,H,W,C)


@pytest.mark.parametrize(
    ("found", "expected", "share"),
    [([2.0], [2.0], 0), ([2.0], [2.5], 1), ([np.nan], [2.0], np.inf), ([], [], 0)],
)
def test_an_error_is_measured_in_units_of_its_bound(
    found: list[float], expected: list[float], share: float
) -> None:
    assert error_in_bounds(found, expected, 0.5) == share


def test_any_error_is_beyond_a_bound_of_nothing() -> None:
    assert error_in_bounds([1.0, 1.0], [1.0, 1.0]) == 0
    assert error_in_bounds([1.0], [1.0 + 1e-12]) == np.inf


def test_a_wrong_kernel_fails_with_the_report_of_each_property() -> None:
    wrong = Kernel("relu", "wrong", "cpu", lambda x: np.where(x < 1, x.dtype.type(0), x))
    with pytest.raises(AssertionError) as failed:
        require_properties(wrong, "definition", "inputs kept", profile="dev")
    text = str(failed.value)
    assert "relu wrong: definition\n" in text and "PROPERTIES['definition'].check" in text
    assert "inputs kept" not in text


def test_a_kernel_for_which_nothing_could_be_judged_fails() -> None:
    abilities = kernels.Abilities(supports=lambda problem: False)
    nothing = Kernel("relu", "nothing", "cpu", lambda x: x, abilities=abilities)
    with pytest.raises(AssertionError, match="false for all drawn calls"):
        require_properties(nothing, profile="few")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: geometries_of("convolve"), "there is no operation 'convolve'"),
        (lambda: listed_geometries("conv2d", "layers"), "there is no stratum 'layers'"),
        (lambda: listed_geometries("random_bits"), "lists nothing for 'random_bits'"),
        (lambda: arrays_of((1,), fills=["uniform"]).example(), "there is no fill 'uniform'"),
        (lambda: calls_of(RELU, fills=["uniform"]), "there is no fill 'uniform'"),
        (lambda: require_properties(RELU, "adjoint"), "there is no property 'adjoint'"),
        (lambda: require_properties(RELU, profile="all"), "there is no profile 'all'"),
        (lambda: error_in_bounds([1.0], [[1.0]]), r"the shape \(1,\)"),
    ],
)
@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_a_mistake_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_properties_are_functions_of_a_kernel_and_a_call() -> None:
    call = make("relu", (3, 4), "normal", 0, np.float32)
    law = properties_of(RELU)["definition"]
    assert law(RELU, call) is None
    wrong = Kernel("relu", "wrong", "cpu", lambda x: -x)
    with pytest.raises(VERIFY.Violation):
        law(wrong, call)
    assert failures(RELU, "definition", profile="few") == ""
