"""Matrix products of a batch: attention's scores and values.

Limited by the multiply-adds; with few terms by writing the results. The error bound is that of a
sum of K products, each rounded once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from bench import onnx_runtime
from bench.cases import Case, Contender
from bench.layers import Heads
from bench.operations.operation import (
    Call,
    Inputs,
    KernelOperation,
    Output,
    Part,
    Tensors,
    generator,
    line_of,
    normal,
    operation,
)
from kernels.definition.precisions import Rounding


@operation
class BatchedMatmul(KernelOperation):
    """a (B,M,K) times b (B,K,N)."""

    name = kernel = "batched_matmul"
    layer = Heads
    libraries = "torch", "onnxruntime"

    def geometry(self, case: Case) -> tuple[int, int, int, int]:
        assert isinstance(case.layer, Heads)
        return case.layer.geometry(case.batch)

    def bytes(self, case: Case) -> int:
        B, M, N, K = self.geometry(case)
        return 4 * B * (M * K + K * N + M * N)

    def inputs(self, case: Case) -> Inputs:
        (B, M, N, K), rng = self.geometry(case), generator()
        return {"a": normal((B, M, K), rng), "b": normal((B, K, N), rng)}

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.geometry(case)[:3])]

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        g, pairs = self.geometry(case), zip(*self.inputs(case).values(), strict=True)
        for n, (a, b) in enumerate(pairs):
            a, b = a.astype(np.float64), b.astype(np.float64)
            absolute = np.abs(a) @ np.abs(b)  # (M,K) x (K,N) -> (M,N)
            bound = partial(self._bound, g=g, absolute=absolute)
            rounded = partial(_rounded, a=a, b=b)
            yield Part(0, n, a @ b, bound, rounded=rounded)  # (M,K) x (K,N) -> (M,N)

    def _bound(
        self, contender: Contender, g: tuple[int, int, int, int], absolute: np.ndarray
    ) -> np.ndarray:
        return line_of(contender, self.kernel, g, g[3] + 1, {False: absolute, True: absolute})

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        return Call(lambda: torch.bmm(tensors["a"], tensors["b"]))

    def onnxruntime(self, case: Case, threads: int) -> Call:
        node = onnx_runtime.Node("MatMul", ("a", "b"), ("y",))
        return onnx_runtime.call([node], self.inputs(case), {}, threads)


def _rounded(change: Rounding, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return change(a) @ change(b)  # (M,K) x (K,N) -> (M,N)
