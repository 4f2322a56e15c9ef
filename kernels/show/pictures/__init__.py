"""The guide's pictures, as SVG text: image blue, kernel orange, output green, zeros white.

Every function takes the numbers that it draws; `write` writes a picture to a file, `of_sheet` draws
the matrices that `python -m kernels show` prints.
"""

from kernels.show.pictures.convolution import im2col, product, sliding
from kernels.show.pictures.files import write
from kernels.show.pictures.of_sheet import of_sheet
from kernels.show.pictures.steps import contrast, pooling, winograd
from kernels.show.pictures.transposed import flipped, transposed
from kernels.show.pictures.variants import variants

__all__ = [
    "contrast",
    "flipped",
    "im2col",
    "of_sheet",
    "pooling",
    "product",
    "sliding",
    "transposed",
    "variants",
    "winograd",
    "write",
]
