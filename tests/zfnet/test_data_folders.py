"""Folders of every layout: which images, which labels, which split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.zfnet.empty_folders import classes_of, save, tiny, titles
from zfnet.data import (
    BadImage,
    ClassFolders,
    Photographs,
    TinyImageNet,
    open_dataset,
    require_classes,
)

pytestmark = pytest.mark.quick


def test_the_label_of_a_file_is_its_folder(tmp_path: Path) -> None:
    dataset = ClassFolders(classes_of(tmp_path, dog=3, cat=2), "train", val_fraction=0)
    assert dataset.classes == ("cat", "dog")
    named = [dataset.classes[dataset.label(index)] for index in range(len(dataset))]
    assert named == [title.split("/")[0] for title in titles(dataset)]


def test_only_visible_image_files_are_listed_at_any_depth(tmp_path: Path) -> None:
    classes_of(tmp_path, a=1, b=1)
    save(tmp_path / "a" / "deep" / "er" / "x.JPG")
    (tmp_path / "a" / "notes.txt").write_text("no image")
    (tmp_path / "a" / "._x.jpg").write_bytes(b"resource fork")
    (tmp_path / "empty").mkdir()
    save(tmp_path / ".hidden" / "x.png")
    dataset = ClassFolders(tmp_path, "train", val_fraction=0)
    assert titles(dataset) == ["a/000.png", "a/deep/er/x.JPG", "b/000.png"]


def test_train_and_val_share_the_images_of_every_class(tmp_path: Path) -> None:
    classes_of(tmp_path, a=20, b=5, c=2)
    train, val = (titles(ClassFolders(tmp_path, split)) for split in ("train", "val"))
    assert sorted(train + val) == titles(ClassFolders(tmp_path, "train", val_fraction=0))
    assert [sum(title[0] == name for title in val) for name in "abc"] == [2, 1, 1]


def test_a_class_of_one_image_stays_in_train(tmp_path: Path) -> None:
    dataset = ClassFolders(classes_of(tmp_path, a=1, b=4), "train", val_fraction=0.9)
    assert [dataset.label(index) for index in range(len(dataset))] == [0, 1]


def test_the_split_is_drawn_by_the_seed(tmp_path: Path) -> None:
    classes_of(tmp_path, a=30)
    drawn = [titles(ClassFolders(tmp_path, "val", seed=seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_another_class_leaves_the_split_of_the_others_as_it_was(tmp_path: Path) -> None:
    before = titles(ClassFolders(classes_of(tmp_path, b=30), "val"))
    after = titles(ClassFolders(classes_of(tmp_path, a=30), "val"))
    assert [title for title in after if title.startswith("b/")] == before


def test_classes_of_equal_files_are_split_differently(tmp_path: Path) -> None:
    val = titles(ClassFolders(classes_of(tmp_path, a=30, b=30), "val"))
    chosen = [{title[2:] for title in val if title[0] == name} for name in "ab"]
    assert chosen[0] != chosen[1]


def test_a_val_folder_is_the_val_split(tmp_path: Path) -> None:
    classes_of(tmp_path / "train", a=3, b=3)
    classes_of(tmp_path / "val", b=2)
    dataset = ClassFolders(tmp_path, "val")
    assert titles(dataset) == ["val/b/000.png", "val/b/001.png"]
    assert dataset.label(0) == ClassFolders(tmp_path, "train").classes.index("b")


def test_a_val_class_that_train_has_not_is_refused(tmp_path: Path) -> None:
    classes_of(tmp_path / "train", a=1, b=1)
    classes_of(tmp_path / "val", a=1, zebra=1)
    with pytest.raises(ValueError, match="train has not: zebra"):
        ClassFolders(tmp_path, "val")


def test_a_folder_of_trains_is_a_class(tmp_path: Path) -> None:
    save(tmp_path / "train" / "steam" / "0.png")
    assert ClassFolders(classes_of(tmp_path, train=2, plane=2), "val").classes == ("plane", "train")


def test_synsets_are_called_by_their_first_synonym(tmp_path: Path) -> None:
    classes_of(tmp_path, n01440764=1, n02012849=1, n03126707=1, n09999999=1, BACKGROUND_Google=1)
    (tmp_path / "words.txt").write_text(
        "n01440764\ttench, Tinca tinca\nn02012849\tcrane\nn03126707\tcrane, hoist\n\n"
    )
    names = ClassFolders(tmp_path, "train").classes
    cranes = ("crane (n02012849)", "crane (n03126707)")
    assert names == ("BACKGROUND_Google", "tench", *cranes, "n09999999")


def test_tiny_imagenet_takes_its_classes_in_the_order_of_wnids(tmp_path: Path) -> None:
    dataset = TinyImageNet(tiny(tmp_path), "train")
    assert dataset.classes == ("cat", "bee")
    assert titles(dataset)[0] == "train/n00000002/images/n00000002_0.JPEG"
    assert [dataset.label(index) for index in range(2)] == [0, 1]


def test_tiny_imagenet_val_is_what_its_annotations_list_of_these_classes(tmp_path: Path) -> None:
    dataset = TinyImageNet(tiny(tmp_path), "val")
    assert titles(dataset) == ["val/images/val_0.JPEG"]
    assert dataset.classes[dataset.label(0)] == "bee"


@pytest.mark.parametrize(("split", "box"), [("train", (2, 1, 5, 4)), ("val", (6, 5, 9, 8))])
def test_tiny_imagenet_boxes_are_top_left_bottom_right_exclusive(
    tmp_path: Path, split: str, box: tuple[int, ...]
) -> None:
    truth = TinyImageNet(tiny(tmp_path), split).truth(0)
    assert truth is not None and truth.box == box


def test_a_box_that_cannot_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    (tiny(tmp_path) / "val" / "val_annotations.txt").write_text(
        "val_0.JPEG\tn00000001\t5\t6\t7\t8\nval_1.JPEG\tn00000001\t5\t6\tx\t8\n"
    )
    with pytest.raises(ValueError, match=r"val_annotations\.txt, line 2"):
        TinyImageNet(tmp_path, "val")


def test_a_synset_without_images_is_refused(tmp_path: Path) -> None:
    (tiny(tmp_path) / "wnids.txt").write_text("n00000001\nn00000007\n")
    with pytest.raises(ValueError, match="n00000007"):
        TinyImageNet(tmp_path, "train")


def test_photographs_have_no_labels(tmp_path: Path) -> None:
    save(tmp_path / "b.jpg")
    save(tmp_path / "a.png")
    dataset = Photographs(tmp_path)
    assert titles(dataset) == ["a.png", "b.jpg"]
    assert (dataset.classes, dataset.label(0), dataset.truth(0)) == ((), -1, None)


def test_an_unreadable_file_is_listed_and_refused_when_read(tmp_path: Path) -> None:
    classes_of(tmp_path, a=1)
    (tmp_path / "a" / "bad.jpg").write_bytes(b"")
    dataset = ClassFolders(tmp_path, "train", val_fraction=0)
    assert titles(dataset) == ["a/000.png", "a/bad.jpg"]
    with pytest.raises(BadImage):
        dataset.image(1)


# Finding out which layout it is


def beside_a_stray_picture(root: Path) -> Path:
    save(root / "logo.png")
    return classes_of(root, a=2, b=2)


def photographs_with_a_folder(root: Path) -> Path:
    save(root / "one.png")
    return classes_of(root, edited=2)


def already_split(root: Path) -> Path:
    classes_of(root / "train", a=2, b=2)
    classes_of(root / "val", a=2, b=2)
    return root


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (tiny, TinyImageNet),
        (already_split, ClassFolders),
        (beside_a_stray_picture, ClassFolders),
        (photographs_with_a_folder, Photographs),
    ],
)
def test_the_layout_of_a_folder_is_found_out(
    tmp_path: Path, make: Callable[[Path], Path], kind: type
) -> None:
    assert type(open_dataset(make(tmp_path), "train")) is kind


def test_scenes_are_drawn_as_asked_for() -> None:
    assert open_dataset("scenes", "val", size=32, count=3).image(2).shape == (32, 32, 3)


def test_a_folder_without_images_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "images.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"0 folders, 1 files \(\.zip\)(.|\n)*DIR/CLASS/\*\.jpg"):
        open_dataset(tmp_path, "train")


def test_a_folder_above_the_data_set_is_refused_with_the_right_one(tmp_path: Path) -> None:
    classes_of(tmp_path / "caltech", a=2, b=2)
    with pytest.raises(ValueError, match=r"did you mean .*caltech"):
        open_dataset(tmp_path, "train")


def test_a_folder_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere does not exist"):
        open_dataset(tmp_path / "nowhere", "train")


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    classes_of(tmp_path, a=2, b=2)
    with pytest.raises(ValueError, match="'held out' is unknown: there are train and val"):
        open_dataset(tmp_path, "held out")
    with pytest.raises(ValueError, match="'test' needs a folder test/ beside train/"):
        open_dataset(tmp_path, "test")


def test_one_class_is_too_few_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"one class \('a'\), at least 2"):
        require_classes(open_dataset(classes_of(tmp_path, a=4), "train"))


def test_photographs_have_too_few_classes_to_train_on(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="0 classes, at least 2"):
        require_classes(open_dataset(tmp_path, "train"))
