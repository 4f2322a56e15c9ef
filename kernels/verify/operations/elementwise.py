"""Calls of rectification, of the matrix product and of random bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.contract.registry import Kernel
from kernels.verify.arrays import small
from kernels.verify.calls import Call, Operation, Results, Sum, operation

Shape = tuple[int, ...]


@operation
class Relu(Operation):
    """Its geometry is the shape of its inputs, which is not passed to the kernel."""

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

    def in_float64(self, call: Call) -> Results:
        x = call.inputs["x"].astype(np.float64)
        return (np.where(x <= 0, 0.0, x),)


@operation
class ReluVjp(Relu):
    name, inputs = "relu_vjp", ("gy", "x")
    linear = ("gy",)

    def in_float64(self, call: Call) -> Results:
        gy, x = call.inputs.values()
        return (np.where(x > 0, gy.astype(np.float64), 0.0),)


@operation
class Matmul(Sum):
    """Its geometry is (M, N, K)."""

    name, linear, whole = "matmul", ("a", "b"), True

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[tuple[int, int, int]]:
        """Large ones are long in one direction, longer than the usual blocks."""
        if not large:
            return st.tuples(small(0, 7), small(0, 7), small(0, 7))
        sizes = st.tuples(small(1, 300), small(1, 70), small(1, 70))
        return sizes.flatmap(st.permutations).map(lambda three: (three[0], three[1], three[2]))

    def shapes(self, g: tuple[int, int, int]) -> dict[str, Shape]:
        M, N, K = g
        return {"a": (M, K), "b": (K, N)}

    def chain(self, g: tuple[int, int, int]) -> int:
        return g[2] + 1  # and the bias

    def optional(self, g: tuple[int, int, int]) -> dict[str, Shape]:
        return {"bias": (g[1],)}

    def absolute(self, kernel: Kernel, call: Call) -> np.ndarray:
        return self.in_float64(call.each(np.abs))[0]

    def in_float64(self, call: Call) -> Results:
        a, b = (array.astype(np.float64) for array in call.inputs.values())
        return (a @ b + call.options.get("bias", 0.0),)  # (M,K) x (K,N) -> (M,N)

    def precisely(self, call: Call) -> np.ndarray:
        a, b = (array.astype(np.longdouble) for array in call.inputs.values())
        products = (a @ b).astype(np.float64)  # (M,K) x (K,N) -> (M,N)
        return products + call.options.get("bias", 0.0)


@operation
class BatchedMatmul(Sum):
    """Its geometry is (B, M, N, K)."""

    name, linear, whole = "batched_matmul", ("a", "b"), True

    def geometries(
        self, kernel: Kernel, large: bool
    ) -> st.SearchStrategy[tuple[int, int, int, int]]:
        """Large ones are long in one direction, longer than the usual blocks."""
        if not large:
            return st.tuples(small(0, 4), small(0, 6), small(0, 6), small(0, 6))
        sizes = st.tuples(small(1, 300), small(1, 40), small(1, 40))
        return st.tuples(small(1, 4), sizes.flatmap(st.permutations)).map(
            lambda drawn: (drawn[0], drawn[1][0], drawn[1][1], drawn[1][2])
        )

    def shapes(self, g: tuple[int, int, int, int]) -> dict[str, Shape]:
        B, M, N, K = g
        return {"a": (B, M, K), "b": (B, K, N)}

    def chain(self, g: tuple[int, int, int, int]) -> int:
        return g[3]

    def absolute(self, kernel: Kernel, call: Call) -> np.ndarray:
        return self.in_float64(call.each(np.abs))[0]

    def in_float64(self, call: Call) -> Results:
        a, b = (array.astype(np.float64) for array in call.inputs.values())
        return (a @ b,)  # (B,M,K) x (B,K,N) -> (B,M,N)

    def precisely(self, call: Call) -> np.ndarray:
        a, b = (array.astype(np.longdouble) for array in call.inputs.values())
        return np.asarray((a @ b).astype(np.float64))  # (B,M,K) x (B,K,N) -> (B,M,N)


@operation
class RandomBits(Operation):
    """Its geometry is the number of words; its options are seed, step and stream."""

    name = "random_bits"

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[int]:
        return small(0, 20_000 if large else 40)

    def shapes(self, g: int) -> dict[str, Shape]:
        return {}

    def run(self, kernel: Kernel, call: Call) -> Results:
        """The call has no other array that states the device than `like`."""
        return self.called(call.on(kernel), call.g, **call.options, like=np.empty(0, np.float32))

    def options(self, kernel: Kernel, g: int) -> dict[str, st.SearchStrategy[Any]]:
        seeds = small(0, 2**64 - 1)
        return {"seed": seeds, "step": seeds, "stream": small(0, 2**32 - 1)}
