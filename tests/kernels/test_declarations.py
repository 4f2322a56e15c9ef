"""Declarations of kernels, as compact objects or flat keywords; each kernel computes by itself."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import kernels
from kernels import (
    Abilities,
    Accuracy,
    ConvGeometry,
    Cost,
    Kernel,
    PoolGeometry,
    Problem,
    all_kernels,
    named,
    pick,
    registry,
)
from kernels.contract.rates import FITTED
from kernels.cpu.taps import channels
from kernels.cpu.vector import lanes
from kernels.verify import drawn, fingerprint

G = ConvGeometry.of((2, 4, 9, 9), (6, 4, 3, 3))
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
ON_CPU = [k for k in all_kernels() if k.device == "cpu" and drawn.known(k.operation)]


@pytest.fixture
def spare_registry() -> Iterator[None]:
    """A registry that is restored after the test."""
    with registry.without():
        yield


def nothing(*arguments: Any, **options: Any) -> None:
    """A kernel that is never called."""


@pytest.mark.usefixtures("spare_registry")
def test_flat_keywords_take_a_geometry_and_say_the_same() -> None:
    def prepare(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
        return w

    flat = kernels.kernel(
        "conv2d",
        name="flat",
        exact=False,
        supports=lambda g: g.groups == 1,
        cost=lambda g: 3.0 * g.macs,
        error_bound=lambda g: g.C,
        norm_wise=True,
        amplification=lambda g: 7.0,
        spreads="plane",
        prepare=prepare,
        preparation=lambda g: 1.0 * g.K,
        rectifies=True,
        pools=lambda g, p: p.R == 2,
        into=True,
        chunked=True,
    )(nothing)
    grouped = ConvGeometry.of((2, 4, 9, 9), (6, 2, 3, 3), groups=2)
    assert flat.supports(G) and not flat.supports(Problem(grouped, FLOAT64))
    assert flat.cost(G) == 3.0 * G.macs
    assert flat.cost(Problem(G, prepared=True)) == 3.0 * G.macs - G.K
    assert flat.error_bound is not None and flat.error_bound(G) == 4
    assert (flat.exact, flat.norm_wise, flat.spreads) == (False, True, "plane")
    assert flat.amplification(G) == 7 and flat.prepare is prepare
    assert flat.rectifies and flat.into and flat.chunked
    p = PoolGeometry.of(G.y_shape, 2)
    assert flat.supports(Problem(G, rectify=True, pool=p))
    assert not flat.supports(Problem(G, pool=PoolGeometry.of(G.y_shape, 3)))


@pytest.mark.usefixtures("spare_registry")
def test_compact_declarations_take_a_problem() -> None:
    compact = kernels.kernel(
        "conv2d",
        name="compact",
        accuracy=Accuracy(bound=lambda g: g.C),
        cost=Cost(lambda problem: problem.dtype.itemsize),
        abilities=Abilities(lambda problem: problem.dtype == FLOAT64),
    )(nothing)
    assert not compact.supports(G) and compact.supports(Problem(G, FLOAT64))
    assert not compact.supports(Problem(G, FLOAT64, rectify=True))
    assert (compact.cost(G), compact.cost(Problem(G, FLOAT64))) == (4, 8)
    assert kernels.pick("conv2d", "cpu", G) is not compact
    assert kernels.pick("conv2d", "cpu", Problem(G, FLOAT64)) is compact


@pytest.mark.parametrize(
    "declared",
    [
        {"accuracy": Accuracy(), "supports": lambda g: True},
        {"cost": Cost(), "exact": False},
        {"abilities": Abilities(), "cost": lambda g: 1.0},
    ],
)
def test_the_two_ways_of_declaring_are_not_mixed(declared: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"conv2d mixed: .* functions take a Problem, or by keyw"):
        kernels.kernel("conv2d", name="mixed", **declared)


def test_a_keyword_that_there_is_not_is_named_with_those_there_are() -> None:
    with pytest.raises(TypeError, match=r"no keyword suports; there are supports, cost"):
        kernels.kernel("conv2d", name="typo", suports=lambda g: True)


def test_prepared_weights_spare_nothing_where_nothing_is_prepared() -> None:
    kept = Problem(G, prepared=True)
    for kernel in (k for k in all_kernels("conv2d") if k.supports(kept)):
        spared = kernel.cost(G) - kernel.cost(kept)
        assert spared > 0 if kernel.prepare else spared == 0, kernel.name


def test_every_row_of_rates_is_that_of_the_kernel_of_its_name() -> None:
    used = {f"{k.operation} {k.name}": k.estimate.rates for k in all_kernels() if k.device == "cpu"}
    assert {name for name, rates in used.items() if name == rates} == set(FITTED)
    assert all(rates in (None, name) for name, rates in used.items())


def test_an_unknown_name_of_rates_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no rates 'conv2d guessed'; there are .* conv2d direct"):
        Cost(lambda problem: None, "conv2d guessed")


WINDOW = PoolGeometry.of((1, 256, 14, 14), 3, 2)


@pytest.mark.parametrize(
    "problem",
    [
        Problem(replace(WINDOW, C=channels(FLOAT32) - 1)),
        Problem(replace(WINDOW, C=channels(FLOAT64) - 1), FLOAT64),
        Problem(replace(WINDOW, H=3)),  # one row of windows
    ],
    ids=["few channels", "few channels of float64", "one row"],
)
def test_pairs_refuses_what_registers_used_to_do_for_it(problem: Problem) -> None:
    pairs = named("max_pool2d", "pairs")
    assert pairs.supports(WINDOW) and not pairs.supports(problem)
    assert pick("max_pool2d", "cpu", problem) is not pairs
    with pytest.raises(ValueError, match="no kernel 'pairs' on 'cpu' serves"):
        pick("max_pool2d", "cpu", problem, "pairs")
    with pytest.raises(ValueError, match="max_pool2d pairs does not support"):
        pairs(np.zeros(problem.geometry.x_shape, problem.dtype), problem.geometry)


@pytest.mark.parametrize(
    "problem",
    [
        Problem(replace(WINDOW, C=lanes(FLOAT32) - 1)),
        Problem(replace(WINDOW, C=lanes(FLOAT64) - 1), FLOAT64),
        Problem(WINDOW, collisions="max"),
        Problem(WINDOW, collisions="last"),
    ],
    ids=["few channels", "few channels of float64", "max", "last"],
)
def test_blocks_refuses_what_gather_used_to_do_for_it(problem: Problem) -> None:
    g, blocks = problem.geometry, named("max_unpool2d", "blocks")
    assert blocks.supports(WINDOW) and not blocks.supports(problem)
    assert pick("max_unpool2d", "cpu", problem) is not blocks
    y, switches = np.zeros(g.y_shape, problem.dtype), np.zeros(g.y_shape, np.int32)
    with pytest.raises(ValueError, match="max_unpool2d blocks does not support"):
        blocks(y, switches, g, collisions=problem.collisions)


def test_float64_has_shorter_vectors_so_that_fewer_channels_fill_them() -> None:
    few = replace(WINDOW, C=channels(FLOAT64))
    pairs = named("max_pool2d", "pairs")
    assert pairs.supports(Problem(few, FLOAT64)) and not pairs.supports(few)
    assert math.isinf(pairs.cost(Problem(few, FLOAT64)))  # not timed: taken by name alone


def modules() -> Iterator[ModuleType]:
    """Every file of every operation's folder."""
    for operation in {k.operation for k in all_kernels()}:
        folder = importlib.import_module(f"kernels.{operation}")
        for algorithm in pkgutil.iter_modules(folder.__path__):
            yield importlib.import_module(f"{folder.__name__}.{algorithm.name}")


