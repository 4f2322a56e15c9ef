"""Functions with C linkage in a shared library, as kernels.

    void conv2d_f32(const float *x, const float *w, const float *bias, float *y,
                    int64_t N, int64_t C, int64_t H, int64_t W, int64_t K, int64_t R, int64_t S,
                    int64_t stride_h, int64_t stride_w, int64_t top, int64_t bottom, int64_t left,
                    int64_t right, int64_t dilation_h, int64_t dilation_w, int64_t groups);

Arrays are row-major, as the shapes of the operation are written (NCHW, KCRS); `bias` may be NULL.
With `_f64` and double in place of float it is the function for float64; where one is missing, its
type is not supported. `int conv2d_supports(...)`, of the numbers alone, may narrow what is. The
result is written to memory that is filled with NaN and lies between pages that fault. docs/judge.md
lists all signatures.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.kernel import Kernel
from kernels.contract.problem import Problem
from kernels.judge.forms import solutions
from kernels.judge.forms.memory import Opened, between_guards, opened, packed

SUFFIXES = (".so",)
TYPES: dict[np.dtype, str] = {np.dtype(np.float32): "f32", np.dtype(np.float64): "f64"}


@dataclass(frozen=True)
class Signature:
    """A function of an operation: its array arguments, its result, and its numbers.

    arrays:  how many come before the result, a bias that may be NULL included.
    result:  the shape and, if it is not the operands', the type of each result.
    numbers: the integers after the arrays.
    """

    arrays: int
    results: Callable[[Any], list[tuple[tuple[int, ...], Any]]]
    numbers: Callable[[Any], tuple[int, ...]]
    biased: bool = False
    serves: Callable[[Any], bool] = lambda g: True


def _window(g: ConvGeometry | PoolGeometry) -> tuple[int, ...]:
    return (g.R, g.S, *g.stride, *g.padding, *g.dilation)


def _convolution(g: ConvGeometry) -> tuple[int, ...]:
    return (g.N, g.C, g.H, g.W, g.K, *_window(g), g.groups)


def _pool(g: PoolGeometry) -> tuple[int, ...]:
    return (g.N, g.C, g.H, g.W, g.P, g.Q, *_window(g))


SIGNATURES = {
    "conv2d": Signature(3, lambda g: [(g.y_shape, None)], _convolution, True),
    "conv2d_dgrad": Signature(2, lambda g: [(g.x_shape, None)], _convolution),
    "conv2d_wgrad": Signature(2, lambda g: [(g.w_shape, None)], _convolution),
    "max_pool2d": Signature(1, lambda g: [(g.y_shape, None), (g.y_shape, np.int32)], _pool),
    "avg_pool2d": Signature(1, lambda g: [(g.y_shape, None)], _pool,
                            serves=lambda g: g.count_include_pad and not g.ceil_mode),
    "matmul": Signature(3, lambda g: [(g[:2], None)], lambda g: g, True),
    "relu": Signature(1, lambda g: [(g, None)], lambda g: (int(np.prod(g)),)),
}  # fmt: skip
"""By operation; the function's name is the operation's and `_f32` or `_f64`."""


def load(source: str) -> list[Kernel]:
    """The kernels of a shared library; ValueError if it has none of the functions."""
    try:
        library = opened(source)
    except OSError as error:
        raise ValueError(f"{source} is no shared library that loads: {error}") from error
    name = Path(source).name.split(".")[0]
    found = solutions.found(source, library)
    for operation, signature in SIGNATURES.items():
        functions: dict[np.dtype, Any] = {
            dtype: getattr(library.functions, f"{operation}_{word}")
            for dtype, word in TYPES.items()
            if hasattr(library.functions, f"{operation}_{word}")
        }
        if functions:
            narrows = getattr(library.functions, f"{operation}_supports", None)
            found.append(_kernel(operation, name, Native(signature, functions, library, narrows)))
    if not found:
        names = ", ".join(f"{operation}_f32" for operation in SIGNATURES)
        raise ValueError(
            f'{source} has no function with C linkage (extern "C") named {names}, nor solve'
        )
    return found


class Native:
    """The functions of one operation, called with the arguments of a kernel."""

    def __init__(
        self,
        signature: Signature,
        functions: dict[np.dtype, Any],
        library: Opened,
        narrows: Any = None,
    ) -> None:
        self.signature, self.functions, self.narrows = signature, functions, narrows
        self.operands = library.operands
        self.turn = 0

    def supports(self, problem: Problem) -> bool:
        g = problem.geometry
        if problem.dtype not in self.functions or not self.signature.serves(g):
            return False
        return self.narrows is None or bool(self.narrows(*self._numbers(g)))

    def _numbers(self, g: Any) -> list[ctypes.c_int64]:
        return [ctypes.c_int64(n) for n in self.signature.numbers(g)]

    def __call__(self, *given: Any, bias: np.ndarray | None = None) -> Any:
        arrays = np.ndarray, np.generic  # an array without axes may come as a number
        operands = [np.asarray(a) for a in given if isinstance(a, arrays)]
        g = next((v for v in given if not isinstance(v, arrays)), operands[0].shape)
        dtype = operands[0].dtype.newbyteorder("=")
        results = [self._result(s, t or dtype) for s, t in self.signature.results(g)]
        passed: list[np.ndarray | None] = [packed(a) for a in operands]
        if self.signature.biased:
            passed.append(None if bias is None else packed(bias))
        with self.operands([*passed, *results]) as pointers:
            self.functions[np.dtype(dtype)](*pointers, *self._numbers(g))
        return tuple(results) if len(results) > 1 else results[0]

    def _result(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        self.turn += 1
        return between_guards(shape, np.dtype(dtype), self.turn % 3 != 0)


class Packed(Kernel):
    """A kernel of C functions, which packs its operands itself."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.function(*args, **options)


def _kernel(operation: str, name: str, native: Native) -> Kernel:
    accuracy = Accuracy(spreads="padding" if operation.startswith("conv2d") else "nowhere")
    return Packed(operation, name, "cpu", native, accuracy, Cost(),
                  Abilities(supports=native.supports))  # fmt: skip
