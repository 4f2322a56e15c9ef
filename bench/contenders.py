"""Who can compute a case, and how each is called.

A library gets its arrays in the memory layout that it wants, made before anything is timed, as
kernels get theirs channels-last; both write their result into memory of their own.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

from bench.cases import Case, Contender
from kernels import Kernel, all_kernels, named

Call = Callable[[], Any]

LAYOUTS = {"torch": ("NCHW", "NHWC")}
"""The libraries to compare with and the layouts that each is timed in; the faster one counts."""


def libraries(names: Sequence[str] | None) -> list[str]:
    """Those asked for, or those installed (None); ValueError for one that is not here."""
    if names is None:
        return [name for name in LAYOUTS if importlib.util.find_spec(name)]
    for name in names:
        if name not in LAYOUTS:
            known = ", ".join(LAYOUTS)
            raise ValueError(f"cannot compare with {name!r}; known: {known}, or none")
        if not importlib.util.find_spec(name):
            raise ValueError(f"{name} is not installed: pip install {name}, or --against none")
    return list(names)


def contenders(case: Case, kernels: Sequence[str], against: Sequence[str]) -> list[Contender]:
    """The kernels (all registered ones unless named) that serve the case, then the libraries."""
    chosen = [named(case.operation, name) for name in kernels]
    candidates = chosen or [k for k in all_kernels(case.operation) if k.device == "cpu"]
    ours = [Contender("kernels", k.name) for k in candidates if _serves(k, case)]
    return ours + [Contender(name, layout) for name in against for layout in LAYOUTS[name]]


def _serves(kernel: Kernel, case: Case) -> bool:
    try:
        return bool(kernel.supports(case.geometry))
    except Exception as error:
        raise ValueError(
            f"{kernel.operation} {kernel.name}: `supports` raised {type(error).__name__}: {error} "
            f"for {case.geometry}"
        ) from error


def call_of(case: Case, contender: Contender, threads: int) -> Call:
    """The contender's call on the case's inputs; it returns something that NumPy takes."""
    if contender.library == "torch":
        return _torch(case, contender.name, threads)
    kernel, inputs, g = named(case.operation, contender.name), case.inputs(), case.geometry
    return lambda: kernel(*inputs, g)


def _torch(case: Case, layout: str, threads: int) -> Call:
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    formats = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}
    a, b = (torch.from_numpy(x).contiguous(memory_format=formats[layout]) for x in case.inputs())
    layer, g = case.layer, case.geometry
    if case.operation == "conv2d":
        return lambda: torch.conv2d(a, b, None, layer.stride, layer.padding, 1, layer.groups)
    if case.operation == "conv2d_dgrad":
        x = torch.empty(g.x_shape).contiguous(memory_format=formats[layout])
        gy, w, wanted = a, b, (True, False, False)
    else:
        w = torch.empty(g.w_shape).contiguous(memory_format=formats[layout])
        x, gy, wanted = a, b, (False, True, False)
    stride, padding, one, none = [[n, n] for n in (layer.stride, layer.padding, 1, 0)]
    settings: tuple[Any, ...] = None, stride, padding, one, False, none, layer.groups, wanted
    place = wanted.index(True)
    return lambda: torch.ops.aten.convolution_backward(gy, x, w, *settings)[place]