def test_no_file_of_an_operation_holds_a_kernel_of_another_file_of_it() -> None:
    for module in modules():
        for value in vars(module).values():
            if isinstance(value, Kernel) and module.__name__.split(".")[1] == value.operation:
                assert value.function.__module__ == module.__name__, module.__name__


@contextmanager
def entered() -> Iterator[list[Kernel]]:
    """The kernels whose functions are entered, in order, however they are called."""
    seen: list[Kernel] = []
    functions = {id(k): (k, k.function) for k in all_kernels()}

    def noting(kernel: Kernel, function: Callable[..., Any]) -> Callable[..., Any]:
        def note(*arguments: Any, **options: Any) -> Any:
            seen.append(kernel)
            return function(*arguments, **options)

        return note

    for kernel, function in functions.values():
        object.__setattr__(kernel, "function", noting(kernel, function))
    try:
        yield seen
    finally:
        for kernel, function in functions.values():
            object.__setattr__(kernel, "function", function)


@pytest.mark.parametrize("kernel", ON_CPU, ids=lambda k: f"{k.operation}-{k.name}")
def test_no_kernel_runs_another_one_of_its_operation(kernel: Kernel) -> None:
    subject = fingerprint.of_kernel(kernel, "cpu")
    for dtype in fingerprint.DTYPES:
        for number in fingerprint.numbers(subject, dtype, seed=0, count=4):
            for form, run in subject.forms(drawn.case(kernel.operation, dtype, number, seed=0)):
                with entered() as seen, np.errstate(all="ignore"):
                    run()
                of_operation = {k.name for k in seen if k.operation == kernel.operation}
                assert of_operation == {kernel.name}, f"{dtype} {number}{form}"


def test_a_kernel_that_runs_another_one_is_noticed() -> None:
    scan, registers = named("max_pool2d", "scan"), named("max_pool2d", "registers")
    x = np.zeros(WINDOW.x_shape, np.float32)
    with entered() as seen:
        scan(x, WINDOW)
        registers.function(x, WINDOW)
    assert [k.name for k in seen] == ["scan", "registers"]
