"""Rectification, the matrix product and random bits: the operations without a plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.registry import Kernel
from kernels.verify.arrays import small
from kernels.verify.bounds import of_kernel
from kernels.verify.calls import Bounds, Call, Operation, operation

Shape = tuple[int, ...]


@operation
class Relu(Operation):
    """Its geometry is the shape of its inputs, which the kernel sees for itself."""

    name = "relu"
    inputs: tuple[str, ...] = ("x",)

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[Shape]:
        axes = (
            st.lists(small(0, 5), max_size=5) if not large else st.lists(small(1, 40), max_size=3)
        )
        return axes.map(tuple)

    def shapes(self, g: Shape) -> dict[str, Shape]:
        return dict.fromkeys(self.inputs, g)

    def arguments(self, call: Call) -> tuple[Any, ...]:
        return tuple(call.inputs.values())


@operation
class ReluVjp(Relu):
    name, inputs = "relu_vjp", ("gy", "x")
    linear = ("gy",)


@operation
class Matmul(Operation):
    """Its geometry is (M, N, K)."""

    name, linear, whole = "matmul", ("a", "b"), True

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[tuple[int, int, int]]:
        sizes = small(1, 90) if large else small(0, 7)
        return st.tuples(sizes, sizes, sizes)

    def shapes(self, g: tuple[int, int, int]) -> dict[str, Shape]:
        M, N, K = g
        return {"a": (M, K), "b": (K, N)}

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        a, b = (np.abs(array.astype(np.float64)) for array in call.inputs.values())
        return (of_kernel(kernel, call.g, a @ b, call.dtype, call.g[2]),)


@operation
class RandomBits(Operation):
    """Its geometry is how many words; its options say which."""

    name = "random_bits"

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[int]:
        return small(0, 20_000 if large else 40)

    def shapes(self, g: int) -> dict[str, Shape]:
        return {}

    def options(self, g: int) -> dict[str, st.SearchStrategy[Any]]:
        seeds = small(0, 2**64 - 1)
        return {"seed": seeds, "step": seeds, "stream": small(0, 2**32 - 1)}
