"""SVG elements of pictures: grids of cells, operators and lines of text, and their arrangement.

A piece is SVG with its own origin and a known size; `beside` and `above` place pieces. Coordinates
are whole pixels and text is not converted to paths, so the same numbers give the same bytes
everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from kernels.show.tables import Name, changes

CELL = 34
FONT = "Helvetica, Arial, sans-serif"

PAPER, INK, QUIET, LINE = "#ffffff", "#2b2a27", "#8b8881", "#d9d6cf"
IMAGE, KERNEL, OUTPUT, EMPTY = "#cfe2f6", "#f8c58f", "#c9e8c5", "#faf9f7"
DEEP = {IMAGE: "#2f6fb0", KERNEL: "#c25e0a", OUTPUT: "#2f8a43", EMPTY: "#8b8881"}


@dataclass(frozen=True)
class Piece:
    """SVG elements in a box of `width` x `height` pixels.

    axis: the y at which pieces beside it are aligned: its middle without titles and notes.
    """

    width: int
    height: int
    axis: int
    parts: str


@dataclass(frozen=True)
class Cell:
    """One square: its colour, its text, and the colour of the text."""

    fill: str = EMPTY
    label: str = ""
    ink: str = INK


@dataclass(frozen=True)
class Frame:
    """A thick outline around cells: from (top, left), `rows` x `columns` of them."""

    top: int
    left: int
    rows: int
    columns: int
    colour: str = INK


@dataclass(frozen=True)
class Grid:
    """Cells with a title above and a note below; names on rows and columns; frames around some."""

    title: str
    cells: Sequence[Sequence[Cell]]
    note: str = ""
    frames: Sequence[Frame] = ()
    rows: Sequence[Name] = ()
    columns: Sequence[Name] = ()
    size: int = CELL


def grid(g: Grid) -> Piece:
    """The grid as a piece."""
    left = 10 + 7 * max(len(" ".join(name)) for name in g.rows) if g.rows else 0
    top = 13 * len(g.columns[0]) + 5 if g.columns else 0
    top += 24 if g.title else 0
    wide, high = len(g.cells[0]) * g.size, len(g.cells) * g.size
    parts = [
        text(left, 9, g.title, 14, INK, bold=True) if g.title else "",
        *_cells(g, left, top),
        *_names(g, left, top),
        *(_frame(frame, left, top, g.size) for frame in g.frames),
        text(left, top + high + 16, g.note, 12, QUIET) if g.note else "",
    ]
    width = left + max(wide, 8 * len(g.title), 6 * len(g.note))
    return Piece(width, top + high + (24 if g.note else 0), top + high // 2, "".join(parts))


def _cells(g: Grid, left: int, top: int) -> list[str]:
    return [
        _cell(left + column * g.size, top + row * g.size, g.size, cell)
        for row, cells in enumerate(g.cells)
        for column, cell in enumerate(cells)
    ]


def _cell(x: int, y: int, size: int, cell: Cell) -> str:
    box = (
        f'<rect x="{x}" y="{y}" width="{size}" height="{size}" fill="{cell.fill}" stroke="{LINE}"/>'
    )
    points = min(13, size * 2 // (2 + max(len(cell.label), 2)) + 1, size // 2)
    middle = x + size // 2, y + size // 2
    return box + (text(*middle, cell.label, points, cell.ink, "middle") if cell.label else "")


def _names(g: Grid, left: int, top: int) -> list[str]:
    """Names of rows in one line; of columns one index per line, written where it changes."""
    rows = [
        text(left - 8, top + row * g.size + g.size // 2, " ".join(name), 11, QUIET, "end")
        for row, name in enumerate(g.rows)
    ]
    levels = list(zip(*g.columns, strict=True))
    columns = [
        text(left + at * g.size + g.size // 2, top + 13 * (level - len(levels)) + 3, index, 11,
             QUIET, "middle")
        for level, indices in enumerate(levels)
        for at, index in enumerate(changes(indices))
    ]  # fmt: skip
    return rows + columns


def _frame(frame: Frame, left: int, top: int, size: int) -> str:
    x, y = left + frame.left * size, top + frame.top * size
    return (
        f'<rect x="{x}" y="{y}" width="{frame.columns * size}" height="{frame.rows * size}" '
        f'fill="none" stroke="{frame.colour}" stroke-width="3" rx="2"/>'
    )


def text(
    x: int, y: int, words: str, points: int, colour: str, anchor: str = "start", bold: bool = False
) -> str:
    """Text centred vertically at y."""
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" font-size="{points}" fill="{colour}" text-anchor="{anchor}" '
        f'dominant-baseline="central"{weight}>{escape(words)}</text>'
    )


def sign(words: str) -> Piece:
    """An operator between two pieces."""
    width = 12 * len(words) + 6
    return Piece(width, 24, 12, text(width // 2, 12, words, 22, QUIET, "middle"))


def line(words: str) -> Piece:
    """A heading."""
    return Piece(8 * len(words), 20, 10, text(0, 10, words, 14, INK, bold=True))


def beside(*pieces: Piece, gap: int = 14) -> Piece:
    """Pieces from left to right, aligned at their axes."""
    axis = max(piece.axis for piece in pieces)
    height = max(axis - piece.axis + piece.height for piece in pieces)
    x, parts = 0, []
    for piece in pieces:
        parts.append(_moved(piece, x, axis - piece.axis))
        x += piece.width + gap
    return Piece(x - gap, height, axis, "".join(parts))


def above(*pieces: Piece, gap: int = 26) -> Piece:
    """Pieces from top to bottom, aligned at their left sides."""
    y, parts = 0, []
    for piece in pieces:
        parts.append(_moved(piece, 0, y))
        y += piece.height + gap
    height = y - gap
    return Piece(max(piece.width for piece in pieces), height, height // 2, "".join(parts))


def _moved(piece: Piece, x: int, y: int) -> str:
    return f'<g transform="translate({x} {y})">{piece.parts}</g>\n'


def document(piece: Piece, title: str, margin: int = 24) -> str:
    """A whole SVG file on a white background, readable on dark and on light pages."""
    width, height = piece.width + 2 * margin, piece.height + 2 * margin
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{FONT}" role="img">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>\n'
        f"{_moved(piece, margin, margin)}</svg>\n"
    )
