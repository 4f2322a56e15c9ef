"""Fig 5: transformed images and distances of features, against computations by hand."""

from __future__ import annotations

import csv
import json
import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from minidl import Tensor, no_grad
from tests.zfnet.tiny import Pictures, centre, network
from zfnet.data import Preprocess
from zfnet.experiments.invariance.measure import Invariance, Subject, draw, invariance, trends
from zfnet.experiments.invariance.page import write_invariance
from zfnet.experiments.invariance.transforms import Sweep, Transform, sweeps, transformed
from zfnet.network import Network

pytestmark = pytest.mark.usefixtures("one_thread")

FILES = ("index.html", "invariance.json", "invariance.csv", "means.csv", "invariance.png",
         "translation.png", "scale.png", "rotation.png")  # fmt: skip


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def pixels(preprocess: Preprocess, image: np.ndarray, transform: Transform) -> np.ndarray:
    """The transformed crop with its mean added back, (S,S,3)."""
    return preprocess.to_pixels(transformed(preprocess, image, [transform])[0])


def subjects(count: int = 4) -> list[Subject]:
    return draw(network(), Pictures(12), count, seed=3)


@pytest.mark.parametrize("shape", [(36, 36), (36, 51), (80, 50), (51, 120), (20, 31), (1, 400)])
def test_untransformed_it_is_the_centre_crop_pixel_for_pixel(shape: tuple[int, int]) -> None:
    preprocess, image = network().preprocess, noise(*shape)
    (x,) = transformed(preprocess, image, [Transform()])
    expected = preprocess.centre(preprocess.prepare(image)).transpose(2, 0, 1)  # (S,S,3)->(3,S,S)
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("shift", [-9, 1, 14])
def test_a_shift_brings_in_the_images_own_rows(shift: int) -> None:
    image = noise(70, 36)  # its square is rows 17 to 53, the crop rows 19 to 51
    shown = pixels(network().preprocess, image, Transform(shift))
    np.testing.assert_array_equal(shown, image[19 - shift : 51 - shift, 2:34])


def test_beyond_the_image_its_last_row_is_repeated() -> None:
    image = noise(36, 36)
    shown = pixels(network().preprocess, image, Transform(shift=8))
    np.testing.assert_array_equal(shown[6:], image[:26, 2:34])
    np.testing.assert_array_equal(shown[:6], np.broadcast_to(image[0, 2:34], (6, 32, 3)))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_an_angle_turns_counterclockwise_about_the_crops_centre(quarters: int) -> None:
    image = noise(36, 36)
    shown = pixels(network().preprocess, image, Transform(angle=90 * quarters))
    np.testing.assert_array_equal(shown, np.rot90(centre(image), quarters))


@pytest.mark.parametrize(("scale", "angle"), [(1.1, 0), (1.8, 0), (1.0, 10), (1.0, 200)])
def test_a_ramp_is_enlarged_and_rotated_about_the_crops_centre(scale: float, angle: int) -> None:
    ramp = np.broadcast_to(np.arange(36, dtype=np.uint8)[:, None, None] * 7, (36, 36, 3))
    shown = pixels(network().preprocess, ramp, Transform(scale=scale, angle=angle))
    down, right = np.mgrid[-8:8, -8:8] + 0.5  # the middle of the crop, which the ramp's ends leave
    turn = math.radians(angle)
    rows = 18 + (down * math.cos(turn) + right * math.sin(turn)) / scale
    expected = (rows - 0.5) * 7  # row r is 7 r, its centre lies at r + 0.5
    assert np.abs(shown[8:24, 8:24, 1] - expected).max() <= 0.5 + 0.01  # bytes, and splines


def test_the_sweeps_are_the_papers_at_its_image_size() -> None:
    shift, scale, angle = (sweep.values for sweep in sweeps(224))
    assert shift == tuple(range(-60, 61, 10)) and angle == tuple(range(0, 360, 10))
    assert scale == (1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8)


@pytest.mark.parametrize("size", [8, 32, 64, 227])
def test_shifts_are_whole_pixels_in_proportion_to_the_image(size: int) -> None:
    sweep = sweeps(size)[0]
    assert sweep.values[-1] == round(60 * size / 224) == -sweep.values[0]
    assert all(isinstance(shift, int) for shift in sweep.values) and 0 in sweep.values
    assert sweep.small == (-sweep.values[sweep.values.index(0) + 1], min(
        shift for shift in sweep.values if shift > 0
    ))  # fmt: skip


