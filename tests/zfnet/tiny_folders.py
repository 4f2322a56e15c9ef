"""Folders in the layouts of Caltech and of PASCAL VOC, with a few drawn pictures in them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from tests.zfnet.tiny import Pictures

OBJECT = """<object><name>{name}</name><difficult>{difficult}</difficult>
<bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>
<part><name>head</name></part></object>"""


def class_folders(root: Path, classes: tuple[str, ...], count: int = 3) -> Path:
    """`count` images of each class, ROOT/CLASS/000.png; their colours tell them apart."""
    pictures = Pictures(count * len(classes))
    for index, picture in enumerate(pictures.images):
        place = root / classes[index % len(classes)]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{index:03}.png")
    return root


def voc_object(name: str, box: tuple[int, int, int, int] = (1, 1, 9, 9), difficult: int = 0) -> str:
    """The XML of an object; box: xmin, ymin, xmax, ymax as in the file, from 1, inclusive."""
    xmin, ymin, xmax, ymax = box
    return OBJECT.format(name=name, difficult=difficult, xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax)


def voc_image(root: Path, name: str, picture: Image.Image, objects: str = "") -> None:
    """An image and its annotation."""
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    picture.save(root / "JPEGImages" / f"{name}.jpg")
    (root / "Annotations" / f"{name}.xml").write_text(
        f"<annotation><filename>{name}.jpg</filename>{objects}</annotation>"
    )


def voc_list(root: Path, name: str, split: str, labels: dict[str, int]) -> None:
    """One class's list of a split: 1, 0 or -1 by image."""
    text = "".join(f"{image} {label:2d}\n" for image, label in labels.items())
    (root / "ImageSets" / "Main" / f"{name}_{split}.txt").write_text(text)


def voc_folder(root: Path, classes: tuple[str, ...], count: int = 9) -> Path:
    """`count` images of train and as many of val; image i has the class i % 3, as its colour shows.

    The last image of val has a difficult object of the first class besides.
    """
    for split, seed in (("train", 0), ("val", 1)):
        pictures = Pictures(count, seed=seed).images
        presence = {
            f"{split}_{i}": [1 if i % 3 == k else -1 for k in range(3)] for i in range(count)
        }
        for i, image in enumerate(presence):
            objects = voc_object(classes[i % 3])
            if (split, i) == ("val", count - 1):
                presence[image][0] = 0
                objects += voc_object(classes[0], difficult=1)
            voc_image(root, image, Image.fromarray(pictures[i]), objects)
        for column, name in enumerate(classes):
            voc_list(root, name, split, {image: row[column] for image, row in presence.items()})
    return root
