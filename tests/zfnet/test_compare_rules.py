"""`zfnet compare-rules`: measures of images, interruption, intervals, words, and bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.zfnet.test_pointing import Boxed
from tests.zfnet.tiny import Pictures, network
from zfnet.experiments.compare_rules import runner
from zfnet.experiments.compare_rules.explained import BASELINES, explain
from zfnet.experiments.compare_rules.measure import Subject, measure
from zfnet.experiments.compare_rules.runner import compare_rules
from zfnet.experiments.compare_rules.sentences import left_out
from zfnet.experiments.compare_rules.setting import Setting, replacement
from zfnet.experiments.compare_rules.summary import Comparison
from zfnet.experiments.shared.results import Results
from zfnet.signals import Stopped

RULES = ("gradient", "guided")
NAMES = (*RULES, *BASELINES)
SMALL: dict[str, Any] = {"images": 3, "randomised": 2, "steps": 4, "levels": 2, "shown": 1}


def setting(**changes: Any) -> Setting:
    return Setting(**{"rules": RULES, **SMALL, **changes})


@pytest.fixture
def without_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers alone: the charts take most of the time."""

    def write(
        comparison: Comparison, setting: Setting, shown: Any, left_out: Any, results: Results
    ) -> Path:
        return results.numbers(**comparison.as_json(), left_out=left_out)

    monkeypatch.setattr(runner, "write_page", write)


def compared(out: Path, data: Pictures | None = None, **changes: Any) -> dict[str, Any]:
    """The numbers of a comparison in `out`, without times."""
    compare_rules(
        network(), data or Pictures(5), setting(**changes), Results(out, "compare-rules", {})
    )
    return numbers(out)


def numbers(out: Path) -> dict[str, Any]:
    def untimed(found: Any) -> Any:
        if isinstance(found, dict):
            return {k: untimed(v) for k, v in found.items() if k != "seconds"}
        return [untimed(v) for v in found] if isinstance(found, list) else found

    read: dict[str, Any] = untimed(json.loads((out / "compare-rules.json").read_text("utf-8")))
    return read


def subject(region: np.ndarray | None = None, label: int | None = None) -> Subject:
    x = np.random.default_rng(4).normal(0, 60, (3, 32, 32)).astype(np.float32)
    return Subject(0, "noise", x, label, region)


# One image.


def test_an_image_has_every_measure_for_every_method_and_baseline() -> None:
    other = np.zeros((3, 32, 32), np.float32)
    found, maps = measure(network(), subject(), setting(), NAMES, other=other)
    assert tuple(found.methods) == tuple(maps) == NAMES
    for one in found.methods.values():
        assert len(one.deletion) == len(one.insertion) == 5
        assert len(one.cascade) == len(one.independent) == 2
        assert one.hit is None and one.other is not None
        assert one.deletion[0] == pytest.approx(found.probability, rel=1e-5)
        assert one.insertion[-1] == pytest.approx(found.probability, rel=1e-5)
    ends = {(one.deletion[-1], one.insertion[0]) for one in found.methods.values()}
    assert np.ptp(np.array(list(ends)), axis=0) == pytest.approx([0, 0], abs=1e-6)


def test_edges_stay_at_every_level_and_the_gradient_does_not() -> None:
    other = np.ones((3, 32, 32), np.float32)
    found, _ = measure(network(), subject(), setting(levels=8), NAMES, other=other)
    for values in (*found.methods["edges"].cascade, *found.methods["edges"].independent):
        assert values == pytest.approx((1, 1, 1, 1), abs=1e-6)
    assert found.methods["gradient"].cascade[-1][1] < 0.5
    assert abs(found.methods["random"].cascade[0][0]) < 0.2


def test_the_cascades_first_level_is_that_level_alone() -> None:
    other = np.ones((3, 32, 32), np.float32)
    found, _ = measure(network(), subject(), setting(levels=4), NAMES, other=other)
    for name in RULES:
        one = found.methods[name]
        assert one.cascade[0] == one.independent[0]
        assert one.cascade[-1] != one.independent[-1]


