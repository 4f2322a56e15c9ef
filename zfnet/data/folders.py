"""Image folders as data sets: class folders, Tiny ImageNet's layout, plain photographs."""

from __future__ import annotations

import zlib
from collections.abc import Container, Iterator
from pathlib import Path

import numpy as np

from zfnet.data.dataset import Dataset
from zfnet.data.files import Box, ImageFiles, contents, is_name, lines, readable
from zfnet.data.parts import find_parts, warn, warn_of_the_rest
from zfnet.data.walking import Tree

SPLITS = ("train", "val")

LAYOUTS = """understood are
  DIR/CLASS/*.jpg                          a folder per class; part of each class becomes val
  DIR/train/CLASS/*.jpg, DIR/val/CLASS/... the same, split already; also training/, valid/,
                                           validation/, and test/, used only if asked for
  DIR/wnids.txt, DIR/train, DIR/val        Tiny ImageNet
  DIR/*.jpg                                photographs without labels"""


class ClassFolders(ImageFiles):
    """Class folders: ROOT/CLASS/**/*.jpg, or ROOT/train/CLASS/... and ROOT/val/CLASS/...

    The folders of the parts may have any of the names of `zfnet/data/parts.py`, in any case. A
    folder test is the split "test", and is never taken for val. Without a val folder the val split
    is `val_fraction` of each class, drawn by `seed` and the class's name: at least one image of a
    class that has two, and never all of them. A class has the name of its folder, or its first
    synonym where the folder is an ImageNet synset and a file of SYNSET_FILES is in ROOT or beside
    the class folders. Folders without images are not classes.

    A symbolic link that leads out of ROOT is passed over unless `follow_links`. Whatever is passed
    over is said in a `DataWarning`.

    Raises:
        ValueError: no such folder, no images in folders, an unknown split, a fraction outside
            [0, 1), two folders of one part, a val or test part without a train part, or a class
            in val or test that train has not.
    """

    def __init__(
        self,
        root: str | Path,
        split: str,
        *,
        val_fraction: float = 0.1,
        seed: int = 0,
        follow_links: bool = False,
    ) -> None:
        tree = Tree(root, follow_links=follow_links)
        root, parts = tree.root, find_parts(tree)
        _check_split(split, parts)
        if not 0 <= val_fraction < 1:
            raise ValueError(f"val_fraction = {val_fraction} must lie in [0, 1)")
        train = parts.get("train", root)
        names = tree.class_names(train)
        if not names:
            raise ValueError(f"{train} has no class folders with images in them")
        if split == "test" or {split, "val"} <= parts.keys():
            files = _listed_split(tree, parts[split], names)
        else:
            found = {name: tree.images_under(train / name) for name in names}
            files = {name: _part(found[name], name, split, val_fraction, seed) for name in names}
        warn_of_the_rest(tree, parts, split)
        warn(tree.passed_over())
        rows = [
            (path.relative_to(root).as_posix(), label, None)
            for label, name in enumerate(names)
            for path in files.get(name, [])
        ]
        super().__init__(root, readable(names, (root, train)), rows)


class TinyImageNet(ImageFiles):
    """Tiny ImageNet's official layout, with a bounding box for each image.

    ROOT/wnids.txt lists the classes in order; images of other classes are left out. ROOT/words.txt
    gives readable names. A box in the files is left, top, right, bottom with the last pixel
    included; Truth.box has it as top, left, bottom, right, exclusive.

    Raises:
        ValueError: a file or folder of the layout is missing, a line cannot be read, or the
            split is unknown.
    """

    def __init__(self, root: str | Path, split: str, *, follow_links: bool = False) -> None:
        tree = Tree(root, follow_links=follow_links)
        root = tree.root
        _check_split(split)
        wnids = [line.strip() for line in lines(root / "wnids.txt") if line.strip()]
        rows = _tiny_train(tree, wnids) if split == "train" else _tiny_val(tree, wnids)
        super().__init__(root, readable(wnids, (root,)), rows)
        warn(tree.passed_over())


class Photographs(ImageFiles):
    """The images directly in ROOT: no labels, no split. ValueError if there are none."""

    def __init__(self, root: str | Path, *, follow_links: bool = False) -> None:
        tree = Tree(root, follow_links=follow_links)
        paths = tree.images_in(tree.root)
        if not paths:
            raise ValueError(f"{root} has no images directly in it ({contents(tree.root)})")
        super().__init__(tree.root, (), [(path.name, -1, None) for path in paths])
        warn(tree.passed_over())


