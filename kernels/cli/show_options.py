"""Options of `python -m kernels show`: their types and help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Operation = Annotated[
    str,
    typer.Argument(
        help="conv2d, conv2d_dgrad (its transpose), conv2d_wgrad, max_pool2d, max_unpool2d or "
        "local_contrast_norm."
    ),
]
Input = Annotated[str, typer.Option(metavar="HxW", help="The image's pixels.")]
Window = Annotated[
    str | None, typer.Option(metavar="RxS", help="The window: by default 3x3, for pooling 2x2.")
]
Stride = Annotated[str | None, typer.Option(help="1 or 2x1: by default 1, for pooling the window.")]
Padding = Annotated[
    str, typer.Option(help="1, 1x2, or top, bottom, left, right: 1x0x1x0; negative crops.")
]
Dilation = Annotated[str, typer.Option(help="1 or 2x1.")]
Groups = Annotated[int, typer.Option(help="Groups of channels and filters.")]
Channels = Annotated[int, typer.Option(help="Of the image.")]
Filters = Annotated[int, typer.Option(help="Filters, one for each plane of y.")]
Batch = Annotated[int, typer.Option(help="Images.")]
Seed = Annotated[int, typer.Option(help="Seed of numbers that are not from a file.")]
Image = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The image: .npy, or text with rows.")
]
Weights = Annotated[Path | None, typer.Option(metavar="FILE", help="The kernel.")]
Gradient = Annotated[Path | None, typer.Option(metavar="FILE", help="The gradient of y.")]
Algorithm = Annotated[
    str | None, typer.Option(help="The kernel to compare with; winograd shows its tile.")
]
Csv = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Write every matrix there as a CSV file.")
]
Picture = Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw the call's picture.")]