def test_the_number_of_samples_is_that_of_methods_that_take_several_images() -> None:
    net, rng = network(), np.random.default_rng(0)
    for name in ("smoothgrad", "integrated-gradients"):
        few, more = (explain(net, subject().x, 1, name, rng, samples=n) for n in (2, 5))
        assert (few.map != more.map).any()
    once, again = (explain(net, subject().x, 1, "gradient", rng, samples=n) for n in (2, 5))
    np.testing.assert_array_equal(once.map, again.map)


def test_measures_leave_the_network_as_it_was() -> None:
    net = network()
    before = {k: np.array(v) for k, v in net.model.state_dict().items()}
    measure(net, subject(), setting(), NAMES, other=np.ones((3, 32, 32), np.float32))
    for name, array in net.model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_an_object_over_the_whole_image_is_always_hit() -> None:
    found, _ = measure(network(), subject(np.ones((32, 32), bool)), setting(), NAMES)
    assert all(one.hit and one.chance == 1 for one in found.methods.values())
    left_out, _ = measure(
        network(), subject(np.ones((32, 32), bool)), setting(pointing=False), NAMES
    )
    assert all(one.hit is None for one in left_out.methods.values())


def test_the_game_is_played_for_the_images_own_class() -> None:
    net = network()
    label = int(net.probabilities(subject().x[None])[0].argmin())
    region = np.zeros((32, 32), bool)
    for name in RULES:
        map = explain(net, subject().x, label, name, np.random.default_rng(0)).map
        region[np.unravel_index(map.argmax(), map.shape)] = True
    found, _ = measure(net, subject(region, label), setting(tolerance=0), RULES)
    assert all(found.methods[name].hit for name in RULES)


def test_deleted_pixels_become_what_the_option_says() -> None:
    net, x = network(), subject().x
    assert not replacement(net, x, "mean").any()
    for deleted, level in (("grey", 128), ("black", 0)):
        picture = net.preprocess.to_pixels(replacement(net, x, deleted))  # type: ignore[arg-type]
        assert (picture == level).all()
    assert replacement(net, x, "blur").std() < x.std() / 2


# Many images.


@pytest.mark.usefixtures("without_page")
def test_the_same_seed_gives_the_same_numbers_and_another_other_ones(tmp_path: Path) -> None:
    first, again = compared(tmp_path / "a"), compared(tmp_path / "b")
    assert first == again
    assert first["methods"]["edges"]["shows"] == "no network"
    assert first["methods"]["edges"]["likeness_kept_all"]["mean"] == pytest.approx(1)
    assert first["methods"]["centre"]["likeness_kept_all"] is None
    assert compared(tmp_path / "c", seed=1) != first


@contextmanager
def pressed_after(steps: int) -> Iterator[Any]:
    """Ctrl-C once a list was looked at so many times."""

    class Pressed(list[int]):
        looks = 0

        def __bool__(self) -> bool:
            self.looks += 1
            return self.looks > steps

        def __contains__(self, number: object) -> bool:
            return False

    yield Pressed()


