"""Packed parameters of the Winograd passes, which compiled code reads by name."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from kernels import ConvGeometry
from kernels.winograd import layout
from kernels.winograd.jobs import Packing, Sides, jobs
from kernels.winograd.layout import Chunk, Panels, Plane, Product, Taps, pack
from kernels.winograd.plan import Plan, chunk, dgrad_plan, fprop_plan

UNPACK = (layout.tiling, layout.chunk, layout.panels, layout.plane, layout.taps, layout.product)


def structures(plan: Plan) -> list[Any]:
    """One structure of each kind, with fields that all differ."""
    part: Chunk = chunk(plan, 2, 7)
    (job,) = jobs(
        *(
            plan,
            Sides(20, 9),
            (3, 17, 19, 40),
            (3, 17, 19, 18),
            2,
            np.dtype(np.float32),
            1 << 30,
        ),
        Packing(16, 16, 1, by_outputs=False),
    )
    product: Product = job.product
    matrices = Panels(product.v_begins, product.rows, 24)
    return [plan.tiling, part, matrices, Plane(17, 19, 40, 20, 13), Taps(*range(50, 57)), product]


def read(unpack: Any, parameters: Any) -> Any:
    """What compiled code reads."""
    return numba.njit(lambda packed: unpack(packed))(parameters)


@pytest.mark.parametrize("plan_of", [fprop_plan, dgrad_plan])
def test_every_field_is_read_as_it_was_packed(plan_of: Any) -> None:
    packed = structures(plan_of(ConvGeometry.of((3, 40, 17, 19), (18, 40, 5, 3), (2, 1), 1)))
    parameters = pack(*packed)
    for structure, unpack in zip(packed, UNPACK, strict=True):
        found = read(unpack, parameters)
        assert type(found) is type(structure)
        for name in structure._fields:
            np.testing.assert_array_equal(getattr(found, name), getattr(structure, name), name)
