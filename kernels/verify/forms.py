"""Geometries written as text, "N=1 C=64 H=56 ...": the names of sizes that each operation takes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kernels.contract.activation_geometry import WITH_PARAMETER, ActivationGeometry
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.contract.plane_geometry import ConcatenateGeometry, PatchGeometry
from kernels.contract.stage_geometry import StageGeometry
from kernels.verify.strata.stages import CONVOLUTIONS

Value = Any
CONVOLVED = ("conv2d", "conv2d_dgrad", "conv2d_wgrad")
POOLED = ("max_pool2d", "max_unpool2d", "max_unpool2d_vjp", "avg_pool2d", "avg_pool2d_vjp")
RESPONDING = ("local_response_norm", "local_response_norm_vjp")
CONTRASTING = ("local_contrast_norm", "local_contrast_norm_vjp")


@dataclass(frozen=True)
class Form:
    """The names of an operation's sizes, which are the parameters of the function that builds its
    geometry, or a list of them; those without a default are needed."""

    build: Callable[..., Any]

    @property
    def names(self) -> set[str]:
        return set(inspect.signature(self.build).parameters)

    @property
    def needed(self) -> list[str]:
        parameters = inspect.signature(self.build).parameters.values()
        return [p.name for p in parameters if p.default is p.empty]

    def amiss(self, values: Mapping[str, Value]) -> str:
        """The names that are missing, or that it has not; "" if these are its sizes."""
        lacking = [name for name in self.needed if name not in values]
        strange = [name for name in values if name not in self.names]
        parts = [f"{', '.join(lacking)} is missing"] if lacking else []
        return " and ".join([*parts, *([f"{', '.join(strange)} is no size"] if strange else [])])

    def made(self, values: Mapping[str, Value]) -> tuple[Any, ...]:
        """Its geometries of these values; ValueError for one that is wrong."""
        for name, parameter in inspect.signature(self.build).parameters.items():
            if name in values:
                _check(name, values[name], str(parameter.annotation))
        found = self.build(**values)
        return tuple(found) if isinstance(found, list) else (found,)

    @property
    def shown(self) -> str:
        """The form, those with a default in brackets."""
        parameters = inspect.signature(self.build).parameters.values()
        return " ".join(
            f"{p.name}=" if p.default is p.empty else f"[{p.name}={_plain(p.default)}]"
            for p in parameters
        )


def _check(name: str, value: Value, annotation: str) -> None:
    """ValueError for another kind of value than the parameter is annotated with."""
    whole, truth = isinstance(value, int), isinstance(value, bool)
    wrong = {
        "int": not whole or truth or value < 0,
        "float": truth or not isinstance(value, int | float) or not math.isfinite(value),
        "bool": not truth,
        "str": not isinstance(value, str),
    }
    kinds = {"int": "a whole number of at least 0", "float": "a number", "bool": "true or false",
             "str": "a word"}  # fmt: skip
    if wrong.get(annotation, isinstance(value, str)):
        wanted = kinds.get(annotation, "a number, or numbers joined by x or a comma")
        raise ValueError(f"{name} must be {wanted}, got {value}")


def _plain(value: Value) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _convolution(
    C: int, H: int, W: int, K: int, R: int, S: int, N: int = 1, stride: Value = 1,
    padding: Value = 0, dilation: Value = 1, groups: int = 1,
) -> ConvGeometry:  # fmt: skip
    if groups < 1 or C % groups:
        raise ValueError(f"C={C} is no multiple of groups={groups}")
    w_shape = K, C // groups, R, S
    return ConvGeometry.of((N, C, H, W), w_shape, stride, padding, dilation, groups)


def _pooling(
    C: int, H: int, W: int, R: int, S: int, N: int = 1, stride: Value = None, padding: Value = 0,
    dilation: Value = 1, ceil_mode: bool = False, count_include_pad: bool = True,
) -> PoolGeometry:  # fmt: skip
    settings = stride, padding, dilation, ceil_mode, count_include_pad
    return PoolGeometry.of((N, C, H, W), (R, S), *settings)


def _stage(
    C: int, H: int, W: int, K: int, R: int, S: int, pool_size: Value, N: int = 1,
    stride: Value = 1, padding: Value = 0, dilation: Value = 1, groups: int = 1,
    pool_stride: Value = None, pool_padding: Value = 0, convolution: str = "",
) -> list[StageGeometry]:  # fmt: skip
    g = _convolution(C, H, W, K, R, S, N, stride, padding, dilation, groups)
    pool = PoolGeometry.of(g.y_shape, pool_size, pool_stride, pool_padding)
    names = (convolution,) if convolution else CONVOLUTIONS
    return [StageGeometry(g, pool, name) for name in names]


def _response(
    C: int, H: int, W: int, N: int = 1, size: int = 5, alpha: float = 1e-4, beta: float = 0.75,
    k: float = 2.0,
) -> LRNGeometry:  # fmt: skip
    return LRNGeometry.of((N, C, H, W), size, alpha, beta, k)


def _contrast(
    C: int, H: int, W: int, N: int = 1, size: int = 9, sigma: float = 1.5,
    border: str = "corrected", floor: float = 1e-4,
) -> LCNGeometry:  # fmt: skip
    return LCNGeometry.of((N, C, H, W), size, sigma, border, floor)


def _product(M: int, N: int, K: int) -> list[tuple[int, int, int]]:
    return [(M, N, K)]


def _products(B: int, M: int, N: int, K: int) -> list[tuple[int, int, int, int]]:
    return [(B, M, N, K)]


def _planes(C: int, H: int, W: int, N: int = 1) -> list[tuple[int, ...]]:
    return [(N, C, H, W)]


def _axes(name: str, value: Value) -> tuple[int, ...]:
    axes: Sequence[Value] = value if isinstance(value, tuple) else (value,)
    for size in axes:
        _check(name, size, "int")
    return tuple(axes)


def _shape(shape: Value) -> list[tuple[int, ...]]:
    return [_axes("shape", shape)]


def _activation(function: str, shape: Value, alpha: float = 1.0) -> ActivationGeometry:
    """alpha counts for functions that have a parameter."""
    has = function in WITH_PARAMETER
    return ActivationGeometry.of(function, _axes("shape", shape), alpha if has else None)


def _rows(N: int, B: int = 1, M: int = 1) -> list[tuple[int, int, int]]:
    return [(B, M, N)]


def _groups(N: int, L: int, C: int, groups: int = 1, eps: float = 1e-5) -> GroupNormGeometry:
    return GroupNormGeometry.of((N, L, C), groups, eps)


def _joined(channels: Value, H: int, W: int, N: int = 1) -> ConcatenateGeometry:
    return ConcatenateGeometry(N, _axes("channels", channels), H, W)


def _patches(
    C: int, H: int, W: int, h: int, w: int, N: int = 1, planes: int = 1, a: int = 0, b: int = 0
) -> PatchGeometry:
    return PatchGeometry.of((planes, C, H, W), N, (h, w), (a, b))


def _filled(C: int, H: int, W: int, h: int, w: int, N: int = 1) -> PatchGeometry:
    return PatchGeometry.of((N, C, H, W), N, (h, w))


def _bits(words: int) -> int:
    return words


FORMS: dict[str, Form] = {
    **dict.fromkeys(CONVOLVED, Form(_convolution)),
    **dict.fromkeys(POOLED, Form(_pooling)),
    "conv_relu_pool": Form(_stage),
    **dict.fromkeys(RESPONDING, Form(_response)),
    **dict.fromkeys(CONTRASTING, Form(_contrast)),
    "matmul": Form(_product),
    "batched_matmul": Form(_products),
    **dict.fromkeys(("relu", "relu_vjp", "sgd_step", "renormalise"), Form(_shape)),
    **dict.fromkeys(("activation", "activation_vjp"), Form(_activation)),
    **dict.fromkeys(("softmax", "softmax_vjp"), Form(_rows)),
    **dict.fromkeys(("group_norm", "group_norm_vjp"), Form(_groups)),
    "plane_max": Form(_planes),
    "concatenate": Form(_joined),
    "patches_gather": Form(_patches),
    "patches_fill": Form(_filled),
    "random_bits": Form(_bits),
}
"""By the operation's name."""
