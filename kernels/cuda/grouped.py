"""Matrix products of the groups of a convolution, each on its own channels."""

from __future__ import annotations

from typing import Any

from kernels.cuda.products import product


def grouped_product(a: Any, b: Any, out: Any = None) -> Any:
    """a (G,M,K) x b (G,K,N) -> (G,M,N), into `out` if given; in their type, on the device.

    A single group is a plain product: cuBLAS then reads a transposed matrix as it lies, whereas
    CuPy copies the transposed matrices of a batch first.
    """
    if len(a) != 1:
        return product(a, b, out=out)
    return product(a[0], b[0], out=None if out is None else out[0])[None]  # (M,N) -> (1,M,N)
