"""PASCAL VOC's layout: several classes an image, lists of them, annotations in XML.

    ROOT/JPEGImages/2008_000008.jpg
    ROOT/Annotations/2008_000008.xml            its objects: class, box, difficult or not
    ROOT/ImageSets/Main/horse_train.txt         "2008_000008  1" a line; also _val, _trainval

In the lists 1 means that the class is present, -1 that it is absent, and 0 that all its objects are
difficult to recognise and are ignored (Everingham and others, VOC 2012 development kit).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from zfnet.data.files import Box, ImageFiles, is_name, lines
from zfnet.data.walking import Tree, existing

SPLITS = ("train", "val", "trainval")
LARGEST = 1_000_000
"""Bytes of an annotation at most; VOC's own have a few thousand."""


@dataclass(frozen=True)
class VocObject:
    """One object: its class, its box as in `Truth`, and whether it is difficult to recognise."""

    name: str
    box: Box
    difficult: bool


class Voc(ImageFiles):
    """The images of a split, with a label for each class; `Dataset` describes the methods.

    presence: (n, classes) int8 with the lists' 1, 0 and -1; `label` is -1, as there are several.
    objects:  of each image, as annotated; `truth` has the box of the largest.

    Raises:
        ValueError: a folder or file of the layout is missing (images and annotations are named), a
            line or an annotation cannot be read, lists of one split name different images, or an
            annotation names a class that has no list.
    """

    presence: np.ndarray
    objects: tuple[tuple[VocObject, ...], ...]

    def __init__(self, root: str | Path, split: str, *, follow_links: bool = False) -> None:
        tree = Tree(root, follow_links=follow_links)
        root = tree.root
        if split not in SPLITS:
            raise ValueError(f"split {split!r} is unknown: there are {', '.join(SPLITS)}")
        for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
            existing(root / folder)
        classes = _classes(root / "ImageSets" / "Main")
        names, self.presence = _lists(root / "ImageSets" / "Main", classes, split)
        found = [_annotation(root, name, classes) for name in names]
        _require_images(tree, [file for file, _ in found])
        self.objects = tuple(objects for _, objects in found)
        rows = [(f"JPEGImages/{file}", -1, _largest(objects)) for file, objects in found]
        super().__init__(root, classes, rows)


def _classes(folder: Path) -> list[str]:
    """The classes that have a list of any split, by name."""
    stems = (path.stem.rpartition("_") for path in folder.glob("*_*.txt"))
    names = sorted({name for name, _, split in stems if split in SPLITS})
    if not names:
        raise ValueError(f"{folder} has no list of a class, such as cat_train.txt")
    return names


def _lists(folder: Path, classes: list[str], split: str) -> tuple[list[str], np.ndarray]:
    """The names of a split's images, and (n, classes) int8."""
    columns = [_list(folder / f"{name}_{split}.txt") for name in classes]
    names = list(columns[0])
    for name, column in zip(classes, columns, strict=True):
        unlike = sorted(column.keys() ^ columns[0].keys())
        if unlike:
            raise ValueError(
                f"{folder}: {name}_{split}.txt and {classes[0]}_{split}.txt name different images, "
                f"{len(unlike)} of them, the first {unlike[0]}"
            )
    table = [[column[name] for column in columns] for name in names]
    return names, np.array(table, np.int8).reshape(len(names), len(classes))


def _list(path: Path) -> dict[str, int]:
    """{image: 1, 0 or -1} of one class's list."""
    found: dict[str, int] = {}
    for number, line in enumerate(lines(path), start=1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 2 or parts[1] not in ("1", "0", "-1") or not is_name(parts[0]):
            raise ValueError(f"{path}, line {number}: {line!r} is not an image's name and 1, 0, -1")
        found[parts[0]] = int(parts[1])
    return found


def _annotation(root: Path, name: str, classes: list[str]) -> tuple[str, tuple[VocObject, ...]]:
    """The image's file and its objects."""
    path = root / "Annotations" / f"{name}.xml"
    if not path.is_file():
        raise ValueError(f"the image {name} of the lists has no annotation {path}")
    tree = parsed_annotation(path)
    file = (tree.findtext("filename") or "").strip()
    if not is_name(file):
        raise ValueError(f"{path} names the image {file!r}: a file's name is needed")
    objects = tuple(annotated_object(path, element) for element in tree.findall("object"))
    for found in objects:
        if found.name not in classes:
            raise ValueError(
                f"{path} has an object of the class {found.name!r}, which has no list; there are "
                f"{', '.join(classes)}"
            )
    return file, objects


def _require_images(tree: Tree, files: list[str]) -> None:
    root = tree.root
    outside = [file for file in files if tree.leads_out(root / "JPEGImages" / file)]
    if outside:
        raise ValueError(tree.passed_over())
    missing = [file for file in files if not (root / "JPEGImages" / file).is_file()]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(files)} annotated images are missing in "
            f"{root / 'JPEGImages'}: {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}"
        )


def parsed_annotation(path: Path) -> ElementTree.Element:
    """An annotation's elements. A document type, which entities need, is refused before parsing."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path} has more than {LARGEST:,} bytes: no annotation is so long")
    try:
        # As text, not as bytes: in UTF-16 the two words below would not be found in the bytes.
        text = path.read_text(encoding="utf-8-sig")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise ValueError("it declares a document type or entities, which annotations need not")
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as an annotation: {error}") from None


def annotated_object(path: Path, element: ElementTree.Element) -> VocObject:
    name = (element.findtext("name") or "").strip()
    try:
        edges = [
            float(element.findtext(f"bndbox/{e}") or "") for e in ("ymin", "xmin", "ymax", "xmax")
        ]
        # The file counts from 1 and includes the last pixel; some edges have decimals.
        top, left, bottom, right = (round(edge) for edge in edges)
    except (ValueError, OverflowError):
        raise ValueError(f"{path}: the object {name!r} has no box of four numbers") from None
    difficult = (element.findtext("difficult") or "0").strip() == "1"
    return VocObject(name, (top - 1, left - 1, bottom, right), difficult)


def _largest(objects: tuple[VocObject, ...]) -> Box | None:
    boxes = [found.box for found in objects]
    return max(boxes, key=lambda b: (b[2] - b[0]) * (b[3] - b[1]), default=None)
