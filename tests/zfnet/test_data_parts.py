"""Parts of a data set by the names of their folders, and what is passed over with a word."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from tests.zfnet.empty_folders import classes_of, save, titles
from zfnet.data import ClassFolders, DataWarning, open_dataset

pytestmark = pytest.mark.quick


def parts_of(root: Path, *names: str) -> Path:
    """Class folders a and b below folders of these names, three images in each."""
    for name in names:
        classes_of(root / name, a=3, b=3)
    return root


@pytest.mark.parametrize(
    ("train", "val"),
    [("Train", "Val"), ("training", "validation"), ("train", "valid"), ("TRAINING", "VALID")],
)
def test_the_usual_names_of_parts_are_known_in_any_case(
    tmp_path: Path, train: str, val: str
) -> None:
    parts_of(tmp_path, train, val)
    for split, folder in (("train", train), ("val", val)):
        dataset = open_dataset(tmp_path, split)
        assert dataset.classes == ("a", "b") and len(dataset) == 6
        assert all(title.startswith(f"{folder}/") for title in titles(dataset))


def test_a_test_part_is_used_only_when_asked_for(tmp_path: Path) -> None:
    parts_of(tmp_path, "train", "Test")
    with pytest.warns(DataWarning, match=r"Test/ passed over beside train/; --split test .*"):
        train, val = (open_dataset(tmp_path, split) for split in ("train", "val"))
    assert len(train) + len(val) == 6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        test = open_dataset(tmp_path, "test")
    assert titles(test) == [f"Test/{name}/00{i}.png" for name in "ab" for i in range(3)]


def test_parts_without_one_to_train_on_are_refused(tmp_path: Path) -> None:
    parts_of(tmp_path, "test", "valid")
    with pytest.raises(ValueError, match=r"test/ and valid/, but no part to train on: .*training"):
        open_dataset(tmp_path, "train")


def test_two_folders_of_one_part_are_refused(tmp_path: Path) -> None:
    parts_of(tmp_path, "train", "val", "validation")
    with pytest.raises(ValueError, match=r"2 folders of the part val, val/ and validation/"):
        open_dataset(tmp_path, "val")


def test_a_word_is_said_about_classes_that_are_called_like_parts(tmp_path: Path) -> None:
    classes_of(tmp_path, train=2, test=2)
    with pytest.warns(DataWarning, match="test/ and train/ have images directly in them and are"):
        assert open_dataset(tmp_path, "train").classes == ("test", "train")


def test_a_stray_image_beside_the_classes_of_a_part_is_left_out_with_a_word(tmp_path: Path) -> None:
    save(parts_of(tmp_path, "train", "val") / "train" / "logo.png")
    with pytest.warns(DataWarning, match=r"train: 1 images directly in it are of no class.* logo"):
        assert open_dataset(tmp_path, "train").classes == ("a", "b")


def test_other_folders_with_images_beside_the_parts_are_named(tmp_path: Path) -> None:
    parts_of(tmp_path, "train", "val", "extra")
    with pytest.warns(DataWarning, match="extra/ passed over beside train/$"):
        open_dataset(tmp_path, "val")


def test_what_archives_add_is_no_class(tmp_path: Path) -> None:
    classes_of(tmp_path, a=2, b=2, __MACOSX=2)
    save(tmp_path / "a" / "@eaDir" / "thumb.jpg")
    dataset = ClassFolders(tmp_path, "train", val_fraction=0)
    assert dataset.classes == ("a", "b") and len(dataset) == 4
