"""Parts of a data set by the names of their folders: training, validation, test.

People write Train/ and Val/, training/ and validation/, train/ and valid/. These names, in any
case, are parts where class folders are in them; a folder `train` with images directly in it is a
class, as any other.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

from zfnet.data.walking import Tree
from zfnet.signals import DataWarning

NAMES: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""The names of each part's folder, in lower case."""
Parts = Mapping[str, Path]


def warn(sentence: str) -> None:
    """Warn with the sentence, if there is one."""
    if sentence:
        warnings.warn(sentence, DataWarning, stacklevel=3)


def part_of(name: str) -> str | None:
    """The part that a folder of this name is: "train", "val" or "test"; None for any other."""
    return next((part for part, names in NAMES.items() if name.casefold() in names), None)


def find_parts(tree: Tree) -> Parts:
    """The folders of the parts; empty where the class folders are in the root itself.

    ValueError for two folders of one part, or for other parts without one to train on.
    """
    folders = [folder for folder in tree.folders(tree.root) if part_of(folder.name)]
    with_classes = [folder for folder in folders if tree.has_classes(folder)]
    several = len({part_of(folder.name) for folder in with_classes}) > 1
    # A stray image makes a class of train/, unless another part beside it has classes too.
    holding = [f for f in with_classes if several or not tree.images_in(f)]
    found = {part: _only(tree, part, holding) for part in map(_part, holding)}
    if "train" not in found:
        _require_train(tree, found)
        return {}
    # An empty val/ or one without class folders is refused where it is opened.
    others = [f for f in folders if f not in holding and _part(f) not in found]
    return found | {_part(folder): folder for folder in others}


def warn_of_the_rest(tree: Tree, parts: Parts, split: str) -> None:
    """A sentence about folders with images that are not looked at, and about doubtful classes."""
    if not parts:
        warn(_doubtful_classes(tree))
        return
    used = {parts["train"], parts.get("val"), parts.get(split)}
    left = [f for f in tree.folders(tree.root) if f not in used and tree.has_images(f)]
    if left:
        names = ", ".join(f"{folder.name}/" for folder in left[:5])
        advice = (
            "; --split test looks at its images, `zfnet train --use-test` validates on them"
            if "test" in parts and parts["test"] in left
            else ""
        )
        warn(f"{tree.root}: {names} passed over beside {parts['train'].name}/{advice}")
    strays = tree.images_in(parts["train"])
    if strays:
        warn(
            f"{parts['train']}: {len(strays)} images directly in it are of no class and are left "
            f"out, the first {strays[0].name}"
        )


def _part(folder: Path) -> str:
    part = part_of(folder.name)
    assert part is not None
    return part


def _only(tree: Tree, part: str, holding: list[Path]) -> Path:
    folders = [folder for folder in holding if _part(folder) == part]
    if len(folders) > 1:
        names = " and ".join(f"{folder.name}/" for folder in folders)
        raise ValueError(
            f"{tree.root} has {len(folders)} folders of the part {part}, {names}: leave one of them"
        )
    return folders[0]


def _require_train(tree: Tree, found: Parts) -> None:
    others = [n for n in tree.class_names(tree.root) if part_of(n) is None] if found else []
    if len(found) > 1 and not others:
        names = " and ".join(f"{folder.name}/" for folder in found.values())
        raise ValueError(
            f"{tree.root} has {names}, but no part to train on: the folder with its classes should "
            f"be called {' or '.join(NAMES['train'])}; or give one of them alone as the data"
        )


def _doubtful_classes(tree: Tree) -> str:
    names = tree.class_names(tree.root)
    if len(names) < 2 or None in map(part_of, names):
        return ""
    return (
        f"{tree.root}: {' and '.join(f'{name}/' for name in names)} have images directly in them "
        "and are taken for classes; as parts of a data set they would hold a folder for each class"
    )
