"""Tiles of a blocked matrix product (`include/tiles.cuh`), and which one a product is given.

A large tile loads least for each multiply-add; a small one keeps more multiprocessors busy and has
fewer rows and columns past the matrix's end. The choice is by an estimate of the time, from the
geometry alone: on every GPU it is the same, and so are the bits.

    time = blocks of the busiest multiprocessor x multiply-adds of a block / its rate

where those past the matrix's end count too. The rate is that of an A100's multiprocessor (64
float32 multiply-adds a cycle at 1.41 GHz; NVIDIA, 2021) times the share of multiply-adds among the
instructions of the kernel's main loop, as they stand in the machine code. Nothing of it was fitted
to a measurement.
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
"""Multiply-adds a nanosecond of one of them."""
ENOUGH_THREADS = 128
"""A warp for each of its four schedulers: a thread's 64 sums do not wait for one another."""
MOST_BLOCKS = 65535
"""Along a grid's second and third axis: groups, and phases of pixels or parts of a sum."""


@dataclass(frozen=True)
class Tile:
    """rows x columns sums of one block.

    threads, resident: of a block, and how many blocks a multiprocessor holds (`Tile` in tiles.cuh).
    widths:  elements of the loads, as the kernel's last template arguments: of these the numbers
             of channels and filters of a group have to be multiples.
    share:   of multiply-adds in the main loop; in double half of that, which is their rate.
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
        """Tiles side by side in a matrix of so many columns."""
        return -(-columns // self.columns)

    def cover(self, rows: int, columns: int) -> int:
        """Tiles of a matrix of rows x columns."""
        return -(-rows // self.rows) * self.across(columns)

    def nanoseconds(self, blocks: int, terms: int) -> float:
        """Of so many blocks, each with sums of `terms` products."""
        if blocks * terms == 0:
            return 0.0
        each = -(-blocks // MULTIPROCESSORS)
        threads = min(each, self.resident) * self.threads
        rate = PRODUCTS * self.share * min(1.0, threads / ENOUGH_THREADS)
        return each * self.rows * self.columns * terms / rate


@dataclass(frozen=True)
class Plan:
    """A grid of `blocks` tiles, of `groups`, of phases of the pixels or of parts of the sum."""

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
    """Those of a type whose loads divide the rows of memory that they read, one count a width."""
    return [
        tile
        for tile in tiles
        if tile.ctype == ctype
        and all(count % width == 0 for count, width in zip(channels, tile.widths, strict=True))
    ]


def cheapest(plans: Iterable[Plan]) -> Plan:
    """The first of those that are expected to take the least time."""
    return min(plans, key=lambda plan: plan.nanoseconds)


def entries(kernel: str, tiles: Iterable[Tile]) -> dict[str, Entry]:
    """What a program declares that is launched with these tiles."""
    return {tile.instance(kernel): Entry((tile.threads, 1, 1)) for tile in tiles}


def supports(problem: Problem) -> bool:
    """Pixels and weights are counted in 32 bits (channels are not), groups and phases by a grid."""
    g: ConvGeometry = problem.geometry
    counts = g.N * g.H * g.W, g.N * g.P * g.Q, g.K * (g.C // g.groups) * g.R * g.S
    phases = g.stride[0] * g.stride[1]
    return max(counts) < 1 << 30 and max(g.groups, phases) <= MOST_BLOCKS
