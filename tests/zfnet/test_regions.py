"""Images with marked parts: a file's lines, a data set's own, and their places in the crop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.zfnet.tiny import Pictures, network
from zfnet.data import Preprocess
from zfnet.data.scenes import Scenes
from zfnet.experiments.correspondence.regions import Part, in_crop, of_dataset, read_regions

pytestmark = pytest.mark.quick

NET = network()
DATA = Pictures(8)


def regions_file(folder: Path, *lines: str, header: str = "image,part,row,column") -> Path:
    for i in range(4):
        Image.fromarray(DATA.images[i]).save(folder / f"{i}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    path = folder / "regions.csv"
    path.write_text("\n".join([header, *lines, ""]))
    return path


def test_a_patch_is_on_the_part_in_the_crop() -> None:
    # 72 x 92 pixels become 36 x 36 of the middle, of which 32 x 32 are the crop.
    part = in_crop(NET.preprocess, (72, 92, 3), Part(40, 50, 8))
    assert (part.row, part.column, part.size) == (40 / 2 - 2, (50 - 10) / 2 - 2, 4)


def test_a_file_of_regions_is_read_in_its_order(tmp_path: Path) -> None:
    path = regions_file(
        tmp_path, "1.png, left eye, 8.5, 9, 6", "", "0.png,left eye,7,7,",
        header="image,part,row,column,size",
    )  # fmt: skip
    images = read_regions(path, NET.preprocess)
    assert [image.title for image in images] == ["1.png", "0.png"]
    assert images[0].parts == {"left eye": Part(8.5, 9, 6)}
    assert images[1].parts == {"left eye": Part(7, 7, None)}
    assert np.array_equal(images[1].read(), DATA.images[0])


def test_images_are_looked_for_in_the_data_folder_too(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    path = regions_file(tmp_path / "images", "2.png,eye,8,9").rename(tmp_path / "r.csv")
    assert len(read_regions(path, NET.preprocess, tmp_path / "images")) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("7.png,eye,8,9", r"line 3: there is no image '7.png' in"),
        ("broken.png,eye,8,9", r"line 3: cannot read the image"),
        ("1.png,eye,8,36", r"line 3: .*\(8, 36\) lie outside of the image, which has 36 rows"),
        ("1.png,eye,-1,9", r"line 3: .*outside of the image"),
        ("1.png,eye,1,9", r"line 3: .*outside of what the network sees.*central 32x32"),
        ("1.png,eye,eight,9", r"line 3: row is 'eight'"),
        ("1.png,eye,8,nan", r"line 3: column is 'nan'"),
        ("1.png,eye,8", r"line 3: 3 fields, the header has 4"),
        ("1.png,,8,9", r"line 3: a part needs a name"),
        ("1.png,random,8,9", r"line 3: .*'random' is not free"),
        ("0.png,eye,8,9", r"line 3: 0.png has its eye already"),
        ("1.png,ear,8,9", r"0.png has no ear; every image needs the same parts, here eye, ear"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_regions(regions_file(tmp_path, "0.png,eye,8,9", line), NET.preprocess)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("image,part,row,column,colour", r"line 1: .*unknown: colour"),
        ("image,part,row", r"line 1: .*missing: column"),
        ("image,part,row,column,row", r"line 1: .*twice"),
    ],
)
def test_unknown_and_missing_columns_are_refused(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_regions(regions_file(tmp_path, header=header), NET.preprocess)


def test_a_line_that_is_no_csv_is_named(tmp_path: Path) -> None:
    path = regions_file(tmp_path, "0.png,eye,8,9", "1.png," + 200_000 * "e" + ",8,9")
    with pytest.raises(ValueError, match=r"regions\.csv, line 3: no CSV, field larger"):
        read_regions(path, NET.preprocess)


def test_a_size_below_a_pixel_is_refused(tmp_path: Path) -> None:
    path = regions_file(tmp_path, "0.png,eye,8,9,0", header="image,part,row,column,size")
    with pytest.raises(ValueError, match="line 2: size is 0"):
        read_regions(path, NET.preprocess)


def test_a_file_of_regions_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none.csv"):
        read_regions(tmp_path / "none.csv", NET.preprocess)


def test_scenes_know_the_parts_of_their_faces() -> None:
    data, preprocess = (
        Scenes("val", count=48),
        Preprocess(56, 64, np.zeros((3, 64, 64), np.float32)),
    )
    images = of_dataset(data, "face", preprocess)
    assert images and all(set(i.parts) == {"left eye", "right eye", "nose"} for i in images)
    first = next(i for i in range(48) if data.title(i) == images[0].title)
    truth = data.truth(first)
    assert {k: (p.row, p.column) for k, p in images[0].parts.items()} == truth.parts


def test_a_class_without_parts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"memory: 0.png has no part positions.*--regions"):
        of_dataset(DATA, "red", NET.preprocess)


def test_a_class_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no class 'dog'; there are red, green, blue"):
        of_dataset(DATA, "dog", NET.preprocess)
