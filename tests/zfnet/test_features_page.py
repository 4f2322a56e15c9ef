"""The page of `zfnet features`: its layers, the lattice of strides, and interrupted runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.shared.branches import branching
from tests.zfnet.tiny import Pictures, network
from zfnet.experiments.features import page as features
from zfnet.experiments.features.lattice import MANY, Patch, alternation, steps
from zfnet.experiments.features.layers import COUNT, described, named, story
from zfnet.experiments.features.page import Shown, write_features
from zfnet.experiments.shared.results import Results

LAYERS = ["conv1", "conv2", "conv3"]


def patches(step: int, depth: float, seed: int = 0) -> list[Patch]:
    """Energies under a smooth hill, in which every `step`-th row and column is stronger."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(20):
        top, left = rng.integers(0, 100, 2)
        rows, columns = np.mgrid[:80, :70]
        hill = np.exp(-((rows - rng.uniform(20, 60)) ** 2 + (columns - 35) ** 2) / 800)
        grid = 1 + depth * (((rows + top) % step == 0) | ((columns + left) % step == 0))
        found.append(Patch(int(top), int(left), hill * grid * rng.exponential(size=(80, 70))))
    return found


def test_a_lattice_is_found_at_its_own_period() -> None:
    energies = patches(4, 3.0)
    found = {step: alternation(energies, step) for step in (2, 4, 6)}
    assert found[4] == max(found.values()) and found[4] > MANY


@pytest.mark.parametrize("seed", range(4))
def test_noise_has_no_lattice(seed: int) -> None:
    energies = patches(4, 0.0, seed)
    assert all(alternation(energies, step) < 0.1 for step in (2, 4, 8))


def test_a_deeper_lattice_alternates_more() -> None:
    found = [alternation(patches(4, depth), 4) for depth in (0.2, 1.0, 5.0)]
    assert found == sorted(found) and found[0] < 0.25 < found[2]


def test_the_steps_are_the_products_of_the_strides_below() -> None:
    model = network().model  # strides: conv1 2, pool1 2, conv2 1, pool2 2
    assert steps(model, "conv1") == [2]
    assert steps(model, "conv2") == [2, 4]


def test_all_layers_of_a_small_network_are_shown() -> None:
    model = network().model
    assert story(model) == model.shown_layers and described(model, story(model)) == ""


class Deep:
    """What `story` asks of a network: 20 layers at five resolutions, every third one a join."""

    sizes = (112,) * 1 + (56,) * 4 + (28,) * 5 + (14,) * 8 + (7,) * 2

    @property
    def shown_layers(self) -> list[str]:
        return [f"layer{n}" for n in range(20)]

    def unit_planes(self, layer: str) -> tuple[int, int, int]:
        size = self.sizes[int(layer[5:])]
        return 8, size, size

    def children(self) -> list[tuple[str, object]]:
        class Concatenate:
            pass

        return [(f"layer{n}", Concatenate() if n % 3 == 0 else object()) for n in range(20)]


def test_a_deep_networks_story_has_the_ends_of_its_resolutions_and_a_join_between() -> None:
    found = story(Deep())  # type: ignore[arg-type]
    assert found == ["layer0", "layer4", "layer9", "layer12", "layer17", "layer19"]
    assert len(found) == COUNT
    assert "6 of the network's 20" in described(Deep(), found)  # type: ignore[arg-type]


def test_layers_are_given_with_commas_or_one_by_one() -> None:
    model = network().model
    assert named(model, ["conv1, conv3", "conv2"]) == ["conv1", "conv3", "conv2"]
    assert named(branching(), ["stem/conv"]) == ["stem/conv"]
    with pytest.raises(ValueError, match="no layer 'conv9'; the layers are conv1"):
        named(model, ["conv1,conv9"])


class Interrupted(Exception):
    pass


def written(out: Path, stop: str = "", said: list[str] | None = None) -> bytes:
    """The page; interrupted when `stop` is reported as done."""

    def report(title: str, done: int, total: int) -> None:
        if f"{title} {done}" == stop:
            raise Interrupted

    results = Results(out, "features", {"maps": 2})
    page = write_features(
        network(), Pictures(14, bad=(3,)), results, Shown(LAYERS, 2, 1), report=report,
        say=(said if said is not None else []).append,
    )  # fmt: skip
    return page.read_bytes()


@pytest.mark.parametrize("stop", ["projections 1", "projections 2", "strongest activations 10"])
def test_an_interrupted_run_goes_on_to_the_same_page(
    stop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "CHUNK", 5)
    whole = written(tmp_path / "whole")
    out, said = tmp_path / "out", list[str]()
    with pytest.raises(Interrupted):
        written(out, stop)
    assert (out / "unfinished").is_dir()
    assert written(out, said=said) == whole
    assert "Goes on where it was" in said[0]
    assert not (out / "unfinished").exists()
    numbers = [
        json.loads((folder / "features.json").read_text()) for folder in (out, tmp_path / "whole")
    ]
    assert numbers[0] == numbers[1]


def test_the_page_grows_and_says_how_far_it_is(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        written(tmp_path, "projections 2")
    html = (tmp_path / "index.html").read_text()
    assert "2 of 3 layers" in html and '<html lang="en" class="unfinished">' in html
    assert list(json.loads((tmp_path / "features.json").read_text())["layers"]) == LAYERS[:2]
    assert "unfinished" not in written(tmp_path).decode().split("<style>")[0]


def test_results_so_far_of_other_options_are_not_taken(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        written(tmp_path, "projections 2")
    said = list[str]()
    write_features(
        network(seed=4), Pictures(14, bad=(3,)), Results(tmp_path, "features", {"maps": 2}),
        Shown(LAYERS, 2, 1), say=said.append,
    )  # fmt: skip
    assert said == []


@pytest.mark.parametrize("file", ["strongest.npz", "layer-00.json", "key.txt"])
def test_damaged_results_so_far_are_computed_again(file: str, tmp_path: Path) -> None:
    whole = written(tmp_path / "whole")
    out = tmp_path / "out"
    with pytest.raises(Interrupted):
        written(out, "projections 2")
    (out / "unfinished" / file).write_bytes(b"PK\x03\x04 torn")
    assert written(out) == whole
