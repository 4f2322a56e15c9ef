"""PASCAL VOC's layout, untrusted files, and average precision (paper, Table 6)."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from tests.zfnet.tiny import Pictures, network
from tests.zfnet.tiny_folders import voc_folder, voc_image, voc_list, voc_object
from zfnet.data.voc import Voc, VocObject
from zfnet.experiments.shared import classifiers
from zfnet.experiments.shared.feature_bank import read_features
from zfnet.experiments.shared.results import Results
from zfnet.experiments.transfer.average_precision import ClassPrecision, average_precision, verdict
from zfnet.experiments.transfer.voc_page import write_voc

pytestmark = pytest.mark.quick

CLASSES = ("boat", "cat", "dog")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return voc_folder(tmp_path / "voc", CLASSES)


def annotation(root: Path, text: str | bytes, name: str = "train_4") -> None:
    content = text.encode() if isinstance(text, str) else text
    (root / "Annotations" / f"{name}.xml").write_bytes(content)


def refused(root: Path, message: str, split: str = "train") -> None:
    with pytest.raises(ValueError, match=message):
        Voc(root, split)


def test_the_lists_say_which_classes_each_image_has(root: Path) -> None:
    data = Voc(root, "val")
    assert data.classes == CLASSES and len(data) == 9
    expected = np.where(np.arange(9)[:, None] % 3 == np.arange(3), 1, -1)
    expected[8, 0] = 0
    assert data.presence.dtype == np.int8 and data.presence.tolist() == expected.tolist()
    assert [data.label(i) for i in range(9)] == [-1] * 9
    assert data.title(2) == "JPEGImages/val_2.jpg" and data.image(2).shape == (36, 36, 3)


def test_objects_are_those_of_the_annotation_and_not_their_parts(tmp_path: Path) -> None:
    objects = voc_object("cat", (2, 3, 11, 9)) + voc_object("dog", (1, 1, 36, 30), difficult=1)
    voc_image(tmp_path, "a", Image.fromarray(Pictures(1).images[0]), objects)
    voc_list(tmp_path, "cat", "train", {"a": 1})
    voc_list(tmp_path, "dog", "train", {"a": 0})
    data = Voc(tmp_path, "train")
    # From 1 with the last pixel, x first -> from 0 without it, rows first
    assert data.objects == (
        (VocObject("cat", (2, 1, 9, 11), False), VocObject("dog", (0, 0, 30, 36), True)),
    )
    truth = data.truth(0)
    assert truth is not None and truth.box == (0, 0, 30, 36)  # of the largest


def test_edges_with_decimals_are_read(root: Path) -> None:
    text = "<annotation><filename>train_4.jpg</filename>" + voc_object("cat")
    annotation(root, text.replace("<xmin>1<", "<xmin>4.7<") + "</annotation>")
    assert Voc(root, "train").objects[4][0].box == (0, 4, 9, 9)


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY e "x">]><annotation><filename>&e;</filename></annotation>',
        '<!DOCTYPE annotation SYSTEM "file:///etc/passwd"><annotation/>',
        '<?xml version="1.0"?>\n<!-- a --><!DOCTYPE a><annotation/>',
    ],
)
def test_a_document_type_is_refused_unread(
    root: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    def parse(text: str) -> None:
        if "!DOCTYPE" in text:
            raise AssertionError("it was parsed")

    annotation(root, text, "train_0")
    monkeypatch.setattr("zfnet.data.voc.ElementTree.fromstring", parse)
    refused(root, "train_0.xml cannot be read as an annotation: it declares a document type")


def test_a_document_type_in_utf_16_is_not_read_either(root: Path) -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><annotation/>'
    annotation(root, text.encode("utf-16"))
    refused(root, "train_4.xml cannot be read as an annotation")


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/passwd", "..", "", "a\\b.jpg", "C:x"])
def test_an_annotation_leads_to_no_file_elsewhere(root: Path, name: str) -> None:
    (root / "secret.jpg").write_bytes(b"")
    annotation(root, f"<annotation><filename>{name}</filename></annotation>")
    refused(root, "train_4.xml names the image .*: a file's name is needed")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>", "train_4.xml cannot be read as an annotation: no element found"),
        ("", "train_4.xml cannot be read"),
        (b"\xff\xfe\x00", "train_4.xml cannot be read"),
        (" " * 1_000_001, "train_4.xml has more than 1,000,000 bytes"),
        (
            f"<annotation><filename>train_4.jpg</filename>{voc_object('yak')}</annotation>",
            "train_4.xml has an object of the class 'yak', which has no list; there are boat, cat",
        ),
        (
            "<annotation><filename>train_4.jpg</filename><object><name>cat</name></object>"
            "</annotation>",
            "train_4.xml: the object 'cat' has no box of four numbers",
        ),
        (
            "<annotation><filename>train_4.jpg</filename>"
            + voc_object("cat").replace(">9<", ">inf<")
            + "</annotation>",
            "no box of four numbers",
        ),
    ],
)
def test_an_annotation_that_cannot_be_used_is_named(
    root: Path, text: str | bytes, message: str
) -> None:
    annotation(root, text)
    refused(root, message)


def test_missing_images_are_named(root: Path) -> None:
    for i in (3, 5):
        (root / "JPEGImages" / f"train_{i}.jpg").unlink()
    refused(root, "2 of 9 annotated images are missing in .*: train_3.jpg, train_5.jpg")
    assert len(Voc(root, "val")) == 9


def test_a_missing_annotation_is_named(root: Path) -> None:
    (root / "Annotations" / "train_7.xml").unlink()
    refused(root, "image train_7 of the lists has no annotation .*train_7.xml")


@pytest.mark.parametrize("folder", ["JPEGImages", "Annotations", "ImageSets/Main"])
def test_a_missing_folder_is_named(root: Path, folder: str) -> None:
    (root / folder).rename(root / "elsewhere")
    refused(root, f"{folder} does not exist")


def test_a_missing_list_is_named(root: Path) -> None:
    refused(root, "boat_trainval.txt is missing", split="trainval")
    refused(root, "split 'test' is unknown", split="test")
    for path in (root / "ImageSets" / "Main").iterdir():
        path.unlink()
    refused(root, "no list of a class, such as cat_train.txt")


@pytest.mark.parametrize("line", ["train_0", "train_0 2", "train_0 1 1", "../x 1", "train_0 yes"])
def test_a_line_that_is_no_label_is_named(root: Path, line: str) -> None:
    path = root / "ImageSets" / "Main" / "cat_train.txt"
    path.write_text(path.read_text() + line + "\n")
    refused(root, "cat_train.txt, line 10: .* is not an image's name and 1, 0, -1")


def test_lists_of_different_images_are_refused(root: Path) -> None:
    voc_list(root, "dog", "train", {f"train_{i}": -1 for i in range(8)})
    refused(root, "dog_train.txt and boat_train.txt name different images, 1 of them.*train_8")


def test_average_precision_by_hand() -> None:
    # In order: hit, miss, miss, hit, hit. Precision at the hits 1, 2/4, 3/5; the second is raised
    # to 3/5, the highest at a larger recall. A third of the recall each: (1 + 3/5 + 3/5) / 3.
    scores = np.array([0.5, 0.9, 0.3, 0.8, 0.1])
    present = np.array([False, True, True, False, True])
    assert average_precision(scores, present) == pytest.approx((1 + 0.6 + 0.6) / 3)


def test_average_precision_of_scikit_learns_worked_example() -> None:
    # The documentation of average_precision_score: hit, miss, hit, miss gives 1/2 + 1/2 * 2/3.
    # Precision never rises there, so that interpolation changes nothing.
    scores = np.array([0.1, 0.4, 0.35, 0.8])
    found = average_precision(scores, np.array([False, False, True, True]))
    assert found == pytest.approx(0.8333, abs=1e-4)


def test_average_precision_is_the_area_under_the_interpolated_curve() -> None:
    rng = np.random.default_rng(8)
    scores, present = rng.normal(size=60), rng.random(60) < 0.3
    order = np.argsort(-scores)
    hits = present[order]
    recall = np.concatenate([[0], np.cumsum(hits) / hits.sum()])
    precision = np.cumsum(hits) / np.arange(1, 61)
    area = sum((recall[i + 1] - recall[i]) * precision[i:].max() for i in range(60))
    assert average_precision(scores, present) == pytest.approx(area)


def test_perfect_and_worst_rankings() -> None:
    scores = np.arange(10.0)
    assert average_precision(scores, scores >= 7) == 1
    # Hits last: precision at them 1/8, 2/9, 3/10, all raised to the last
    assert average_precision(scores, scores < 3) == pytest.approx(0.3)


def test_equal_scores_keep_their_order() -> None:
    assert average_precision(np.zeros(4), np.array([True, False, False, False])) == 1
    assert average_precision(np.zeros(4), np.array([False, False, False, True])) == 0.25


def test_a_class_in_no_image_has_no_average_precision() -> None:
    with pytest.raises(ValueError, match="none of 3 images has the class"):
        average_precision(np.zeros(3), np.zeros(3, bool))


def written(root: Path, out: Path) -> Path:
    splits = Voc(root, "train"), Voc(root, "val")
    return write_voc(network(), splits, Results(out, "transfer", {"seed": 0}), c=1.0)


def test_each_class_is_learned_against_the_others_without_difficult_images(root: Path) -> None:
    # A second difficult image, in train, which an image that counted would change
    voc_list(root, "boat", "train", {f"train_{i}": (1, -1, -1)[i % 3] for i in range(8)}
             | {"train_8": 0})  # fmt: skip
    out = root.parent / "out"
    written(root, out)
    splits = [Voc(root, split) for split in ("train", "val")]
    x, x_test = (read_features(network(), voc, ["relu7"]).features["relu7"] for voc in splits)
    for column, entry in enumerate(json.loads((out / "transfer.json").read_text())["classes"]):
        seen, seen_test = (voc.presence[:, column] for voc in splits)
        assert (seen == 0).sum() + (seen_test == 0).sum() == (2 if column == 0 else 0)
        by = x[seen != 0].astype(np.float64)
        deviation = np.where(by.std(axis=0) == 0, 1, by.std(axis=0)) * by.shape[1] ** 0.5
        judged = LogisticRegression().fit((by - by.mean(axis=0)) / deviation, seen[seen != 0])
        test = (x_test[seen_test != 0] - by.mean(axis=0)) / deviation
        scores = judged.decision_function(test)
        expected = average_precision(scores, seen_test[seen_test != 0] == 1)
        assert entry["precision"] == pytest.approx(expected)
        assert entry["positives"] == 3 and entry["share"] == pytest.approx(
            3 / (8 if column == 0 else 9)
        )


def test_the_page_the_chart_the_table_and_the_numbers_are_written(root: Path) -> None:
    out = root.parent / "out"
    page = written(root, out)
    found = json.loads((out / "transfer.json").read_text())
    assert found["verdict"] in unescape(page.read_text())
    assert found["mean"] == pytest.approx(np.mean([e["precision"] for e in found["classes"]]))
    lines = (out / "transfer.csv").read_text().splitlines()
    assert lines[0] == "class,average_precision,share_of_images,images,c" and len(lines) == 4
    assert (out / "transfer.png").read_bytes().startswith(b"\x89PNG")
    assert page.read_bytes() == written(root, root.parent / "again").read_bytes()


def test_classes_that_are_done_stay_usable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit, calls = classifiers.fit, []

    def fails_at_the_third(*given: Any, **options: Any) -> Any:
        calls.append(given)
        if len(calls) == 3:
            raise MemoryError
        return fit(*given, **options)

    monkeypatch.setattr(classifiers, "fit", fails_at_the_third)
    with pytest.raises(MemoryError):
        written(root, root.parent / "out")
    found = json.loads((root.parent / "out" / "transfer.json").read_text())
    assert [entry["name"] for entry in found["classes"]] == ["boat", "cat"]


def test_a_class_that_a_split_lacks_is_refused_with_its_counts(root: Path) -> None:
    voc_list(root, "cat", "val", {f"val_{i}": -1 for i in range(9)})
    with pytest.raises(ValueError, match="cat is in 0 images of val and missing from 9"):
        written(root, root.parent / "out")


def test_the_verdict_compares_with_a_random_order_and_names_classes_below_it() -> None:
    found = verdict([ClassPrecision("cat", 0.6, 0.2, 9, 1), ClassPrecision("dog", 0.2, 0.4, 9, 1)])
    assert "precision is 40.0 % (published: 79.0 %" in found and "about 30.0 %" in found
    assert found.endswith("1 of 2 classes lie above theirs; not so: dog.")