def open_folder(
    root: str | Path,
    split: str,
    *,
    val_fraction: float = 0.1,
    seed: int = 0,
    follow_links: bool = False,
) -> Dataset:
    """Open a folder by its layout: see LAYOUTS.

    Two folders with images make class folders, whatever other files there are; with fewer, images
    directly in `root` are photographs, for which `split` is ignored.

    Raises:
        ValueError: no layout fits (the message has the known layouts and the folder's content).
    """
    tree = Tree(root, follow_links=follow_links)
    root = tree.root
    if (root / "wnids.txt").is_file() and (root / "train").is_dir():
        return TinyImageNet(root, split, follow_links=follow_links)
    train = find_parts(tree).get("train", root)
    names = tree.class_names(train)
    if len(names) < 2 and train == root and tree.images_in(root):
        return Photographs(root, follow_links=follow_links)
    links = f"{tree.passed_over()}; " if tree.passed_over() else ""
    if not names:
        raise ValueError(f"no data set in {root}: found {contents(root)}; {links}{LAYOUTS}")
    if len(names) == 1 and tree.has_classes(train / names[0]):
        raise ValueError(f"{links}{root} holds but one folder: did you mean {train / names[0]}?")
    return ClassFolders(
        root, split, val_fraction=val_fraction, seed=seed, follow_links=follow_links
    )


def _check_split(split: str, parts: Container[str] = ()) -> None:
    if split not in SPLITS and split not in parts:
        known = " and ".join(SPLITS)
        if split == "test":
            raise ValueError(
                f"a split 'test' needs a folder test/ beside train/; there are {known}"
            )
        raise ValueError(f"split {split!r} is unknown: there are {known}")


def _listed_split(tree: Tree, folder: Path, names: list[str]) -> dict[str, list[Path]]:
    found = tree.class_names(folder)
    unknown = sorted(set(found) - set(names))
    if unknown or not found:
        what = f"classes that train has not: {', '.join(unknown[:5])}" if unknown else "no classes"
        raise ValueError(f"{folder} has {what} ({len(found)} classes there, {len(names)} in train)")
    return {name: tree.images_under(folder / name) for name in found}


def _part(paths: list[Path], name: str, split: str, val_fraction: float, seed: int) -> list[Path]:
    """The files of one class that belong to `split`, still sorted."""
    # Keyed by the name, so that another class does not change the split of the others.
    rng = np.random.default_rng([seed, zlib.crc32(name.encode("utf-8", "surrogateescape"))])
    wanted = round(len(paths) * val_fraction)
    if val_fraction > 0:
        wanted = min(max(wanted, 1), len(paths) - 1)
    chosen = set(rng.permutation(len(paths))[:wanted].tolist())
    return [path for index, path in enumerate(paths) if (index in chosen) == (split == "val")]


def _tiny_train(tree: Tree, wnids: list[str]) -> Iterator[tuple[str, int, Box | None]]:
    root = tree.root
    for label, wnid in enumerate(wnids):
        folder = root / "train" / wnid
        paths = tree.images_under(folder)
        if not paths:
            raise ValueError(f"{root / 'wnids.txt'} names {wnid}, but {folder} has no images")
        boxes = _boxes(folder / f"{wnid}_boxes.txt", fields=5)
        for path in paths:
            yield path.relative_to(root).as_posix(), label, boxes.get(path.name, ("", None))[1]


def _tiny_val(tree: Tree, wnids: list[str]) -> Iterator[tuple[str, int, Box | None]]:
    root = tree.root
    labels = {wnid: label for label, wnid in enumerate(wnids)}
    for name, (wnid, box) in _boxes(root / "val" / "val_annotations.txt", fields=6).items():
        if wnid in labels and not tree.leads_out(root / "val" / "images" / name):
            yield f"val/images/{name}", labels[wnid], box


def _boxes(path: Path, fields: int) -> dict[str, tuple[str, Box | None]]:
    """Annotations "name [wnid] left top right bottom" -> {name: (wnid, box)}."""
    found: dict[str, tuple[str, Box | None]] = {}
    for number, line in enumerate(lines(path), start=1):
        parts = line.split()
        numbers = all(part.isdecimal() and len(part) < 10 for part in parts[-4:])
        if len(parts) != fields or not numbers or not is_name(parts[0]):
            raise ValueError(
                f"{path}, line {number}: {line!r} is not {fields} fields, a file's name first and "
                "a box last"
            )
        left, top, right, bottom = (int(part) for part in parts[-4:])
        found[parts[0]] = (parts[1], (top, left, bottom + 1, right + 1))
    return found
