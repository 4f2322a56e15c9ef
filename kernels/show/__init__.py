"""Every operation as matrices of numbers, small enough to follow by hand.

`docs/convolution.md` is the guide to read beside this; `python -m kernels show` prints the same for
the reader's own sizes and numbers. Nothing here is fast, and no kernel uses it.
"""

from kernels.show.matrices import (
    columns,
    conv_matrix,
    filter_rows,
    flipped_kernel,
    padded,
    switch_matrix,
    tap_matrix,
)
from kernels.show.steps import ContrastSteps, WinogradTile, contrast_steps, winograd_tile
from kernels.show.tables import names, table

__all__ = [
    "ContrastSteps",
    "WinogradTile",
    "columns",
    "contrast_steps",
    "conv_matrix",
    "filter_rows",
    "flipped_kernel",
    "names",
    "padded",
    "switch_matrix",
    "table",
    "tap_matrix",
    "winograd_tile",
]
