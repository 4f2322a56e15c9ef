"""`zfnet occlusion`: the five columns, the files, and the source of the class (Fig 7)."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.zfnet.reporting import without_script
from tests.zfnet.tiny import Pictures, centre, network
from zfnet.cli.occlusion import occlusion_command, positions
from zfnet.data import Truth
from zfnet.deconvnet import Deconvnet
from zfnet.experiments.features.measure import centre_crop, strongest_activations
from zfnet.experiments.occlusion.images import OTHERS, Searched, from_dataset, from_files
from zfnet.experiments.occlusion.measure import default_square, occlusion_map
from zfnet.experiments.occlusion.page import occlude, write_occlusion
from zfnet.experiments.occlusion.pointing import pointing_game
from zfnet.experiments.shared.photographs import Photograph
from zfnet.experiments.shared.results import Results
from zfnet.network import FILE

NET = network()
SQUARE, STRIDE = 9, 7


class Boxed(Pictures):
    """Pictures with an object in their upper left quarter."""

    def truth(self, index: int) -> Truth:
        return Truth(box=(0, 0, 18, 18))


DATA = Boxed(12)


def photographs(*indices: int) -> list[Photograph]:
    return [Photograph(f"{i}.png", DATA.images[i]) for i in indices]


def written(tmp_path: Path, indices: list[int], **options: Any) -> dict[str, Any]:
    subjects = from_dataset(NET, DATA, indices)
    settings = {"square": SQUARE, "stride": STRIDE, "dataset": DATA, **options}
    write_occlusion(NET, subjects, Results(tmp_path, "occlusion", {"seed": 5}), **settings)
    numbers: dict[str, Any] = json.loads((tmp_path / "occlusion.json").read_text())
    return numbers


def test_the_first_projection_is_the_images_own_and_the_others_are_the_strongest() -> None:
    searched = Searched(NET, DATA, [1, 3, 4, 6, 8, 11])
    (subject,) = from_dataset(NET, DATA, [6])
    (seen,) = occlude(NET, [subject], SQUARE, STRIDE, searched)
    own, *others = seen.projections
    (alone,) = Deconvnet(NET.model).project(subject.x[None], "relu5", map=seen.map.map)
    assert own.value == alone.value and np.array_equal(own.pixels, alone.pixels)
    every = strongest_activations(NET, DATA, ["relu5"], k=12)["relu5"]
    expected = [
        value for image, value, _ in every.units(seen.map.map) if image in (1, 3, 4, 8, 11)
    ][:OTHERS]
    assert [p.value for p in others] == pytest.approx(expected, rel=1e-5)


def test_the_square_is_in_the_proportion_of_32_and_8_to_224() -> None:
    assert [default_square(size) for size in (224, 56, 64, 7)] == [(32, 8), (8, 2), (9, 2), (1, 1)]


# Whose class


def test_a_file_with_a_label_is_watched_for_that_class() -> None:
    subjects = from_files(NET, photographs(0, 1), ["blue", "red"])
    assert [s.label for s in subjects] == [2, 0]
    assert [s.label for s in from_files(NET, photographs(0, 1), ["green"])] == [1, 1]
    pixels = centre(DATA.images[1]).transpose(2, 0, 1)  # (S,S,3) -> (3,S,S)
    assert np.array_equal(subjects[1].x, pixels - NET.preprocess.mean[:, 2:34, 2:34])


def test_a_file_without_a_label_takes_the_networks_own_class_and_says_so(tmp_path: Path) -> None:
    subjects = from_files(NET, photographs(0))
    page = write_occlusion(
        NET, subjects, Results(tmp_path, "occlusion"), square=SQUARE, stride=STRIDE
    )
    (image,) = json.loads((tmp_path / "occlusion.json").read_text())["images"]
    likely = NET.classes[NET.probabilities(subjects[0].x[None]).argmax()]
    assert (image["class"], image["class_is"]) == (likely, "the network's most probable")
    assert "the network's own most probable one" in page.read_text().replace("&#x27;", "'")


# What is written


def test_the_numbers_of_a_place_are_those_of_the_map(tmp_path: Path) -> None:
    written(tmp_path, [7])
    seen = occlusion_map(NET, centre_crop(NET, DATA, 7), 1, square=SQUARE, stride=STRIDE)
    rows = list(csv.DictReader((tmp_path / "occlusion-01.csv").open()))
    assert len(rows) == seen.probability.size
    row = rows[1 * 5 + 3]
    assert (row["row"], row["column"]) == ("11.5", "25.5")
    assert float(row["probability"]) == seen.probability[1, 3]
    assert float(row["activation"]) == seen.activation[1, 3]
    assert row["most probable class"] == NET.classes[seen.winner[1, 3]]


def test_the_game_takes_the_images_shown_and_further_ones(tmp_path: Path) -> None:
    played = written(tmp_path, [5], pointing=[5, 8, 2])["pointing"]
    expected = pointing_game(NET, DATA, [5, 8, 2], SQUARE, STRIDE)
    rows = list(csv.reader((tmp_path / "pointing.csv").open()))[1:]
    assert [row[0] for row in rows] == ["5.png", "8.png", "2.png"]
    assert [row[1] for row in rows] == [str(int(hit)) for hit in expected.hits]
    assert played["sentence"] == expected.sentence() and played["chance"] == expected.chance


def test_an_images_results_are_there_before_the_next_one_is_looked_at(tmp_path: Path) -> None:
    def stop(title: str, done: int, total: int) -> None:
        if title == "occlusion" and done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(tmp_path, [2, 5], report=stop)
    (image,) = json.loads((tmp_path / "occlusion.json").read_text())["images"]
    assert image["image"] == "2.png"
    with Image.open(tmp_path / "occlusion-01.png") as picture:
        assert picture.size[0] > picture.size[1]


def test_the_same_seed_writes_the_same_page(tmp_path: Path) -> None:
    NET.save(tmp_path / FILE)
    texts = []
    for name in ("a", "b"):
        out = tmp_path / name
        occlusion_command(
            tmp_path / FILE, data=str(folder(tmp_path / "data")), out=out, count=1,
            square=SQUARE, stride=STRIDE, search=3, pointing=0, seed=4,
        )  # fmt: skip
        texts.append((out / "index.html").read_text())
    assert texts[0] == texts[1]


def folder(where: Path) -> Path:
    where.mkdir(exist_ok=True)
    for i in range(5):
        Image.fromarray(DATA.images[i]).save(where / f"{i}.png")
    return where


def test_named_images_come_first_and_none_is_drawn_twice() -> None:
    rng = np.random.default_rng(0)
    shown, played, searched = positions(DATA, [7, 3], 4, 9, 5, rng)
    assert shown[:2] == [7, 3] and len(set(shown)) == 6
    assert played[:6] == shown and len(set(played)) == 9
    assert searched == sorted(set(searched)) and len(searched) == 5


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give --data, or --image"),
        ({"index": [1]}, "give --data, or --image"),
        ({"data": "DATA", "label": ["red"]}, "--label names the class of files"),
        ({"data": "DATA", "index": [5]}, "no image 5, only 0 to 4"),
        ({"data": "DATA", "count": 6}, "6 images of .*, which has 5"),
        ({"data": "DATA", "pointing": 2}, "neither box nor mask"),
        ({"image": ["DATA/0.png"], "pointing": 2}, "give --data"),
        ({"image": ["DATA/0.png"], "label": ["dog"]}, "no class 'dog'; there are red, green"),
        ({"image": ["DATA/0.png"], "label": ["red", "red"]}, "2 times, for 1 image"),
        ({"image": ["DATA/9.png"]}, "9.png"),
        ({"image": ["DATA/0.png"], "square": 40}, "square of 40 .* 32x32"),
    ],
)
def test_images_that_cannot_be_occluded_are_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    NET.save(tmp_path / FILE)
    data = str(folder(tmp_path / "data"))
    given: dict[str, Any] = {"square": SQUARE, "search": 0, "pointing": 0, **options}
    if "data" in given:
        given["data"] = data
    if "image" in given:
        given["image"] = [Path(name.replace("DATA", data)) for name in given["image"]]
    with pytest.raises(ValueError, match=message):
        occlusion_command(tmp_path / FILE, out=tmp_path / "out", **given)


def test_images_that_cannot_be_played_are_left_out_and_the_page_counts_them(
    tmp_path: Path,
) -> None:
    data = Boxed(12, bad=(8,))
    found = written(tmp_path, [5], dataset=data, pointing=[5, 8, 2])["pointing"]
    assert found["images"] == 2 and list(found["left_out"]) == ["8.png"]
    html = (tmp_path / "index.html").read_text()
    assert "2 of 3 images could be played" in html and "torn" in html


def test_a_game_of_no_image_is_refused_before_any_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zfnet.experiments.occlusion.page.occlusion_map", None)
    with pytest.raises(ValueError, match=r"cannot be played: 0 of 2 .*no class.*no class"):
        written(tmp_path, [5], dataset=Boxed(12, classes=("cat",)), pointing=[0, 1])


def test_without_a_game_the_page_has_no_section_about_it(tmp_path: Path) -> None:
    unknown = from_dataset(NET, Boxed(3, classes=("cat",)), [0])
    assert unknown[0].region is not None and unknown[0].label is None
    page = write_occlusion(NET, unknown, Results(tmp_path, "occlusion"), square=9, stride=7)
    assert "pointing game" not in without_script(page.read_text())
    assert json.loads((tmp_path / "occlusion.json").read_text())["pointing"] is None


def test_the_text_names_only_what_the_columns_show(tmp_path: Path) -> None:
    """Other images' projections and outlines, where there are any."""
    unknown = from_dataset(NET, Boxed(3, classes=("cat",)), [0])
    alone = [replace(unknown[0], region=None)]
    page = write_occlusion(NET, alone, Results(tmp_path, "occlusion"), square=9, stride=7)
    html = page.read_text()
    assert "(e) the most probable class" in html and ">(e) most probable class<" in html
    assert "other images" not in html and "outlined" not in html


def test_no_image_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no image to look at"):
        written(tmp_path, [])
