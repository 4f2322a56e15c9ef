"""Draws of the property suite: all kinds of convolutions that the project supports."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, find, settings
from hypothesis.errors import NonInteractiveExampleWarning

from kernels import Abilities, ConvGeometry, Kernel, all_kernels, reference
from kernels.verify import PROPERTIES, make, try_property
from kernels.verify.geometries import LARGE, SMALL, conv_geometries
from kernels.verify.served import narrowed


@pytest.mark.parametrize(
    "wanted",
    [
        lambda g: g.stride == (4, 4),
        lambda g: g.stride[0] != g.stride[1],
        lambda g: g.dilation == (3, 3),
        lambda g: (g.R, g.S) == (11, 11),
        lambda g: g.R == 1 < g.S,
        lambda g: g.padding[0] > g.extent[0],
        lambda g: min(g.padding) == -2,
        lambda g: g.padding[2] != g.padding[3],
        lambda g: g.groups == g.C == g.K == 4,
        lambda g: g.P == g.Q == 1,
        lambda g: g.H != g.W,
        lambda g: g.N == 0,
        lambda g: g.C == 0,
        lambda g: g.K == 0,
        lambda g: g.H == 0,
        lambda g: g.P > 1 and (g.H + g.padding[0] + g.padding[1] - g.extent[0]) % g.stride[0] != 0,
    ],
)
def test_every_kind_of_convolution_is_drawn(wanted: Callable[[ConvGeometry], bool]) -> None:
    quiet = settings(max_examples=20_000, database=None, suppress_health_check=list(HealthCheck))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonInteractiveExampleWarning)
        find(conv_geometries(SMALL), wanted, settings=quiet)


def kernel_that_serves(supports: Callable[[ConvGeometry], bool]) -> Kernel:
    def forward(x: np.ndarray, w: np.ndarray, g: ConvGeometry, bias: Any = None) -> np.ndarray:
        return reference.conv2d(x, w, g, bias=bias).astype(x.dtype)

    abilities = Abilities(lambda problem: supports(problem.geometry))
    return Kernel("conv2d", "some", "cpu", forward, abilities=abilities)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda g: g.W > 200,
        lambda g: g.C > 256,
        lambda g: g.K > 256,
        lambda g: g.N > 16,
        lambda g: g.stride == (4, 4) and g.C // g.groups > 8,
        lambda g: g.C // g.groups > 32 < g.K // g.groups,
    ],
)
def test_convolutions_that_cross_tiles_are_drawn(wanted: Callable[[ConvGeometry], bool]) -> None:
    quiet = settings(max_examples=5_000, database=None, suppress_health_check=list(HealthCheck))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonInteractiveExampleWarning)
        find(conv_geometries(LARGE), wanted, settings=quiet)


@pytest.mark.parametrize(
    "supports",
    [
        lambda g: (g.R, g.S) == (3, 3) and g.stride == (1, 1) and g.dilation == (1, 1),
        lambda g: g.C // g.groups % 16 == 0 and g.K // g.groups % 16 == 0 and g.groups == 1,
        lambda g: g.groups == g.C == g.K,
        lambda g: (g.R, g.S) == (1, 1) and g.padding == (0, 0, 0, 0),
        lambda g: g.stride == (2, 2) and g.padding[:2] == g.padding[2:],
    ],
)
def test_a_kernel_that_serves_little_gets_examples_that_it_serves(
    supports: Callable[[ConvGeometry], bool],
) -> None:
    outcome = try_property(kernel_that_serves(supports), PROPERTIES["definition"], 10)
    assert outcome.holds and outcome.examples == 10


def test_ranges_are_not_narrowed_for_a_kernel_that_serves_everything() -> None:
    everything = kernel_that_serves(lambda g: True)
    assert narrowed(everything, SMALL) == SMALL
    assert narrowed(everything, LARGE) == LARGE


def test_the_same_seed_draws_the_same_examples_and_another_seed_others() -> None:
    seen: list[list[str]] = []
    for seed in (1, 1, 2):
        drawn: list[str] = []

        def note(
            x: np.ndarray, w: np.ndarray, g: ConvGeometry, to: list[str] = drawn
        ) -> np.ndarray:
            to.append(f"{g} {x.tobytes()!r}")
            return reference.conv2d(x, w, g).astype(x.dtype)

        noting = Kernel("conv2d", "notes", "cpu", note)
        try_property(noting, PROPERTIES["integers"], 10, seed)
        seen.append(drawn)
    assert seen[0] == seen[1] != seen[2]


@pytest.mark.parametrize(("operation", "g"), [("relu_vjp", (2, 3)), ("matmul", (2, 3, 4))])
def test_a_call_is_the_same_for_the_same_seed(operation: str, g: tuple[int, ...]) -> None:
    first, again, other = (make(operation, g, "normal", seed) for seed in (7, 7, 8))
    for name, array in first.inputs.items():
        assert np.array_equal(array, again.inputs[name])
        assert not np.array_equal(array, other.inputs[name])


def test_strides_are_drawn_though_the_smallest_window_takes_none() -> None:
    (kernel,) = (k for k in all_kernels("conv2d") if k.name == "winograd_tiles")
    for ranges in (SMALL, LARGE):
        served = narrowed(kernel, ranges)
        assert {(1, 1), (2, 2), (1, 3)} <= set(served.strides)
        assert (5, 5) in served.sizes and (1, 1) not in served.sizes
