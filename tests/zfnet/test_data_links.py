"""Symbolic links in a data set's folder, and names of every kind."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path

import pytest

from tests.zfnet.empty_folders import classes_of, save, tiny, titles
from zfnet.data import ClassFolders, DataWarning, TinyImageNet, open_dataset

pytestmark = pytest.mark.quick


def test_links_that_lead_out_are_passed_over_with_a_word_and_followed_if_asked(
    tmp_path: Path,
) -> None:
    elsewhere = classes_of(tmp_path / "elsewhere", c=2)
    root = classes_of(tmp_path / "data", a=2, b=2)
    (root / "c").symlink_to(elsewhere / "c")
    (root / "a" / "x.png").symlink_to(elsewhere / "c" / "000.png")
    (root / "a" / "notes.txt").symlink_to("/etc/hostname")
    with pytest.warns(
        DataWarning, match=r"2 symbolic links that lead out of .* the first a/x\.png"
    ):
        found = open_dataset(root, "train", val_fraction=0)
    assert found.classes == ("a", "b") and len(found) == 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        every = open_dataset(root, "train", val_fraction=0, follow_links=True)
    assert titles(every) == [
        "a/000.png", "a/001.png", "a/x.png", "b/000.png", "b/001.png", "c/000.png", "c/001.png",
    ]  # fmt: skip


def test_a_folder_that_holds_but_links_out_is_refused_with_the_option(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    for part in ("train", "val"):
        classes_of(elsewhere / part, a=3, b=3)
    (tmp_path / "data").mkdir()
    for part in ("train", "val"):
        (tmp_path / "data" / part).symlink_to(elsewhere / part)
    with pytest.raises(ValueError, match=r"2 symbolic links .*--follow-links"):
        open_dataset(tmp_path / "data", "train")
    assert len(open_dataset(tmp_path / "data", "val", follow_links=True)) == 6


def test_links_inside_are_followed_and_circles_end(tmp_path: Path) -> None:
    root = classes_of(tmp_path / "data", a=2, b=1)
    (root / "a" / "again").symlink_to(root / "a")
    (root / "a" / "up").symlink_to(root)
    (root / "b" / "more").symlink_to(root / "a")
    (root / "b" / "self.png").symlink_to("self.png")
    (root / "loop").symlink_to("loop")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = ClassFolders(root, "train", val_fraction=0)
    expected = ["a/000.png", "a/001.png", "b/000.png", "b/more/000.png", "b/more/001.png"]
    assert [title for title in titles(dataset) if "self" not in title] == expected


def test_links_that_multiply_are_walked_once(tmp_path: Path) -> None:
    """Each of 40 folders has two links to the next: 2^40 paths."""
    folders = [tmp_path / "data" / f"{i:02}" for i in range(40)]
    for folder in folders:
        save(folder / "0.png")
    for folder, following in itertools.pairwise(folders):
        for name in ("x", "y"):
            (folder / name).symlink_to(following)
    dataset = ClassFolders(tmp_path / "data", "train", val_fraction=0)
    assert len(dataset) == 40 * 41 // 2


def test_a_data_folder_that_is_a_link_is_itself_followed(tmp_path: Path) -> None:
    classes_of(tmp_path / "data", a=2, b=2)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert len(open_dataset(tmp_path / "link", "train", val_fraction=0)) == 4


def test_tiny_imagenets_annotations_name_files_only(tmp_path: Path) -> None:
    annotations = tiny(tmp_path) / "val" / "val_annotations.txt"
    annotations.write_text("../../x.JPEG\tn00000001\t5\t6\t7\t8\n")
    with pytest.raises(ValueError, match="a file's name first"):
        TinyImageNet(tmp_path, "val")


# Names


HOSTILE = (
    "caf\udce9", "cost $5 or $10", "a$b^$", "<script>alert(1)<", 'quo"te\'s', "-rf", "new\nline",
    "\x1b[31mred\x1b[0m", "[bold]", "\u202egnp", "שלום", "n" * 255,
)  # fmt: skip


def test_every_name_that_a_file_system_holds_is_a_class_with_a_printable_name(
    tmp_path: Path,
) -> None:
    classes_of(tmp_path, **dict.fromkeys(HOSTILE, 2))
    train, val = (open_dataset(tmp_path, split) for split in ("train", "val"))
    assert len(train.classes) == len(HOSTILE) and len(train) == len(val) == len(HOSTILE)
    for text in (*train.classes, *titles(train)):
        text.encode("utf-8")
        assert text.isprintable()
    assert {"caf\\xe9", "cost $5 or $10", "new\\nline", "\\u202egnp", "שלום"} <= set(train.classes)
    for index in range(len(train)):
        assert train.image(index).shape == (2, 2, 3)


def test_names_that_print_alike_stay_two_classes(tmp_path: Path) -> None:
    classes_of(tmp_path, **{"caf\udce9": 1, "caf\\xe9": 1})
    classes = ClassFolders(tmp_path, "train", val_fraction=0).classes
    assert sorted(classes) == ["caf\\xe9", "caf\\xe9 (2)"]
