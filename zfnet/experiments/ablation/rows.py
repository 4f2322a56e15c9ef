"""Rows of Table 3: the networks that the paper compares, and their published errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from zfnet.settings import Architecture


@dataclass(frozen=True)
class Row:
    """A row of Table 3.

    units:     of layers 6 and 7, as a multiple of the scale's own (the paper's 4096).
    published: train top-1, validation top-1 and top-5 error in %; None for a row that the
               paper does not have.
    """

    name: str
    title: str
    architecture: Architecture
    without: tuple[int, ...] = ()
    variant: Literal["a", "b"] = "a"
    units: float = 1.0
    published: tuple[float, float, float] | None = None


ROWS: tuple[Row, ...] = (
    Row("alexnet", "AlexNet", "alexnet", published=(35.1, 40.5, 18.1)),
    Row("alexnet-34", "AlexNet without layers 3, 4", "alexnet", (3, 4),
        published=(41.8, 45.4, 22.1)),
    Row("alexnet-7", "AlexNet without layer 7", "alexnet", (7,), published=(27.4, 40.0, 18.4)),
    Row("alexnet-67", "AlexNet without layers 6, 7", "alexnet", (6, 7),
        published=(27.4, 44.8, 22.4)),
    Row("alexnet-3467", "AlexNet without layers 3, 4, 6, 7", "alexnet", (3, 4, 6, 7),
        published=(71.1, 71.3, 50.1)),
    Row("alexnet-half", "AlexNet, layers 6, 7 of half the units", "alexnet", units=0.5,
        published=(40.3, 41.7, 18.8)),
    Row("alexnet-double", "AlexNet, layers 6, 7 of twice the units", "alexnet", units=2.0,
        published=(26.8, 40.0, 18.1)),
    Row("zfnet", "ZFNet (a)", "zfnet", published=(33.1, 38.4, 16.5)),
    Row("zfnet-half", "ZFNet, layers 6, 7 of half the units", "zfnet", units=0.5,
        published=(38.2, 40.2, 17.6)),
    Row("zfnet-double", "ZFNet, layers 6, 7 of twice the units", "zfnet", units=2.0,
        published=(22.0, 38.8, 17.0)),
    Row("zfnet-b", "ZFNet (b), layers 3, 4, 5 of 512, 1024, 512 maps", "zfnet", variant="b",
        published=(18.8, 37.5, 16.0)),
    Row("zfnet-b-double", "ZFNet (b), layers 6, 7 of twice the units", "zfnet", variant="b",
        units=2.0, published=(10.0, 38.3, 16.9)),
)  # fmt: skip
"""Table 3. AlexNet is the paper's replication; half and twice the units are its 2048 and 8192."""

MORE: tuple[Row, ...] = tuple(
    replace(row, name=row.name.replace("alexnet", "zfnet"), architecture="zfnet",
            title=row.title.replace("AlexNet", "ZFNet"), published=None)
    for row in ROWS
    if row.without
)  # fmt: skip
"""Rows that the paper does not have: the same layers removed from ZFNet."""


def choose_rows(names: Sequence[str]) -> list[Row]:
    """The rows of these names, in the tables' order; all of Table 3 for none.

    ValueError, with the existing names, for an unknown one.
    """
    if not names:
        return list(ROWS)
    known = {row.name: row for row in ROWS + MORE}
    missing = [name for name in names if name not in known]
    if missing:
        raise ValueError(f"no row {', '.join(missing)}; the rows are {', '.join(known)}")
    return [row for name, row in known.items() if name in names]
