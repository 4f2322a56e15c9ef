"""Images with marked parts, from a data set's annotations or a user's file.

The file is CSV with a header and a line for each part:

    image,part,row,column,size
    dogs/rex.jpg,left eye,103,88,30

row and column are the part's centre in pixels of the original image, counted from its corner; size
is the side of the square that occludes it, in the same pixels. The column size is optional.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from kernels.terminal.printable import printable
from zfnet.data import Dataset, Preprocess, read_image
from zfnet.experiments.shared.labels import class_named

RANDOM = "random"
NEEDED, OPTIONAL = ("image", "part", "row", "column"), ("size",)


@dataclass(frozen=True)
class Part:
    """The position of a part: its centre and, where given, its patch's side, in the same pixels."""

    row: float
    column: float
    size: float | None = None


@dataclass(frozen=True, eq=False)
class Marked:
    """An image with parts in pixels of the original; `read` gives the image, (H,W,3) uint8."""

    title: str
    read: Callable[[], np.ndarray]
    parts: dict[str, Part] = field(default_factory=dict)


def in_crop(preprocess: Preprocess, shape: Sequence[int], part: Part) -> Part:
    """A part of an image of that shape (H,W,...) in pixels of the prepared centre crop.

    Exact to half a pixel where the image keeps its size and an odd number of rows is cut off.
    """
    top, left, height, width = preprocess.source_rectangle(shape)
    down, across = preprocess.resize / height, preprocess.resize / width
    first = (preprocess.resize - preprocess.image_size) // 2
    return Part(
        (part.row - top) * down - first,
        (part.column - left) * across - first,
        None if part.size is None else part.size * max(down, across),
    )


def in_view(preprocess: Preprocess, shape: Sequence[int], part: Part) -> bool:
    """Whether the part's centre is inside the centre crop."""
    place, S = in_crop(preprocess, shape, part), preprocess.image_size
    return 0 <= place.row < S and 0 <= place.column < S


def of_dataset(dataset: Dataset, name: str, preprocess: Preprocess) -> list[Marked]:
    """The images of class `name` with all parts inside the centre crop.

    ValueError for an unknown class, or one whose images have no parts.
    """
    label = class_named(dataset.classes, name, f"the data set {dataset.name}")
    found = []
    for index in (i for i in range(len(dataset)) if dataset.label(i) == label):
        truth = dataset.truth(index)
        parts = {} if truth is None else {k: Part(*at) for k, at in truth.parts.items()}
        if not parts:
            raise ValueError(
                f"{dataset.name}: {dataset.title(index)} has no part positions; "
                "mark the parts in a file of your own and give it as --regions"
            )
        marked = Marked(dataset.title(index), partial(dataset.image, index), parts)
        if all(in_view(preprocess, marked.read().shape, part) for part in parts.values()):
            found.append(marked)
    return found


def read_regions(path: Path, preprocess: Preprocess, root: Path | None = None) -> list[Marked]:
    """The images of a file of regions, in its order; the module's docstring has the format.

    Images are searched beside the file, then in `root`. ValueError, with the line's number, for
    unknown or missing columns, missing or unreadable images, values that are not numbers, lines
    that are not CSV, places outside the image or its centre crop, and parts given twice; and for
    images that lack a part which another image has.
    """
    images: dict[str, Marked] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for line, row in _rows(path):
        where, image, name = f"{path}, line {line}", row["image"], printable(row["part"])
        if image not in images:
            file = _file(image, [path.parent, *([root] if root else [])], where)
            images[image] = Marked(printable(image), partial(read_image, file))
            shapes[image] = _shape(images[image], where)
        if name in images[image].parts:
            raise ValueError(f"{where}: {image} has its {name} already")
        row_at, column_at = (_number(row, key, where) for key in ("row", "column"))
        part = Part(row_at, column_at, _size(row, where))
        _require_in_view(preprocess, shapes[image], part, where)
        images[image].parts[name] = part
    _require_same_parts(path, list(images.values()))
    return list(images.values())


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, stripped fields) of every line that is not empty."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}: a file of regions is needed")
    lines = _lines(path)
    _, first = next(lines, (1, []))
    header = [name.strip() for name in first]
    _check_header(path, header)
    for line, fields in lines:
        if not any(fields):
            continue
        where = f"{path}, line {line}"
        if len(fields) != len(header):
            raise ValueError(f"{where}: {len(fields)} fields, the header has {len(header)}")
        row = dict(zip(header, (text.strip() for text in fields), strict=True))
        if row["part"] in ("", RANDOM):
            raise ValueError(f"{where}: a part needs a name, and {RANDOM!r} is not free")
        yield line, row


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, fields) of a CSV file; ValueError, with the line's number, for a bad line."""
    # Names of files need not be UTF-8.
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        reader = csv.reader(file)
        try:
            for fields in reader:
                yield reader.line_num, fields
        except csv.Error as error:
            raise ValueError(f"{path}, line {reader.line_num}: no CSV, {error}") from None


def _check_header(path: Path, header: list[str]) -> None:
    unknown = [name for name in header if name not in NEEDED + OPTIONAL]
    missing = [name for name in NEEDED if name not in header]
    repeated = len(set(header)) < len(header)
    if unknown or missing or repeated:
        said = [f"unknown: {', '.join(unknown)}"] if unknown else []
        said += [f"missing: {', '.join(missing)}"] if missing else []
        said += ["one stands there twice"] if repeated else []
        raise ValueError(
            f"{path}, line 1: the columns are image,part,row,column and, if wanted, size "
            f"({'; '.join(said)})"
        )


def _file(image: str, folders: Sequence[Path], where: str) -> Path:
    for folder in folders:
        if (folder / image).is_file():
            return folder / image
    looked = " and ".join(str(folder) for folder in folders)
    raise ValueError(f"{where}: there is no image {image!r} in {looked}")


def _shape(marked: Marked, where: str) -> tuple[int, ...]:
    try:
        return marked.read().shape
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _number(row: dict[str, str], column: str, where: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise ValueError(f"{where}: {column} is {row[column]!r}, a number of pixels is needed")
    return value


def _size(row: dict[str, str], where: str) -> float | None:
    if not row.get("size"):
        return None
    size = _number(row, "size", where)
    if size <= 0:
        raise ValueError(f"{where}: size is {row['size']}, a patch has at least a pixel")
    return size


def _require_in_view(preprocess: Preprocess, shape: Sequence[int], part: Part, where: str) -> None:
    at, (height, width) = f"({part.row:g}, {part.column:g})", shape[:2]
    if not (0 <= part.row < height and 0 <= part.column < width):
        raise ValueError(
            f"{where}: row and column {at} lie outside of the image, "
            f"which has {height} rows and {width} columns"
        )
    if not in_view(preprocess, shape, part):
        *_, rows, columns = preprocess.source_rectangle(shape)
        share = preprocess.image_size / preprocess.resize
        raise ValueError(
            f"{where}: row and column {at} lie outside of what the network sees of an image of "
            f"{height}x{width}: its central {rows * share:.0f}x{columns * share:.0f} pixels"
        )


def _require_same_parts(path: Path, images: Sequence[Marked]) -> None:
    names = list(dict.fromkeys(name for marked in images for name in marked.parts))
    for marked in images:
        missing = [name for name in names if name not in marked.parts]
        if missing:
            raise ValueError(
                f"{path}: {marked.title} has no {', '.join(missing)}; "
                f"every image needs the same parts, here {', '.join(names)}"
            )