def alone(net: Network, x: np.ndarray, layer: str) -> np.ndarray:
    """All activations of a layer for one input, in float64."""
    net.model.eval()
    with no_grad():
        found = net.model.activations(Tensor(x[None]), until=layer)
    return found[layer].data[0].astype(np.float64).ravel()


@pytest.fixture(scope="module")
def found() -> Invariance:
    return invariance(network(), subjects(), layers=["conv1", "relu7"], batch_size=10)


@pytest.mark.parametrize("layer", ["conv1", "relu7"])
def test_distances_are_those_of_each_transformed_image_looked_at_alone(
    found: Invariance, layer: str
) -> None:
    net, pixels = network(), found.subjects[2].pixels
    (plain,) = transformed(net.preprocess, pixels, [Transform()])
    for sweep in found.sweeps:
        for t in (1, len(sweep.values) - 1):
            (x,) = transformed(net.preprocess, pixels, [sweep.transforms[t]])
            moved = np.linalg.norm(alone(net, x, layer) - alone(net, plain, layer))
            assert found.distances[layer][sweep.name][2, t] == pytest.approx(moved, rel=1e-3)


def test_probabilities_are_those_of_the_true_class(found: Invariance) -> None:
    net = network()
    for i, subject in enumerate(found.subjects):
        assert found.classes[i] == net.classes[int(subject.title.split(".")[0]) % 3]
        (x,) = transformed(net.preprocess, subject.pixels, [Transform(angle=40)])
        scores = np.exp(alone(net, x, "fc8"))
        expected = scores[net.classes.index(found.classes[i])] / scores.sum()
        assert found.probabilities["rotation"][i, 4] == pytest.approx(expected, rel=1e-4)


def test_the_original_image_has_distance_zero(found: Invariance) -> None:
    for layer in found.layers:
        for sweep, value in zip(found.sweeps, (0, 1.0, 0), strict=True):
            assert (found.distances[layer][sweep.name][:, sweep.values.index(value)] == 0).all()


def test_the_distance_between_images_is_the_mean_over_all_pairs(found: Invariance) -> None:
    net = network()
    for layer in found.layers:
        features = [alone(net, transformed(net.preprocess, s.pixels, [Transform()])[0], layer)
                    for s in found.subjects]  # fmt: skip
        pairs = [np.linalg.norm(a - b) for a, b in combinations(features, 2)]
        assert len(pairs) == 6
        assert found.between[layer] == pytest.approx(sum(pairs) / 6, rel=1e-5)


def made_up(lower: np.ndarray, upper: np.ndarray) -> Invariance:
    """Shifts of -1, 0, 1; images are 2 apart in the lower layer and 5 in the upper one."""
    sweep = Sweep("translation", "pixels", (-1, 0, 1), tuple(map(Transform, (-1, 0, 1))), (-1, 1))
    distances = {"a": {"translation": 2 * lower}, "b": {"translation": 5 * upper}}
    return Invariance((sweep,), [], [], distances, {"translation": lower}, {"a": 2.0, "b": 5.0})


def test_the_trend_is_the_mean_of_the_images_differences_with_students_interval() -> None:
    rng = np.random.default_rng(0)
    lower, upper = rng.random((2, 7, 3))
    (trend,) = trends(made_up(lower, upper))
    d = (lower[:, 0] + lower[:, 2]) / 2 - (upper[:, 0] + upper[:, 2]) / 2
    error = math.sqrt(((d - d.mean()) ** 2).sum() / 6 / 7)
    assert trend.difference.mean == pytest.approx(d.mean())
    assert trend.difference.half == pytest.approx(stats.t.isf(0.025, 6) * error)
    assert trend.lower.mean == pytest.approx(lower[:, [0, 2]].mean())


@pytest.mark.parametrize(
    ("gap", "verdict"), [(0.5, "holds"), (-0.5, "does not hold"), (0.001, "cannot be told")]
)
def test_the_verdict_follows_from_the_interval(gap: float, verdict: str) -> None:
    upper = np.random.default_rng(1).random((20, 3))
    lower = upper[::-1] + gap
    (trend,) = trends(made_up(lower, upper))
    assert trend.verdict == verdict


