"""Linear classifiers on the features of each layer: Table 7 and its page."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from tests.zfnet.tiny import COLOURS, Pictures, network
from tests.zfnet.tiny_folders import class_folders
from zfnet.cli.layers import layers_command
from zfnet.experiments.layers import measure as layers
from zfnet.experiments.layers.measure import Score, score_layers, verdict
from zfnet.experiments.layers.page import Setting, write_layers
from zfnet.experiments.shared import classifiers
from zfnet.experiments.shared.chosen_layers import chosen
from zfnet.experiments.shared.feature_bank import FeatureBank
from zfnet.experiments.shared.folds import draw_fold, mean_of_classes
from zfnet.experiments.shared.results import Results

LABELS = np.tile([0, 1, 2], 20)
NOTHING, LITTLE, ALL = "norm1", "norm2", "relu7"


def bank() -> FeatureBank:
    """60 images of 3 classes; layers whose features predict the class not, partly and fully."""
    rng = np.random.default_rng(5)
    truth = np.eye(3)[LABELS]
    made = {
        NOTHING: rng.normal(size=(60, 8)),
        LITTLE: truth + 0.6 * rng.normal(size=(60, 3)),
        ALL: 40 * truth + 3 + rng.normal(size=(60, 3)),
    }
    features = {name: x.astype(np.float32) for name, x in made.items()}
    shapes = {name: (x.shape[1],) for name, x in features.items()}
    return FeatureBank(features, shapes, dict.fromkeys(features, (1, 1)), LABELS, np.arange(60))


def folds(count: int = 3, per_class: int = 10) -> list[Any]:
    return [draw_fold(LABELS, COLOURS, per_class, number, 0) for number in range(count)]


def standardised(x: np.ndarray, by: np.ndarray) -> np.ndarray:
    """By hand: with the mean and deviation of `by`, over the root of the number of features."""
    wide, of = x.astype(np.float64), by.astype(np.float64)
    return (wide - of.mean(axis=0)) / of.std(axis=0) / x.shape[1] ** 0.5


def scored(**options: Any) -> list[Score]:
    named = {1: NOTHING, 2: LITTLE, 7: ALL}
    *_, found = score_layers(bank(), folds(), named, **options)
    return found


def test_each_classifier_is_scikit_learns_on_the_standardised_features_of_the_fold() -> None:
    made = {"svm": LinearSVC(C=0.5, random_state=0), "softmax": LogisticRegression(C=0.5)}
    for score in scored(c=0.5):
        x = bank().features[score.layer]
        for fold, accuracy in zip(folds(), score.accuracies, strict=True):
            by, judged = x[fold.train], made[score.kind]
            judged.fit(standardised(by, by), LABELS[fold.train])
            predicted = judged.predict(standardised(x[fold.test], by))
            assert accuracy == mean_of_classes(predicted, LABELS[fold.test])


def test_layers_that_know_more_score_better() -> None:
    svm = {score.layer: score.mean for score in scored() if score.kind == "svm"}
    assert svm[NOTHING] < 0.55 < svm[LITTLE] < svm[ALL] == 1


def test_the_softmax_is_on_layers_five_and_seven_only() -> None:
    assert [(s.kind, s.number) for s in scored(c=1)] == [
        ("svm", 1), ("svm", 2), ("svm", 7), ("softmax", 7)
    ]  # fmt: skip


def test_scores_are_known_after_every_fold() -> None:
    found = score_layers(bank(), folds(), {1: NOTHING, 7: ALL}, c=1)
    assert [len(scores[0].accuracies) for scores in found] == [1, 2, 3]


def test_c_is_chosen_on_the_images_that_are_learned_from() -> None:
    x, fold = bank().features[LITTLE], folds()[0]
    chosen = classifiers.fit("svm", x[fold.train], LABELS[fold.train], seed=4)
    again = classifiers.fit("svm", x[fold.train], LABELS[fold.train], seed=4)
    given = classifiers.fit("svm", x[fold.train], LABELS[fold.train], seed=4, c=chosen.c)
    assert chosen.c == again.c and chosen.c in classifiers.GRID
    np.testing.assert_array_equal(chosen.predict(x), again.predict(x))
    np.testing.assert_array_equal(chosen.predict(x), given.predict(x))  # fitted to all of them


def test_a_constant_feature_counts_for_nothing() -> None:
    x = bank().features[ALL].copy()
    x[:, 1] = 7
    found = classifiers.Scaling.of(x)(x)
    assert np.isfinite(found).all() and (found[:, 1] == 0).all()


@pytest.mark.parametrize(("c", "message"), [(0.0, "above 0"), (float("nan"), "above 0")])
def test_a_c_that_is_not_above_zero_is_refused(c: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scored(c=c)


def test_too_few_images_to_choose_c_are_refused() -> None:
    x = bank().features[ALL][:3]
    with pytest.raises(ValueError, match="give C, or learn from at least 3"):
        classifiers.fit("svm", x, LABELS[:3])
    assert classifiers.fit("svm", x, LABELS[:3], c=1).predict(x).tolist() == [0, 1, 2]


def table(*by_layer: list[float]) -> list[Score]:
    return [Score("svm", n, "", values) for n, values in enumerate(by_layer, start=1)]


def test_the_verdict_says_where_deeper_layers_separate_better_and_where_not() -> None:
    found = verdict(table([0.1, 0.12], [0.5, 0.51], [0.4, 0.42], [0.4, 0.43]))
    assert found.startswith("The paper's trend holds: deeper layers separate the classes better")
    assert "Accuracy rises from layer 1 to 2, +39.5 points" in found
    assert "It falls from layer 2 to 3, −9.5 points (95 % interval −15.9 to −3.1)" in found
    assert "No difference can be told from layer 3 to 4, +0.5 points" in found


def test_the_verdict_says_where_the_trend_does_not_hold_and_where_it_cannot_be_told() -> None:
    worse = verdict(table([0.5, 0.51, 0.5], [0.3, 0.3, 0.31]))
    assert worse.startswith("The paper's trend does not hold: deeper layers separate worse")
    assert "It falls from layer 1 to 2, −20.0 points" in worse
    unclear = verdict(table([0.5, 0.4, 0.5], [0.4, 0.5, 0.5]))
    assert unclear.startswith("Whether deeper layers separate the classes better cannot be told")
    assert verdict(table([0.1], [0.9])).startswith("Whether deeper layers")  # of one fold


def written(out: Path, **options: Any) -> Path:
    settings = {"per_class": 4, "folds": 2, "c": 1.0, "layers": (1, 5, 7), **options}
    return write_layers(
        network(), Pictures(30), Results(out, "layers", settings), Setting(**settings)
    )


def test_the_page_the_chart_the_table_and_the_numbers_are_written(tmp_path: Path) -> None:
    page = written(tmp_path)
    html, numbers = page.read_text(), json.loads((tmp_path / "layers.json").read_text())
    assert (tmp_path / "layers.png").read_bytes().startswith(b"\x89PNG")
    assert numbers["verdict"] in html and "2 of 2 folds" in html
    assert numbers["settings"]["per_class"] == 4 and numbers["images"] == 30
    assert [len(score["accuracies"]) for score in numbers["scores"]] == [2] * 5
    rows = list(csv.DictReader((tmp_path / "layers.csv").open()))
    assert [(row["classifier"], row["layer"]) for row in rows] == [
        ("svm", "1"), ("svm", "5"), ("svm", "7"), ("softmax", "5"), ("softmax", "7")
    ]  # fmt: skip
    assert [row["published_caltech101_30"] for row in rows] == [
        "44.8", "86.2", "85.5", "82.9", "85.4"
    ]  # fmt: skip
    mean = 100 * np.mean(numbers["scores"][0]["accuracies"])
    assert float(rows[0]["mean"]) == pytest.approx(mean, abs=0.006)


def test_the_same_seed_writes_the_same_page(tmp_path: Path) -> None:
    first, again = (written(tmp_path / name, folds=1) for name in "ab")
    assert first.read_bytes() == again.read_bytes()


def test_folds_that_are_done_stay_usable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit, calls = classifiers.fit, []

    def fails_in_the_second_fold(*given: Any, **options: Any) -> Any:
        calls.append(given)
        if len(calls) > 5:
            raise MemoryError
        return fit(*given, **options)

    monkeypatch.setattr(classifiers, "fit", fails_in_the_second_fold)
    with pytest.raises(MemoryError):
        written(tmp_path)
    numbers = json.loads((tmp_path / "layers.json").read_text())
    assert [len(score["accuracies"]) for score in numbers["scores"]] == [1] * 5
    assert "1 of 2 folds" in (tmp_path / "index.html").read_text()


def test_averaged_planes_and_unreadable_images_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = {NOTHING: (2, 9, 9), ALL: (3,)}
    features = {name: bank().features[name] for name in shapes}
    kept, bad = {NOTHING: (2, 2), ALL: (1, 1)}, {"5.png": "torn"}
    averaged = replace(bank(), features=features, shapes=shapes, kept=kept, bad=bad)
    monkeypatch.setattr("zfnet.experiments.layers.page.read_features", lambda *_, **__: averaged)
    html = written(tmp_path, layers=(1, 7)).read_text()
    assert "averaged over cells (<code>norm1</code>: 2 × 2 × 2 of 2 × 9 × 9, averaged)" in html
    assert "1 images could not be read and are left out; <code>5.png</code>: torn." in html


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"per_class": 10}, "need 11 images of each class: red has 10, green has 10, blue has 10"),
        ({"layers": (5, 5)}, "at least two are compared"),
        ({"layers": (5, 9)}, "no layer 9, only 1, 2"),
        ({"folds": 0}, "at least 1 of each"),
    ],
)
def test_impossible_settings_are_refused_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], message: str
) -> None:
    monkeypatch.setattr("zfnet.experiments.layers.page.read_features", None)
    with pytest.raises(ValueError, match=message):
        written(tmp_path, **options)


def test_the_command_records_what_it_was_given(tmp_path: Path) -> None:
    network().save(tmp_path / "net.safetensors")
    data = str(class_folders(tmp_path / "data", ("BACKGROUND_Google", "ant", "bass")))
    layers_command(data, tmp_path / "net.safetensors", tmp_path / "out", protocol="caltech101",
                   per_class=2, folds=1, layers="5,7", c=1.0, seed=3)  # fmt: skip
    numbers = json.loads((tmp_path / "out" / "layers.json").read_text())
    assert numbers["images"] == 6 and numbers["settings"] == {
        "model": str(tmp_path / "net.safetensors"), "data": data, "protocol": "caltech101",
        "per_class": 2, "folds": 1, "layers": "5,7", "c": 1.0, "memory": 2048, "split": "val",
        "seed": 3,
    }  # fmt: skip


def test_table_sevens_layers_are_the_default() -> None:
    assert list(chosen(network().model)) == [1, 2, 3, 4, 5, 7]
    assert {number for _, number in layers.PUBLISHED} == {1, 2, 3, 4, 5, 7}
