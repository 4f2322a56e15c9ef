"""Options of `python -m kernels judge` that `verify` does not have, or describes otherwise."""

from __future__ import annotations

from typing import Annotated

import typer

Sources = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="Files of kernels, or a folder of them.")
]
Geometries = Annotated[
    list[str] | None,
    typer.Option(help='Judge on this geometry alone, as for "verify"; may be repeated.'),
]
Timeout = Annotated[
    float, typer.Option(min=0.1, help="Seconds that a call of the kernel may take.")
]
Memory = Annotated[
    float, typer.Option(min=0.1, help="Gigabytes of memory that the kernel may take.")
]
Bench = Annotated[
    bool, typer.Option("--bench", help="Time what was found right, by the judge's clock.")
]
Jobs = Annotated[int, typer.Option(min=1, help="Of a folder: files that are judged at a time.")]
