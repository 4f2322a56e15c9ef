"""Batched matrix product over the groups of a convolution."""

from __future__ import annotations

from typing import Any

from kernels.cuda.products import product


def grouped_product(a: Any, b: Any, out: Any = None) -> Any:
    """a (G,M,K) x b (G,K,N) -> (G,M,N), into `out` if given; in their type, on the device.

    A single group is a plain product: cuBLAS then reads a transposed matrix in place, whereas CuPy
    first copies the transposed matrices of a batch.
    """
    if len(a) != 1:
        return product(a, b, out=out)
    return product(a[0], b[0], out=None if out is None else out[0])[None]  # (M,N) -> (1,M,N)