@pytest.mark.usefixtures("without_page")
@pytest.mark.parametrize("steps", [3, 45, 62])
def test_an_interrupted_comparison_goes_on_to_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    whole = compared(tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(runner, "stop_on_interrupt", lambda: pressed_after(steps))
        with pytest.raises(Stopped, match="of 3 images; the same command goes on"):
            compared(tmp_path / "cut")
    measured = len(list((tmp_path / "cut" / "record").glob("0*.json")))
    assert measured == steps // 30
    calls: list[int] = []
    original = runner.measure

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        return original(*arguments, **options)

    monkeypatch.setattr(runner, "measure", counted)
    assert compared(tmp_path / "cut") == whole
    assert len(calls) == 3 - measured


@pytest.mark.usefixtures("without_page")
def test_more_images_are_measured_in_the_same_folder(tmp_path: Path) -> None:
    compared(tmp_path, images=2, randomised=1)
    more = compared(tmp_path, images=4, randomised=3)
    assert more["images"] == 4
    assert sum(i["methods"]["edges"]["other"] is not None for i in more["by_image"]) == 3
    fresh = compared(tmp_path / "fresh", images=4, randomised=3)
    assert more["methods"]["gradient"]["deletion"] == fresh["methods"]["gradient"]["deletion"]


@pytest.mark.usefixtures("without_page")
def test_methods_are_added_in_the_same_folder_without_measuring_the_others_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared(tmp_path, rules=("gradient",))
    asked: list[tuple[str, ...]] = []
    original = runner.measure

    def listed(*arguments: Any, **options: Any) -> Any:
        asked.append(tuple(arguments[3]))
        return original(*arguments, **options)

    monkeypatch.setattr(runner, "measure", listed)
    both = compared(tmp_path)
    assert asked == [("guided",)] * 3
    assert both == compared(tmp_path / "fresh")
    again = compared(tmp_path, rules=("guided",))
    assert len(asked) == 6 and list(again["methods"]) == ["guided", *BASELINES]
    assert list(again["by_image"][0]["methods"]) == ["guided", *BASELINES]


@pytest.mark.usefixtures("without_page")
def test_a_folder_with_another_comparison_is_refused(tmp_path: Path) -> None:
    compared(tmp_path)
    with pytest.raises(ValueError, match="holds a comparison with other steps; give another --out"):
        compared(tmp_path, steps=5)
    with pytest.raises(ValueError, match="with other images"):
        compared(tmp_path, Pictures(6))


@pytest.mark.usefixtures("without_page")
def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    compared(tmp_path)
    file = sorted((tmp_path / "record").glob("0*.json"))[0]
    file.write_text(file.read_text("utf-8").replace("0.", "1.", 1), "utf-8")
    with pytest.raises(ValueError, match=f"{file.name} is damaged"):
        compared(tmp_path)


@pytest.mark.usefixtures("without_page")
def test_images_that_cannot_be_read_are_left_out_and_said(tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(5).tolist()
    found = compared(tmp_path, Pictures(5, bad=(order[1],)))
    assert found["images"] == 2 and list(found["left_out"]) == [f"{order[1]}.png"]
    assert left_out(found["left_out"]).startswith("1 image could not be read and is left out: ")
    assert left_out({"a": "torn", "b": "cut"}).startswith("2 images could not be read and are")
    with pytest.raises(ValueError, match="none of the 3 images could be measured"):
        compared(tmp_path / "none", Pictures(5, bad=(0, 1, 2, 3, 4)))


def test_the_page_has_a_pointing_game_where_there_are_boxes_alone(tmp_path: Path) -> None:
    compared(tmp_path / "with", Boxed(5), randomised=0)
    compared(tmp_path / "without", randomised=0)
    with_boxes, without = (
        (tmp_path / name / "index.html").read_text("utf-8") for name in ("with", "without")
    )
    assert "Do they point at the object?" in with_boxes
    assert "Do they point at the object?" not in without
    assert without.count("the pointing game was not played") == 1
    assert numbers(tmp_path / "with")["methods"]["gradient"]["pointing"]["count"] == 3


def test_without_random_weights_there_is_no_section_about_them(tmp_path: Path) -> None:
    found = compared(tmp_path, randomised=0, images=1)
    page = (tmp_path / "index.html").read_text("utf-8")
    assert "Do they show the network" not in page and "ikeness" not in page
    assert found["methods"]["gradient"]["deletion"]["low"] is None  # (one image has no interval)


def test_a_network_without_classes_is_refused(tmp_path: Path) -> None:
    net = network()
    net.model._shapes = {**net.model.shapes(), net.model.scores: (3, 4, 4)}  # type: ignore[misc]
    with pytest.raises(ValueError, match="needs scores of classes"):
        compare_rules(net, Pictures(3), setting(), Results(tmp_path, "compare-rules", {}))
