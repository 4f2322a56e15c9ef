"""Tile sizes of the blocked matrix product (`include/tiles.cuh`), and the choice among them.

A large tile loads least for each multiply-add. A small one keeps more multiprocessors busy and has
fewer rows and columns past the matrix's end. The choice minimises an estimate of the time that
depends on the geometry alone: it is the same on every GPU, and so are the bits.

    time = blocks of the busiest multiprocessor x multiply-adds of a block / its rate

where multiply-adds past the matrix's end count too. The rate is that of an A100's multiprocessor
(64 float32 multiply-adds a cycle at 1.41 GHz; NVIDIA, 2021) times the share of multiply-adds among
the instructions of the main loop's machine code. Nothing was fitted to a measurement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.cuda.program import Entry
from kernels.cuda.rates import LAUNCH

MULTIPROCESSORS = 108
PRODUCTS = 64 * 1.41
"""Multiply-adds a nanosecond of one multiprocessor."""
ENOUGH_THREADS = 128
"""A warp for each of its four schedulers: the 64 sums of a thread are independent."""
MOST_BLOCKS = 65535
"""Limit of a grid's second and third axis: groups, and phases of pixels or parts of a sum."""


@dataclass(frozen=True)
class Tile:
    """A tile of rows x columns sums, computed by one block.

    threads:  of a block.
    resident: blocks that a multiprocessor holds (`Tile` in tiles.cuh).
    widths:   elements of a load of each factor, the kernel's last template arguments: they divide
              the numbers of channels and filters of a group.
    share:    of multiply-adds in the main loop's instructions; halved for double, as its rate is.
    """

    ctype: str
    rows: int
    columns: int
    widths: tuple[int, ...]
    threads: int
    resident: int
    share: float

    def instance(self, kernel: str) -> str:
        """The kernel's name with its template arguments: "fprop<float, 128, 128, 4>"."""
        numbers = ", ".join(map(str, (self.rows, self.columns, *self.widths)))
        return f"{kernel}<{self.ctype}, {numbers}>"

    def across(self, columns: int) -> int:
        """Tiles along the columns of a matrix."""
        return -(-columns // self.columns)

    def cover(self, rows: int, columns: int) -> int:
        """Tiles of a matrix of rows x columns."""
        return -(-rows // self.rows) * self.across(columns)

    def nanoseconds(self, blocks: int, terms: int) -> float:
        """Estimated time of `blocks` blocks, each with sums of `terms` products."""
        if blocks * terms == 0:
            return 0.0
        each = -(-blocks // MULTIPROCESSORS)
        threads = min(each, self.resident) * self.threads
        rate = PRODUCTS * self.share * min(1.0, threads / ENOUGH_THREADS)
        return each * self.rows * self.columns * terms / rate


@dataclass(frozen=True)
class Plan:
    """A grid: `blocks` tiles x `groups` x `parts`, which are phases of pixels or parts of a sum."""

    tile: Tile
    blocks: int
    groups: int
    parts: int
    terms: int

    @property
    def grid(self) -> tuple[int, int, int]:
        return self.blocks, self.groups, self.parts

    @property
    def block(self) -> tuple[int, int, int]:
        return self.tile.threads, 1, 1

    @property
    def nanoseconds(self) -> float:
        return LAUNCH + self.tile.nanoseconds(self.blocks * self.groups * self.parts, self.terms)


def usable(tiles: Iterable[Tile], ctype: str, channels: Sequence[int]) -> list[Tile]:
    """The tiles of a type whose load widths divide these channel counts, one count per width."""
    return [
        tile
        for tile in tiles
        if tile.ctype == ctype
        and all(count % width == 0 for count, width in zip(channels, tile.widths, strict=True))
    ]


def cheapest(plans: Iterable[Plan]) -> Plan:
    """The first plan with the least estimated time."""
    return min(plans, key=lambda plan: plan.nanoseconds)


def entries(kernel: str, tiles: Iterable[Tile]) -> dict[str, Entry]:
    """The entries of a program that is launched with these tiles."""
    return {tile.instance(kernel): Entry((tile.threads, 1, 1)) for tile in tiles}


def supports(problem: Problem) -> bool:
    """Pixels and weights fit 32-bit counts (channels need not); groups and phases fit the grid."""
    g: ConvGeometry = problem.geometry
    counts = g.N * g.H * g.W, g.N * g.P * g.Q, g.K * (g.C // g.groups) * g.R * g.S
    phases = g.stride[0] * g.stride[1]
    return max(counts) < 1 << 30 and max(g.groups, phases) <= MOST_BLOCKS
