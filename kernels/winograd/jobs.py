"""Jobs of a Winograd convolution: a batch cut into chunks, each with its passes' parameters.

A chunk's transforms stay in the last cache. Its job depends on shapes alone and is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kernels.contract.threads import pieces
from kernels.cpu.micro_kernel import MR_STEP
from kernels.cpu.vector import KR, lanes
from kernels.winograd.layout import Array, Chunk, Panels, Plane, Product, pack
from kernels.winograd.plan import Plan, chunk

LEAST_LINES = 24
"""Lines of channels of tiles that a thread transforms at a time."""
LEAST_ROWS = 512
"""Rows of products of two panels that a thread multiplies at a time."""


@dataclass(frozen=True)
class Sides:
    """Channels of one group, in and out."""

    inputs: int
    outputs: int


@dataclass(frozen=True)
class Packing:
    """Packing of a chunk's operands, and the unit of work in which products are shared out.

    inputs, outputs: channels of a panel of each side.
    whole:           rows are padded to a multiple of it.
    by_outputs:      a unit is one panel of outputs with all panels of inputs, or the reverse.
    """

    inputs: int
    outputs: int
    whole: int
    by_outputs: bool


@dataclass(frozen=True, eq=False)
class Job:
    """A chunk's products, and the packed parameters of its passes.

    V has `read_size` elements, M (of a weights' gradient Y) `written_size`. reads, writes: the
    parameters of each group's transforms.
    """

    product: Product
    parameters: Array
    """Of the products, packed."""
    read_size: int
    reads: tuple[Array, ...]
    written_size: int
    writes: tuple[Array, ...]
    pieces: int
    """Of the tiles, in which the transforms are shared out."""

    @property
    def parts(self) -> int:
        """Pieces of the products."""
        return self.product.bounds.size - 1


@lru_cache(maxsize=128)
def jobs(
    plan: Plan,
    sides: Sides,
    read: tuple[int, ...],
    written: tuple[int, ...],
    groups: int,
    dtype: np.dtype,
    chunk_bytes: int,
    packing: Packing | None = None,
) -> tuple[Job, ...]:
    """A convolution from an array (N,H,W,C) `read` to one `written`, chunk by chunk."""
    its = packing or Packing(KR, 2 * lanes(dtype), MR_STEP, by_outputs=True)
    return tuple(
        _job(plan, sides, part, its, read, written, groups)
        for part in chunks_of(plan, sides, read[0], dtype.itemsize, chunk_bytes)
    )


def _job(
    plan: Plan,
    sides: Sides,
    part: Chunk,
    packing: Packing,
    read: tuple[int, ...],
    written: tuple[int, ...],
    groups: int,
) -> Job:
    depth = plan.phases_at * panels(sides.inputs, packing.inputs)
    out_panels = len(plan.out_phases) * panels(sides.outputs, packing.outputs)
    rows = -(-part.filled // packing.whole) * packing.whole
    v_begins, v_size = apart(depth * rows * packing.inputs)
    m_begins, m_size = apart(out_panels * rows * packing.outputs)
    V, M = Panels(v_begins, rows, packing.inputs), Panels(m_begins, rows, packing.outputs)
    units, bounds = _units(depth, out_panels, rows, packing.by_outputs)
    product = Product(v_begins, m_begins, rows, depth, units, bounds)
    reads = _of_groups(plan, part, V, read, sides.inputs, groups)
    writes = _of_groups(plan, part, M, written, sides.outputs, groups)
    return Job(product, pack(product), v_size, reads, m_size, writes, _pieces_of(plan, part, sides))


def _pieces_of(plan: Plan, part: Chunk, sides: Sides) -> int:
    """Pieces of a chunk's tiles, each with LEAST_LINES of the channels of some."""
    tiles = part.bands.size * len(plan.columns.tiles)
    lines = panels(min(sides.inputs, sides.outputs), KR)
    return min(tiles, pieces(tiles * lines, LEAST_LINES))


def _of_groups(
    plan: Plan, part: Chunk, matrices: Panels, shape: tuple[int, ...], channels: int, groups: int
) -> tuple[Array, ...]:
    """The parameters of each group's transform of an array (N,H,W,C)."""
    _, H, W, C = shape
    planes = [Plane(H, W, C, group * channels, channels) for group in range(groups)]
    return tuple(pack(plan.tiling, part, matrices, plane) for plane in planes)


def _units(depth: Array, out_panels: int, rows: Array, by_outputs: bool) -> tuple[Array, Array]:
    """The products' units (units,2), each a point and a panel, and the bounds of their pieces."""
    of_point = np.full(depth.size, out_panels) if by_outputs else depth
    units = np.array([(p, panel) for p, some in enumerate(of_point) for panel in range(some)])
    work = np.repeat(rows * (depth if by_outputs else 1), of_point)
    of_panels = int(work.sum()) * (1 if by_outputs else out_panels)
    return units, shares(work, min(len(units), pieces(of_panels, LEAST_ROWS)))


def chunks_of(plan: Plan, sides: Sides, images: int, itemsize: int, nbytes: int) -> list[Chunk]:
    """The batch in chunks of about one size, whose transforms take `nbytes` at most."""
    bands = images * len(plan.rows.tiles)
    most = max(1, min(bands, nbytes // _band_bytes(plan, sides, itemsize)))
    count = -(-bands // most)
    return [chunk(plan, bands * i // count, bands * (i + 1) // count) for i in range(count)]


def _band_bytes(plan: Plan, sides: Sides, itemsize: int) -> int:
    """Of the transforms of one row of the largest tiles, in and out."""
    rows = chunk(plan, 0, 1).filled
    each = plan.phases_at * sides.inputs + len(plan.out_phases) * sides.outputs
    return int((rows * each).sum()) * itemsize


def shares(work: Array, parts: int) -> Array:
    """(parts + 1,) int64: bounds that cut the units of `work` into shares of about the same sum."""
    done = np.concatenate([[0], np.cumsum(work)])
    return np.searchsorted(done, done[-1] * np.arange(parts + 1) / parts).astype(np.int64)


def panels(count: int, width: int) -> int:
    """Panels of `width` channels that hold `count` of them."""
    return -(-count // width)


def apart(sizes: Array) -> tuple[Array, int]:
    """Where matrices of these sizes begin (points,), one after the other, and all their elements.

    A line more from each to the next: sizes are multiples of what a cache's sets repeat after, and
    the same place of every matrix, which a transform touches at once, would fall on a few sets.
    """
    begins = np.cumsum([0, *(sizes + KR)])
    return begins[:-1], int(begins[-1])
