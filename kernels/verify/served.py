"""Ranges from which geometries are drawn, narrowed to those that a kernel supports.

A kernel that serves only 3x3 windows at stride 1 would reject nearly every geometry drawn from all
ranges. So each range is first narrowed to values with which the kernel serves a plain convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from kernels.contract.probe import plain, serves
from kernels.contract.registry import Kernel
from kernels.verify.geometries import Ranges

Value = TypeVar("Value")
_UNITS = (1, 2, 4, 8, 16, 32, 64)


@lru_cache(maxsize=64)
def narrowed(kernel: Kernel, ranges: Ranges) -> Ranges:
    """`ranges` without values for which `kernel` serves no plain convolution.

    Unchanged if it serves no plain convolution at all. A stride is kept if any window is served
    with it, and a window if any stride is: a kernel's smallest window may allow stride 1 only.
    """
    base = plain(kernel)
    if base is None:
        return ranges
    size, stride = base
    pads = [p for p in (-1, 0, 1) if serves(kernel, size, stride, padding=p)]
    most = ranges.pads[1] if 1 in pads else 0
    served: dict[str, Any] = {
        "sizes": _those(ranges.sizes, lambda v: any(serves(kernel, v, s) for s in ranges.strides)),
        "strides": _those(
            ranges.strides, lambda v: any(serves(kernel, s, v) for s in ranges.sizes)
        ),
        "dilations": _those(ranges.dilations, lambda v: serves(kernel, size, stride, dilation=v)),
        "groups": _those(ranges.groups, lambda v: serves(kernel, size, stride, groups=v)),
        "pads": (ranges.pads[0] if -1 in pads else 0, most),
        "unit": next((u for u in _UNITS if serves(kernel, size, stride, channels=3 * u)), 1),
        "symmetric": ranges.symmetric or not serves(kernel, size, stride, padding=(1, 0, 0, 1)),
    }
    return replace(ranges, **served)


def _those(values: Iterable[Value], serves: Callable[[Value], bool]) -> tuple[Value, ...]:
    found = tuple(value for value in values if serves(value))
    return found or tuple(values)
