"""Options of `python -m kernels verify`: their types and help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="[FILE_OR_MODULE]...", help="Files that register kernels, or a folder."),
]
Operations = Annotated[
    str | None, typer.Option(help="Only these operations, as in conv2d,conv2d_dgrad.")
]
Name = Annotated[str | None, typer.Option(help="Only kernels of this name.")]
Layers = Annotated[
    list[str] | None,
    typer.Option(help="Judge on this layer alone, such as vgg16.conv3_1; may be repeated."),
]
Geometries = Annotated[
    list[str] | None,
    typer.Option(
        help='Judge on this geometry alone, such as "N=1 C=64 H=56 W=56 K=64 R=3 S=3 '
        'stride=1 padding=1"; may be repeated.'
    ),
]
Device = Annotated[
    str, typer.Option(help="cpu; emulator or cuda: the CUDA kernels, without or with a GPU.")
]
Profile = Annotated[str, typer.Option(help="few, dev, ci or intense: number of examples.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed draws the same examples.")]
Json = Annotated[
    Path | None, typer.Option(dir_okay=False, help="Write verdict, properties and errors here.")
]
Junit = Annotated[
    Path | None, typer.Option(dir_okay=False, help="Write JUnit's XML, for a CI service.")
]
First = Annotated[bool, typer.Option("--first", help="End at the first property that fails.")]
Resume = Annotated[
    Path | None,
    typer.Option(dir_okay=False, help="Of a folder: add each result here, and go on from it."),
]
Expect = Annotated[
    str | None, typer.Option(help="Of a folder: good or bad, what each file should be.")
]
Jobs = Annotated[int, typer.Option(min=1, help="Of a folder: files that are verified at a time.")]
Limit = Annotated[float, typer.Option(min=1, help="Of a folder: the most seconds of one file.")]
Mutants = Annotated[
    bool, typer.Option("--mutants", help="Plant bugs in the kernels, show which are caught.")
]
Sample = Annotated[
    int | None, typer.Option(min=1, help="With --mutants: a sample, drawn by the seed.")
]
Every = Annotated[
    bool,
    typer.Option("--every", help="With --mutants: try every property on each, and count."),
]
Record = Annotated[
    Path | None,
    typer.Option(dir_okay=False, help="With --every: add each result here, to resume a run."),
]
Catalogue = Annotated[
    Path | None,
    typer.Option(
        dir_okay=False,
        help="Only write the catalogue of properties, with what the .json beside it records.",
    ),
]
