"""Patches on a device, compared with the CPU's bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernels import named
from kernels.bounds import same_bits
from kernels.contract.plane_geometry import PatchGeometry
from kernels.cuda.grids import few_blocks
from kernels.verify.arrays import dtypes, normal, pairs, rngs, small
from minidl import device
from zfnet import patches

pytestmark = pytest.mark.usefixtures("one_thread")
ONE_DEVICE = [HealthCheck.function_scoped_fixture]
"""The fixture `cuda_device` is the same for all examples."""


@settings(suppress_health_check=ONE_DEVICE)
@given(
    planes=small(1, 3), C=small(1, 9), plane=pairs(1, 5), shape=pairs(1, 5), over=pairs(0, 3),
    one=st.booleans(), dtype=dtypes, rng=rngs,
)  # fmt: skip
def test_patches_are_cut_and_laid_over_as_on_the_cpu(
    cuda_device: str, planes: int, C: int, plane: tuple[int, int], shape: tuple[int, int],
    over: tuple[int, int], one: bool, dtype: type, rng: np.random.Generator,
) -> None:  # fmt: skip
    x = normal((1 if one else planes, C, *plane), rng, dtype)
    at, over_at = rng.integers(-3, 5, (2, planes, 2))
    part = normal((planes, C, *over), rng, dtype)
    there, part_there = (device.move(a, cuda_device) for a in (x, part))
    here = patches.cut(x, at, shape, -7.0, (part, over_at))
    with few_blocks(2):
        found = patches.cut(there, at, shape, -7.0, (part_there, over_at))
    assert device.of(found) == cuda_device
    assert same_bits(device.host(found), here)


@settings(suppress_health_check=ONE_DEVICE)
@given(count=small(1, 3), C=small(1, 9), shape=pairs(1, 5), plane=pairs(1, 5), rng=rngs)
def test_pixels_outside_of_the_plane_are_filled_as_on_the_cpu(
    cuda_device: str, count: int, C: int, shape: tuple[int, int], plane: tuple[int, int],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    x, at = normal((count, C, *shape), rng, np.float32), rng.integers(-3, 5, (count, 2))
    g = PatchGeometry.of((count, C, *plane), count, shape)
    placed = (device.move(a, cuda_device) for a in (x, at))
    there = named("patches_fill", "rows", "cuda")(*placed, g, fill=1.5)
    assert same_bits(device.host(there), named("patches_fill", "rows")(x, at, g, fill=1.5))