def test_more_images_drawn_begin_with_the_same_ones() -> None:
    few, many = (draw(network(), Pictures(12), count, seed=5) for count in (3, 9))
    assert [s.title for s in few] == [s.title for s in many][:3]
    assert len({s.title for s in many}) == 9
    assert [s.title for s in few] != [s.title for s in draw(network(), Pictures(12), 3, seed=6)]


def test_unreadable_images_are_passed_over_and_fewer_images_are_all_drawn() -> None:
    drawn = draw(network(), Pictures(8, bad=(0, 5)), 50, seed=0)
    assert sorted(s.title for s in drawn) == [f"{i}.png" for i in (1, 2, 3, 4, 6, 7)]


def test_without_a_known_class_the_networks_own_answer_is_followed() -> None:
    net, data = network(), Pictures(4, classes=("red", "b", "c"))
    drawn = draw(net, data, 4, seed=0)
    found = invariance(net, drawn)
    assert [s.label for s in drawn] == [0 if int(s.title[0]) % 3 == 0 else None for s in drawn]
    for i, subject in enumerate(drawn):
        scores = alone(net, transformed(net.preprocess, subject.pixels, [Transform()])[0], "fc8")
        answer = 0 if subject.label == 0 else int(scores.argmax())
        assert found.classes[i] == net.classes[answer]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a page over three images, two of them drawn."""
    out = tmp_path_factory.mktemp("invariance")
    page = write_invariance(network(), subjects(3), out, lines=2, settings={"seed": 3})
    assert page == out / "index.html"
    return out


def table(file: Path) -> list[dict[str, str]]:
    with file.open() as opened:
        return list(csv.DictReader(opened))


def test_the_files_are_written_with_the_settings(written: Path) -> None:
    assert all((written / name).stat().st_size > 100 for name in FILES)
    numbers = json.loads((written / "invariance.json").read_text())
    assert numbers["settings"] == {"seed": 3} and len(numbers["images"]) == 3


def test_the_table_has_every_image_and_transformation(written: Path) -> None:
    rows = table(written / "invariance.csv")
    numbers = json.loads((written / "invariance.json").read_text())
    at = ((i, sweep, value) for i in range(3) for sweep in sweeps(32) for value in sweep.values)
    for row, (i, sweep, value) in zip(rows, at, strict=True):
        assert row["image"] == numbers["images"][i]["image"]
        assert row["sweep"] == sweep.name and float(row["value"]) == value
        for layer in ("relu1", "relu7"):
            share = float(row[f"distance {layer}"]) / numbers["mean_distance_between_images"][layer]
            assert float(row[f"relative {layer}"]) == pytest.approx(share)


def test_the_means_are_those_of_the_table(written: Path) -> None:
    rows = table(written / "invariance.csv")
    for mean in table(written / "means.csv"):
        own = [float(row["relative relu1"]) for row in rows
               if (row["sweep"], row["value"]) == (mean["sweep"], mean["value"])]  # fmt: skip
        assert float(mean["relative relu1 mean"]) == pytest.approx(np.mean(own)) and len(own) == 3


def test_the_page_says_whether_the_trend_holds(written: Path) -> None:
    trends = json.loads((written / "invariance.json").read_text())["trends"]
    assert [trend["sweep"] for trend in trends] == ["translation", "scale", "rotation"]
    for trend in trends:
        assert f"moves more {trend['verdict']} here" in (written / "index.html").read_text()


def test_the_same_seed_writes_the_same_page(written: Path, tmp_path: Path) -> None:
    again = write_invariance(network(), subjects(3), tmp_path, lines=2, settings={"seed": 3})
    assert again.read_bytes() == (written / "index.html").read_bytes()


@pytest.mark.parametrize("layers", [["conv1"], ["conv1", "conv1"], ["conv1", "relu9"]])
def test_layers_that_cannot_be_compared_are_refused(layers: list[str]) -> None:
    with pytest.raises(ValueError, match=r"two or more different ones of conv1, relu1, .*fc8"):
        invariance(network(), subjects(), layers=layers)


def test_one_image_is_refused() -> None:
    with pytest.raises(ValueError, match="1 image"):
        invariance(network(), subjects(1))


def test_a_layer_with_equal_features_for_all_images_is_refused() -> None:
    net = network()
    net.model.fc7.weight.data[:] = 0  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="relu7 gives all 4 images the same features"):
        invariance(net, subjects())
