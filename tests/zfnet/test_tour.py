"""Pages of the commands, on a small network with random weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zfnet.checkpoint import epoch_file
from zfnet.cli.tour import _trainer
from zfnet.data import Preprocess
from zfnet.data.scenes import Scenes
from zfnet.experiments.features.page import Shown, write_features
from zfnet.experiments.projection.page import write_projections
from zfnet.experiments.shared import small_network
from zfnet.experiments.shared.photographs import Photograph, sample_photographs
from zfnet.experiments.shared.results import Results
from zfnet.experiments.tour import page as tour
from zfnet.model import ConvNet
from zfnet.network import Network
from zfnet.recipe import Recipe

SCENES = Scenes("val", count=24)


def network() -> Network:
    settings = replace(
        small_network.settings(len(SCENES.classes), seed=3), width=0.04, hidden=(8, 8)
    )
    mean = np.full((3, small_network.RESIZE, small_network.RESIZE), 120, np.float32)
    preprocess = Preprocess(settings.image_size, small_network.RESIZE, mean)
    return Network(ConvNet(settings), preprocess, SCENES.classes, "scenes")


def test_the_tours_page_has_every_section_and_reports_to_the_end(tmp_path: Path) -> None:
    history = [
        {"epoch": 1, "train_loss": 2.4, "val_loss": 2.3, "train_accuracy": 0.1, "val_accuracy": 0.2}
    ]
    findings = tour.Findings(history, 75.0, sample_photographs(), seed=3)
    for epoch in (1, 4):
        network().save(epoch_file(tmp_path, epoch))
    told: dict[str, tuple[int, int]] = {}

    def tell(title: str, done: int, total: int) -> None:
        told[title] = done, total

    page = tour.first_page(sample_photographs(), tell)
    first = page.html()
    for heading in ("A network that has seen photographs", "What it sees in a photograph"):
        assert heading in first
    assert "danielbuechele" in first  # the photographs' licence asks for the name
    tour.add_training(page, network(), SCENES, tmp_path, findings, tell)
    html = page.html()
    for heading in ("A network learns", "How features develop", "What excites each map",
                    "What the network looks at", "on photographs", "What to try next"):  # fmt: skip
        assert heading in html
    assert "1 min 15 s" in html
    assert told and all(done == total for done, total in told.values())


def test_features_writes_a_page_and_the_numbers_behind_it(tmp_path: Path) -> None:
    results = Results(tmp_path, "features", {"seed": 1})
    page = write_features(network(), SCENES, results, Shown(["conv2", "pool5"], maps=2, seed=1))
    numbers = json.loads((tmp_path / "features.json").read_text())
    assert page == tmp_path / "index.html" and page.stat().st_size > 10_000
    assert all((tmp_path / f"{layer}.png").is_file() for layer in ("conv2", "pool5"))
    assert list(numbers["layers"]) == ["conv2", "pool5"] and numbers["settings"] == {"seed": 1}
    for maps in numbers["layers"].values():
        for entry in maps:
            values = [found["value"] for found in entry["strongest"]]
            assert values == sorted(values, reverse=True) and min(values) > 0


def test_the_same_seed_writes_the_same_page(tmp_path: Path) -> None:
    pages = [
        write_features(
            network(),
            SCENES,
            Results(tmp_path / name, "features"),
            Shown(["conv1"], maps=2, seed=5),
        )
        for name in "ab"
    ]
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_projections_write_a_picture_for_each_photograph(tmp_path: Path) -> None:
    photographs = [Photograph(f"{i}.jpg", SCENES.image(i)) for i in range(2)]
    found, page = write_projections(network(), photographs, "conv3", tmp_path, map=1)
    assert [p.unit.map for p in found] == [1, 1] and page.is_file()
    for name in ("01-0.png", "02-1.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.size[0] == 2 * picture.size[1]  # the picture and the projection


def test_a_tour_refuses_the_folder_of_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Recipe(epochs=0, batch_size=8)
    monkeypatch.setattr(small_network, "recipe", lambda seed: small)
    monkeypatch.setattr(small_network, "MEAN_OF", 4)
    _trainer(tmp_path, 0).run()
    assert _trainer(tmp_path, 0).at.epoch == 0  # the same tour is resumed
    with pytest.raises(ValueError, match="holds a run with other settings"):
        _trainer(tmp_path, 1)
