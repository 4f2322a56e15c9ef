"""Features that a convolution kernel supports (stride, groups, ...), asked for one by one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import problem_of
from kernels.contract.registry import Kernel

CHANNELS = 192, 12, 3
"""Numbers of channels to try: a kernel may need whole blocks of them, or only support few."""


def supports(kernel: Kernel, problem: Any) -> bool:
    """The result of the kernel's `supports` for a problem, or for a geometry in float32.

    ValueError names kernel and problem if it raises.
    """
    try:
        answer = kernel.supports(problem)
        if kernel.abilities.supports(problem_of(problem)) is None:
            raise TypeError("it returns None, neither True nor False")
        return bool(answer)
    except Exception as error:
        raise ValueError(
            f"{kernel.operation} {kernel.name}: supports(g) raises {type(error).__name__}: {error} "
            f"for {problem}"
        ) from error


@lru_cache(maxsize=256)
def plain(kernel: Kernel) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The first (window, stride) that is supported without padding, dilation and groups."""
    sizes = sorted(((R, S) for R in range(1, 12) for S in range(1, 12)), key=lambda v: v[0] != v[1])
    for stride in ((1, 1), (2, 2), (3, 3), (4, 4)):
        for size in sizes:
            if serves(kernel, size, stride):
                return size, stride
    return None


def serves(
    kernel: Kernel,
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: Any = 0,
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    channels: int | None = None,
) -> bool:
    """Whether it supports a convolution of 60 x 60 pixels with so many channels and filters.

    Any of CHANNELS if they are not given.
    """
    return any(
        supports(
            kernel,
            ConvGeometry.of(
                (2, C, 60, 60), (C, C // groups, *size), stride, padding, dilation, groups
            ),
        )
        for C in ((channels,) if channels else CHANNELS)
        if C % groups == 0
    )


def described(kernel: Kernel) -> str:
    """The restrictions of a kernel in words: features that it does not support."""
    base = plain(kernel)
    if base is None:
        return "no plain convolution"
    size, stride = base
    limits = [f"windows {_listed(sizes)}"] if (sizes := _sizes(kernel, stride)) else []
    features: list[tuple[str, list[dict[str, Any]]]] = [
        ("stride 1 only", [{"stride": (s, s)} for s in (2, 3, 4)]),
        ("no padding", [{"padding": 1}]),
        ("no cropping", [{"padding": -1}]),
        ("no dilation", [{"dilation": (2, 2)}]),
        ("no groups", [{"groups": 2}]),
    ]
    for limit, options in features:
        if not any(serves(kernel, size, **({"stride": stride} | option)) for option in options):
            limits.append(limit)
    return ", ".join(limits) or "everything"


def _sizes(kernel: Kernel, stride: tuple[int, int]) -> list[tuple[int, int]]:
    """The window sizes that it supports; empty if it supports all."""
    windows = [(R, S) for R in range(1, 12) for S in range(1, 12)]
    served = [size for size in windows if serves(kernel, size, stride)]
    return [] if len(served) == len(windows) else served


def _listed(sizes: list[tuple[int, int]], most: int = 3) -> str:
    names = [f"{R}x{S}" for R, S in sizes]
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
