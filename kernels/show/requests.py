"""Worked example for a reader's own sizes and numbers: their checks, and the sheet made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.norm_geometry import LCNGeometry
from kernels.show import numbers, sheets
from kernels.show.matrices import require_small
from kernels.show.sheets import Sheet


@dataclass(frozen=True)
class Request:
    """Sizes as the reader wrote them ("4x4", "1"), and the files of numbers.

    `kernel` None is 2x2 for pooling, else 3x3; `stride` None is the window for pooling, else 1.
    Numbers without a file are drawn from `seed`.
    """

    operation: str
    input: str = "4x4"
    kernel: str | None = None
    stride: str | None = None
    padding: str = "0"
    dilation: str = "1"
    groups: int = 1
    channels: int = 1
    filters: int = 1
    batch: int = 1
    seed: int = 0
    algorithm: str | None = None
    x: Path | None = None
    w: Path | None = None
    gy: Path | None = None


def sheet_of(request: Request) -> Sheet:
    """The call's matrices; ValueError if sizes, files or the operation's name do not fit."""
    if request.operation not in _BUILDERS:
        known = ", ".join(_BUILDERS)
        raise ValueError(f"cannot show {request.operation!r}; there is {known}")
    taken, build = _BUILDERS[request.operation]
    for name in ("x", "w", "gy"):
        if getattr(request, name) is not None and name not in taken:
            uses = " and ".join(f"--{used}" for used in taken)
            raise ValueError(f"{request.operation} has no {name}; it takes {uses}")
    for name in ("channels", "filters", "batch"):
        if getattr(request, name) < 1:
            raise ValueError(f"--{name} must be at least 1, got {getattr(request, name)}")
    if request.seed < 0:
        raise ValueError(f"--seed must be at least 0, got {request.seed}")
    return build(request)


def _x_shape(request: Request) -> tuple[int, int, int, int]:
    H, W = numbers.two(request.input, "--input")
    if H < 1 or W < 1:
        raise ValueError(f"--input {request.input} has no pixels; 1x1 is the least")
    return request.batch, request.channels, H, W


def _padding(request: Request) -> tuple[int, ...]:
    padding = numbers.sizes(request.padding, "--padding", (1, 2, 4))
    return padding * 2 if len(padding) == 1 else padding


def _convolution(request: Request) -> ConvGeometry:
    R, S = numbers.two(request.kernel or "3x3", "--kernel")
    if request.groups < 1 or request.channels % request.groups or request.filters % request.groups:
        raise ValueError(
            f"--groups {request.groups} must be at least 1 and divide --channels "
            f"{request.channels} and --filters {request.filters}"
        )
    w_shape = request.filters, request.channels // request.groups, R, S
    steps = numbers.two(request.stride or "1", "--stride"), _padding(request)
    dilation = numbers.two(request.dilation, "--dilation")
    return ConvGeometry.of(_x_shape(request), w_shape, *steps, dilation, request.groups)


def _pooling(request: Request) -> PoolGeometry:
    size = numbers.two(request.kernel or "2x2", "--kernel")
    stride = numbers.two(request.stride, "--stride") if request.stride else None
    dilation = numbers.two(request.dilation, "--dilation")
    return PoolGeometry.of(_x_shape(request), size, stride, _padding(request), dilation)


def _contrast(request: Request) -> LCNGeometry:
    size = numbers.two(request.kernel or "3x3", "--kernel")
    if size[0] != size[1]:
        raise ValueError(f"--kernel {request.kernel}: the window of this operation is square")
    return LCNGeometry.of(_x_shape(request), size[0])


def _conv2d(request: Request) -> Sheet:
    g, rng = _convolution(request), np.random.default_rng(request.seed)
    x = _pixels(request.x, g.x_shape, rng, "x")
    w = _weights(request.w, g.w_shape, rng)
    if request.algorithm != "winograd":
        return sheets.conv2d(x, w, g)
    if (g.R, g.S, *g.stride, *g.dilation) != (3, 3, 1, 1, 1, 1):
        raise ValueError(
            f"winograd is for --kernel 3x3 with stride and dilation 1, got {g.R}x{g.S} with stride "
            f"{g.stride} and dilation {g.dilation}"
        )
    return sheets.winograd(x, w, g)


def _conv2d_dgrad(request: Request) -> Sheet:
    g, rng = _convolution(request), np.random.default_rng(request.seed)
    gy = _pixels(request.gy, g.y_shape, rng, "gy")
    return sheets.conv2d_dgrad(gy, _weights(request.w, g.w_shape, rng), g)


def _conv2d_wgrad(request: Request) -> Sheet:
    g, rng = _convolution(request), np.random.default_rng(request.seed)
    x = _pixels(request.x, g.x_shape, rng, "x")
    return sheets.conv2d_wgrad(x, _pixels(request.gy, g.y_shape, rng, "gy"), g)


def _max_pool2d(request: Request) -> Sheet:
    g = _pooling(request)
    return sheets.max_pool2d(_image(request, g), g)


def _max_unpool2d(request: Request) -> Sheet:
    g = _pooling(request)
    return sheets.max_unpool2d(_image(request, g), g)


def _local_contrast_norm(request: Request) -> Sheet:
    g = _contrast(request)
    return sheets.local_contrast_norm(_image(request, g), g)


def _image(request: Request, g: PoolGeometry | LCNGeometry) -> np.ndarray:
    return _pixels(request.x, g.x_shape, np.random.default_rng(request.seed), "x")


def _pixels(
    path: Path | None, shape: tuple[int, ...], rng: np.random.Generator, what: str
) -> np.ndarray:
    require_small(shape, what)
    return numbers.pixels(shape, rng) if path is None else numbers.read(path, shape, what)


def _weights(path: Path | None, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    require_small(shape, "w")
    return numbers.weights(shape, rng) if path is None else numbers.read(path, shape, "w")


_BUILDERS: dict[str, tuple[tuple[str, ...], Callable[[Request], Sheet]]] = {
    "conv2d": (("x", "w"), _conv2d),
    "conv2d_dgrad": (("gy", "w"), _conv2d_dgrad),
    "conv2d_wgrad": (("x", "gy"), _conv2d_wgrad),
    "max_pool2d": (("x",), _max_pool2d),
    "max_unpool2d": (("x",), _max_unpool2d),
    "local_contrast_norm": (("x",), _local_contrast_norm),
}
