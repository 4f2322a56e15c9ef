"""Result files of experiments, and small trainings that are resumed."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from tests.zfnet.tiny import RECIPE, Pictures, network
from zfnet.data import Preprocess, Subset
from zfnet.experiments.shared import runs
from zfnet.experiments.shared.results import Results
from zfnet.experiments.shared.runs import Plan, trained
from zfnet.recipe import Recipe
from zfnet.report import charts
from zfnet.signals import Stopped
from zfnet.train import Trainer

SETTINGS = {"model": Path("run"), "layers": ["conv1", "conv2"], "seed": 4}


def results(tmp_path: Path) -> Results:
    return Results(tmp_path, "looking", SETTINGS)


def drawn() -> tuple[Figure, Axes]:
    figure, (axes,) = charts.panels()
    axes.plot([1, 2, 3], [2, 1, 4], label="a line")
    charts.style_axes(axes, "A title", "epoch", "share")
    return figure, axes


def test_numbers_come_with_the_command_and_all_its_settings(tmp_path: Path) -> None:
    path = results(tmp_path).numbers(found=np.arange(3), share=np.float32(0.5))
    assert path == tmp_path / "looking.json"
    told = json.loads(path.read_text())
    assert told["command"] == "zfnet looking" and told["version"]
    assert told["settings"] == {"model": "run", "layers": ["conv1", "conv2"], "seed": 4}
    assert told["found"] == [0, 1, 2] and told["share"] == 0.5


def test_values_that_json_cannot_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="set cannot be written"):
        results(tmp_path).numbers(found={1, 2})
    assert not (tmp_path / "looking.json").exists()


def test_a_table_is_read_back_as_it_was(tmp_path: Path) -> None:
    rows = [["a, b", 1.5], ['"quoted"', 2]]
    path = results(tmp_path).table("rows", ["name", "value"], rows)
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [["name", "value"], ["a, b", "1.5"], ['"quoted"', "2"]]


def test_a_picture_is_a_file_and_goes_on_to_the_page(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert results(tmp_path).picture("noise", pixels) is pixels
    with Image.open(tmp_path / "noise.png") as stored:
        assert np.array_equal(np.asarray(stored.convert("RGB")), pixels)


def test_a_chart_is_a_file_and_text_for_the_page(tmp_path: Path) -> None:
    svg = results(tmp_path).chart("line", drawn()[0])
    assert svg.startswith("<svg") and "A title" in svg
    with Image.open(tmp_path / "line.png") as stored:
        assert stored.size == (768, 480)  # 4.8 x 3 inches of 160 dots


def test_the_same_chart_is_the_same_text() -> None:
    assert charts.svg(drawn()[0]) == charts.svg(drawn()[0])


def test_the_page_ends_with_how_it_was_made(tmp_path: Path) -> None:
    made = results(tmp_path)
    html = made.write(made.page("A title", "A lead.")).read_text()
    assert "How this was made" in html
    assert "conv1, conv2" in html and "looking.json" in html


def plan(**recipe: object) -> Plan:
    options = {**RECIPE, "epochs": 2, **recipe}
    return Plan("small", network().model.settings, Recipe(**options))


def train(out: Path, of: Plan | None = None, **changes: Any) -> Trainer:
    """`changes` are other images to train or validate on, or another preprocessing."""
    shown = {"train": Pictures(), "val": Pictures(9, seed=1), "preprocess": network().preprocess}
    return trained(of or plan(), **{**shown, **changes}, out=out, workers=0)


def test_a_run_that_is_there_is_not_trained_again(tmp_path: Path) -> None:
    first = train(tmp_path)
    stamp = (tmp_path / "runs" / "small" / "model.safetensors").stat().st_mtime_ns
    again = train(tmp_path)
    assert again.history == first.history and len(again.history) == 2
    assert again.at.step == first.at.step
    assert (tmp_path / "runs" / "small" / "checkpoint.safetensors").stat().st_mtime_ns >= stamp


def test_a_stopped_run_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(tmp_path / "whole")
    real = runs.stop_on_interrupt

    class AfterThree:
        """Ctrl-C is pressed in the third step."""

        def __enter__(self) -> list[bool]:
            self.pressed: list[bool] = []
            return self.pressed

        def __exit__(self, *error: object) -> None: ...

    stopper = AfterThree()
    monkeypatch.setattr(runs, "stop_on_interrupt", lambda: stopper)

    def report(title: str, done: int, total: int) -> None:
        if done == 3:
            stopper.pressed.append(True)

    prepared, sets = network().preprocess, (Pictures(), Pictures(9, seed=1))
    with pytest.raises(Stopped, match="the same command goes on"):
        trained(plan(), *sets, prepared, tmp_path / "cut", workers=0, report=report)
    monkeypatch.setattr(runs, "stop_on_interrupt", real)
    resumed = train(tmp_path / "cut")
    expected = whole.network.model.state_dict()
    for name, array in resumed.network.model.state_dict().items():
        assert np.array_equal(array, expected[name]), name


def test_a_folder_with_another_run_is_refused(tmp_path: Path) -> None:
    train(tmp_path)
    with pytest.raises(ValueError, match="other settings"):
        train(tmp_path, plan(lr=0.3))
    other = replace(plan(), settings=replace(plan().settings, dropout=0.1))
    with pytest.raises(ValueError, match="other settings"):
        train(tmp_path, other)


class Renamed(Pictures):
    def title(self, index: int) -> str:
        return f"new-{index}.png"


class Relabelled(Pictures):
    def label(self, index: int) -> int:
        return (index + 1) % 3


def brighter(preprocess: Preprocess) -> Preprocess:
    return replace(preprocess, mean=preprocess.mean + np.float32(1))


@pytest.mark.parametrize(
    "changes",
    [
        {"train": Renamed()},
        {"train": Relabelled()},
        {"train": Pictures(19)},
        {"train": Subset(Pictures(), range(19, -1, -1))},
        {"val": Renamed(9, seed=1)},
        {"preprocess": brighter(network().preprocess)},
    ],
    ids=["titles", "labels", "count", "order", "val", "mean"],
)
def test_a_run_on_other_images_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    short = plan(epochs=0)
    train(tmp_path, short)
    train(tmp_path, short)
    with pytest.raises(ValueError, match=r"small holds a run on other images .* another --out"):
        train(tmp_path, short, **changes)


def test_a_run_that_does_not_say_on_which_images_is_refused(tmp_path: Path) -> None:
    train(tmp_path, plan(epochs=0))
    (tmp_path / "runs" / "small" / "data.json").unlink()
    with pytest.raises(ValueError, match="on other images than the 20 of memory"):
        train(tmp_path, plan(epochs=0))
