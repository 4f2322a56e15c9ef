"""Boxes in PASCAL VOC's XML, beside a folder's images or in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.zfnet.tiny_folders import class_folders, voc_image, voc_object
from zfnet.cli.compare_rules import images_of
from zfnet.data import open_dataset
from zfnet.data.boxes import WithBoxes


def annotation(path: Path, *objects: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation>{''.join(objects)}</annotation>")


def picture(path: Path, height: int = 20, width: int = 30) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(path)


def test_an_annotation_beside_the_image_or_in_a_folder_gives_its_mask(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        picture(tmp_path / "images" / f"{name}.png")
    annotation(tmp_path / "images" / "a.xml", voc_object("dog", (3, 5, 10, 8)))
    annotation(tmp_path / "boxes" / "deep" / "b.xml", voc_object("dog", (1, 1, 30, 20)))
    data = open_dataset(tmp_path / "images", "val")
    beside, apart = WithBoxes(data), WithBoxes(data, tmp_path / "boxes")
    found = beside.truth(0)
    assert found is not None and found.mask is not None
    expected = np.zeros((20, 30), bool)
    expected[4:8, 2:10] = True  # (the file counts from 1 and includes the last pixel)
    np.testing.assert_array_equal(found.mask, expected)
    assert beside.truth(1) is None and beside.truth(2) is None
    whole = apart.truth(1)
    assert whole is not None and whole.mask is not None and whole.mask.all()


def test_objects_of_the_images_class_count_or_all_where_none_is_named_so(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for number in range(2):
            picture(tmp_path / "images" / name / f"{name}{number}.png")
    objects = voc_object("cat", (1, 1, 4, 4)), voc_object("tree", (11, 11, 14, 14))
    annotation(tmp_path / "boxes" / "cat0.xml", *objects)
    annotation(tmp_path / "boxes" / "dog0.xml", *objects)
    data = WithBoxes(open_dataset(tmp_path / "images", "train", val_fraction=0), tmp_path / "boxes")
    sizes = {}
    for index in range(len(data)):
        truth = data.truth(index)
        sizes[data.title(index)] = int(truth.mask.sum()) if truth and truth.mask is not None else 0
    assert sizes == {"cat/cat0.png": 16, "cat/cat1.png": 0, "dog/dog0.png": 32, "dog/dog1.png": 0}


def test_vocs_own_folder_is_known(tmp_path: Path) -> None:
    image = Image.fromarray(np.zeros((20, 30, 3), np.uint8))
    voc_image(tmp_path, "2008_1", image, voc_object("dog", (3, 5, 10, 8)))
    voc_image(tmp_path, "2008_2", image)
    data = images_of(str(tmp_path), "val", None)
    assert len(data) == 2
    first = data.truth(0)
    assert first is not None and first.mask is not None and first.mask.sum() == 32
    assert data.truth(1) is None


def test_a_data_sets_own_boxes_stay(tmp_path: Path) -> None:
    data = images_of("scenes", "val", None)
    assert data.truth(3) is not None and data.label(3) == 3
    assert data.classes and data.name == "scenes"


def test_annotations_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    data = open_dataset(class_folders(tmp_path / "images", ("a", "b")), "val")
    with pytest.raises(ValueError, match=r"no annotation: expected NAME\.xml"):
        (tmp_path / "empty").mkdir()
        WithBoxes(data, tmp_path / "empty")
    for folder in ("x", "y"):
        annotation(tmp_path / "twice" / folder / "000.xml")
    with pytest.raises(ValueError, match="have one name"):
        WithBoxes(data, tmp_path / "twice")
    annotation(tmp_path / "bad" / f"{Path(data.title(0)).stem}.xml")
    (tmp_path / "bad" / f"{Path(data.title(0)).stem}.xml").write_text("<annotation>")
    with pytest.raises(ValueError, match="cannot be read as an annotation"):
        WithBoxes(data, tmp_path / "bad").truth(0)
