"""`zfnet check`: measurements for a seed, verdicts over seeds, the page."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.zfnet.tiny import Pictures, network
from zfnet import network as networks
from zfnet.cli import check as command
from zfnet.data import Subset, Truth
from zfnet.data.scenes import Scenes
from zfnet.evaluate import predict
from zfnet.experiments.check import claims as check_trends
from zfnet.experiments.check import measure as checks
from zfnet.experiments.check.claims import choose
from zfnet.experiments.check.energy import energy
from zfnet.experiments.check.measure import Case, Checked, Effort, Trend, check, disjoint_draw
from zfnet.experiments.check.page import write_checks
from zfnet.experiments.invariance.measure import draw, invariance
from zfnet.experiments.occlusion.pointing import pointing_game
from zfnet.experiments.shared import classifiers
from zfnet.experiments.shared.feature_bank import read_features
from zfnet.experiments.shared.folds import draw_fold, mean_of_classes
from zfnet.experiments.shared.results import Results, silent
from zfnet.network import Network
from zfnet.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")

EFFORT = Effort(images=12, pointing=2, moved=2, per_class=6, few=3, epochs=1)
NET = network(classes=Scenes.classes)


def case(seed: int = 0, out: Path = Path("unused"), **changes: Any) -> Case:
    scenes = Scenes("test", seed=seed, size=36, count=120)
    return replace(Case(seed, lambda: NET, scenes, range(120), lambda: NET, out), **changes)


def trend(name: str, values: Sequence[float] | Exception) -> Trend:
    """A trend that gives one value per seed, in turns, or fails."""
    left = iter(values if not isinstance(values, Exception) else ())

    def measure(one: Case, effort: Effort, report: Any) -> dict[str, float]:
        if isinstance(values, Exception):
            raise values
        return {"it": next(left)}

    return Trend(name, "Fig 0", f"{name} is so", "the difference ({})", "points", measure, "So.")


def checked(*chosen: Trend, seeds: int = 3) -> list[Checked]:
    *_, last = check(chosen, range(seeds), lambda seed, report: case(seed), EFFORT)
    return last


# What is measured for one seed


def test_energy_is_above_an_even_spread_and_above_another_images_object() -> None:
    found = check_trends.energy_on_objects(case(), EFFORT, silent)
    for layer, e in energy(NET, case().dataset, range(12)).items():
        assert found[f"{layer} above an even spread"] == e.ratio - 1
        assert found[f"{layer} above another object"] == e.ratio - e.control


def test_pointing_is_the_share_of_hits_above_chance() -> None:
    played = pointing_game(NET, case().dataset, [0, 1], 5, 1)
    found = check_trends.pointing(case(), EFFORT, silent)
    assert list(found.values()) == [played.share - played.chance]


def test_parts_are_the_eyes_and_the_nose_at_the_last_convolution() -> None:
    names = ["left eye", "right eye", "nose"]
    found = check_trends.parts(case(), EFFORT, silent)
    assert list(found) == [*names, *(f"{name}, relative to chance" for name in names)]


def test_movement_is_compared_relative_to_the_distance_of_two_images() -> None:
    moved = invariance(NET, draw(NET, case().dataset, 2, 0))
    sweep = moved.sweeps[0]
    small = [sweep.values.index(value) for value in sweep.small]
    a, b = (moved.relative(layer, sweep)[:, small].mean() for layer in ("relu1", "relu7"))
    assert check_trends.invariant(case(), EFFORT, silent)["translation"] == pytest.approx(a - b)


def test_layers_gain_what_the_support_vector_machine_gains() -> None:
    found = check_trends.separated(case(), EFFORT, silent)
    steps = ["1 to 2", "2 to 3", "3 to 4", "4 to 5", "5 to 7"]
    assert list(found) == [f"layer {name}" for name in ["1 to 7", *steps]]
    assert found["layer 1 to 7"] == pytest.approx(sum(found[f"layer {s}"] for s in steps))


def test_pretrained_is_compared_with_scratch_on_the_same_images(tmp_path: Path) -> None:
    other = network()  # of other classes
    one = case(out=tmp_path, elsewhere=lambda: other)
    found = check_trends.transferred(one, EFFORT, silent)
    bank = read_features(other, one.dataset, ["relu7"])
    fold, x = draw_fold(bank.labels, Scenes.classes, 3, 0, 0), bank.features["relu7"]
    learned = classifiers.fit("softmax", x[fold.train], bank.labels[fold.train])
    pretrained = mean_of_classes(learned.predict(x[fold.test]), bank.labels[fold.test])
    scratch = networks.load(tmp_path / "runs" / "scratch-3-fold-1")
    answers, labels = predict([scratch], Subset(one.dataset, fold.test))
    assert found["3 images per class"] == pretrained - mean_of_classes(answers.argmax(1), labels)


def test_a_network_is_not_transferred_to_its_own_training_data(tmp_path: Path) -> None:
    own = replace(NET, data="scenes")
    with pytest.raises(ValueError, match="learned from scenes itself"):
        check_trends.transferred(case(out=tmp_path, elsewhere=lambda: own), EFFORT, silent)


# Over the seeds


def test_a_trend_is_judged_by_students_interval_over_the_seeds() -> None:
    values = [0.02, 0.05, 0.03]
    (one,) = checked(trend("gain", values))
    claim = one.claims["it"]
    reach = stats.t.ppf(0.975, 2) * stats.sem([100 * v for v in values])
    assert claim.estimate.mean == pytest.approx(10 / 3)
    assert claim.estimate.half == pytest.approx(reach)
    assert claim.verdict == ("holds" if reach < 10 / 3 else "cannot be told")


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((0.2, 0.21, 0.19), "holds"),
        ((-0.2, -0.21, -0.19), "does not hold"),
        ((0.2, -0.2, 0.1), "cannot be told"),
    ],
)
def test_the_verdict_is_where_the_interval_lies(values: Sequence[float], verdict: str) -> None:
    (one,) = checked(trend("gain", values))
    assert one.claims["it"].verdict == verdict


def test_one_seed_cannot_tell() -> None:
    (one,) = checked(trend("gain", [0.5]), seeds=1)
    assert one.claims["it"].verdict == "cannot be told"


def test_a_trend_that_cannot_be_measured_does_not_stop_the_others() -> None:
    lost, kept = checked(trend("lost", ValueError("no noses")), trend("kept", [1, 2, 3]))
    assert lost.reason == "no noses" and not lost.claims and kept.claims["it"].differences


def test_if_no_trend_can_be_measured_the_reasons_are_the_error() -> None:
    with pytest.raises(ValueError, match="lost cannot be measured: no noses"):
        checked(trend("lost", ValueError("no noses")))


def test_no_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="0 seeds: at least one"):
        checked(trend("gain", []), seeds=0)


def test_draws_of_a_data_set_share_no_image_and_leave_none_out() -> None:
    draws = [disjoint_draw(Pictures(20), 3, number, seed=1) for number in range(3)]
    assert sorted(index for each in draws for index in each) == list(range(20))
    assert draws[0] != disjoint_draw(Pictures(20), 3, 0, seed=2)


def test_more_images_than_there_are_are_refused() -> None:
    with pytest.raises(ValueError, match=r"3 images of .* which has 2: ask for 1 to that many"):
        case(order=[0, 1]).first(3)


def test_a_trend_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match=r"no trend beauty on scenes; there are energy, pointing"):
        choose(["beauty"], scenes=True)
    with pytest.raises(ValueError, match=r"no trend layers on images with boxes alone; .*pointing"):
        choose(["layers"], scenes=False)


# The page, and the command


def written(out: Path) -> dict[str, Any]:
    chosen = [trend("gain", [0.2, 0.21, 0.19]), trend("lost", ValueError("no noses"))]
    found = check(chosen, range(3), lambda seed, report: case(seed), EFFORT)
    assert write_checks(found, 2, Results(out, "check", {"seeds": [0, 1, 2]})) == out / "index.html"
    return json.loads((out / "check.json").read_text())


def test_the_numbers_have_the_estimate_the_interval_and_the_verdict(tmp_path: Path) -> None:
    gain, lost = written(tmp_path)["trends"]
    assert gain["measured"]["it"]["by_seed"] == pytest.approx([20, 21, 19])
    assert gain["measured"]["it"]["verdict"] == "holds"
    assert lost["not_measured_because"] == "no noses" and not lost["measured"]
    (line,) = csv.DictReader((tmp_path / "check.csv").open())
    assert (line["trend"], line["measured"], line["verdict"]) == ("gain", "it", "holds")
    assert float(line["mean"]) == pytest.approx(20)


def test_the_page_has_every_trend_its_chart_and_no_link_to_elsewhere(tmp_path: Path) -> None:
    written(tmp_path)
    html = (tmp_path / "index.html").read_text()
    assert "gain is so" in html and "Not measured: no noses." in html and "not measured" in html
    assert "http://" not in html and "https://" not in html and "data:image/svg" in html
    assert (tmp_path / "check.png").read_bytes().startswith(b"\x89PNG")


def test_the_numbers_are_written_after_every_trend(tmp_path: Path) -> None:
    def broken() -> Any:
        yield checked(trend("gain", [1, 2, 3]))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_checks(broken(), 2, Results(tmp_path, "check", {}))
    assert json.loads((tmp_path / "check.json").read_text())["trends"][0]["trend"] == "gain"
    assert "1 of 2" in (tmp_path / "index.html").read_text()


class Boxed(Pictures):
    """Pictures with an object in their upper left quarter."""

    def truth(self, index: int) -> Truth:
        return Truth(box=(0, 0, 18, 18))


def test_images_with_boxes_are_measured_in_draws_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "open_dataset", lambda *args, **options: Boxed(8))
    network().save(tmp_path / "net.safetensors")
    command.check_command(
        tmp_path / "net.safetensors", "folder", tmp_path / "out", seeds=2, images=4, pointing=2
    )
    found = json.loads((tmp_path / "out" / "check.json").read_text())
    assert [one["trend"] for one in found["trends"]] == ["energy", "pointing"]
    first = energy(network(), Boxed(8), disjoint_draw(Boxed(8), 2, 0, 0))["conv3"]
    got = found["trends"][0]["measured"]["conv3 above an even spread"]["by_seed"][0]
    assert got == pytest.approx(100 * (first.ratio - 1))
    assert found["settings"]["seeds"] == [0, 1] and found["settings"]["images"] == 4


def test_without_a_model_each_seed_has_a_network_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[int] = []

    def own(seed: int, out: Path, report: Any, *, device: str) -> Network:
        trained.append(seed)
        return network(seed, classes=Scenes.classes)

    monkeypatch.setattr(command, "trained_on_scenes", own)
    command.check_command(None, "scenes", tmp_path, "energy,pointing", seeds=2, images=2,
                          pointing=1, seed=4)  # fmt: skip
    assert trained == [4, 5]  # once each, for both trends
    settings = json.loads((tmp_path / "check.json").read_text())["settings"]
    assert settings["only"] == ["energy", "pointing"] and settings["seeds"] == [4, 5]


def test_the_trained_network_is_the_tours_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = checks.small_network
    monkeypatch.setattr(module, "MEAN_OF", 4)
    monkeypatch.setattr(module, "recipe", lambda seed: Recipe(epochs=0, batch_size=8, seed=seed))
    small = replace(module.settings(12, 3), width=0.03, hidden=(8, 8))
    monkeypatch.setattr(module, "settings", lambda classes, seed: replace(small, seed=seed))
    made = checks.trained_on_scenes(3, tmp_path)
    assert made.model.settings == small and made.classes == Scenes.classes
    kept = networks.load(tmp_path / "runs" / "tour-3")
    for name, array in made.arrays().items():
        np.testing.assert_array_equal(kept.arrays()[name], array)
