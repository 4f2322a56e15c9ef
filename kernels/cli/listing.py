"""`python -m kernels list`: table of the registered kernels."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kernels.contract import layer, threads
from kernels.contract.declarations import everything
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.probe import described
from kernels.contract.registry import Kernel, all_kernels
from kernels.contract.sources import load
from kernels.terminal.progress import console, say

_EXAMPLES: dict[str, Any] = {
    "conv": ConvGeometry.of((16, 256, 13, 13), (384, 256, 3, 3), 1, 1),
    "avg_pool": PoolGeometry.of((16, 96, 54, 54), 3, 2),
    "matmul": (16, 4096, 4096),
    "batched_matmul": (12, 197, 197, 64),
}
"""Geometries that a bound is evaluated for, by the beginning of the operation's name."""


def list_command(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE_OR_MODULE]...", help="Files that register more kernels."),
    ] = None,
    op: Annotated[str | None, typer.Option(help="Only kernels of this operation.")] = None,
    device: Annotated[str | None, typer.Option(help="Only kernels for cpu or cuda.")] = None,
) -> None:
    """Show every registered kernel: operation, algorithm, device, what it supports, its bound."""
    for source in sources or []:
        load(source)
    kernels = _chosen(op, device)
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("operation", "algorithm", "device", "supports", "error at most", "NaN spreads"):
        table.add_column(heading, no_wrap=heading != "supports")
    for kernel in kernels:
        row = kernel.operation, kernel.name, kernel.device, *_details(kernel)
        table.add_row(*map(Text, row))
    (console if console.is_terminal else Console(width=120)).print(table)
    say(
        "Errors in units of eps times the sum of the absolute products, for conv3 of ZFNet (16 "
        "images), a 3x3 average and a 16 x 4096 x 4096 product; norm-wise: times the largest |x| "
        "of each plane and the sum of |w| over the window."
    )
    say(f"On the CPU: {threads.get_num_threads()} threads, Numba's threading layer {layer.name()}.")


def _chosen(op: str | None, device: str | None) -> list[Kernel]:
    kernels = [k for k in all_kernels(op) if device in (None, k.device)]
    if kernels:
        return kernels
    known = ", ".join(dict.fromkeys(k.operation for k in all_kernels()))
    wanted = " on ".join(repr(word) for word in (op, device) if word)
    devices = ", ".join(sorted({k.device for k in all_kernels()}))
    raise ValueError(
        f"no kernel is registered for {wanted}; operations: {known}; devices: {devices}"
    )


def _details(kernel: Kernel) -> tuple[str, str, str]:
    """Its supported geometries, bound and spread, in words."""
    convolution = kernel.operation.startswith("conv2d")
    supports = described(kernel) if convolution else _unasked(kernel)
    return supports, _bound(kernel), kernel.spreads if convolution else "as defined"


def _unasked(kernel: Kernel) -> str:
    return "everything" if kernel.abilities.supports is everything else "what its supports(g) says"


def _bound(kernel: Kernel) -> str:
    """The bound for an example, in units of eps."""
    example = next((g for n, g in _EXAMPLES.items() if kernel.operation.startswith(n)), None)
    if example is None:
        return "of another form" if "norm" in kernel.operation else "exact"
    if kernel.error_bound is None:
        return "none stated"
    kind = " norm-wise" if kernel.norm_wise else ""
    return f"{kernel.error_bound(example):,.0f} eps{kind}"
