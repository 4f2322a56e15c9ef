"""Fig 4: the strongest activations at the kept epochs, against a search by hand."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from minidl import Tensor, no_grad
from tests.zfnet.tiny import Pictures, centre, network, trainer
from zfnet import network as networks
from zfnet.checkpoint import epoch_file
from zfnet.cli.evolution import evolution_command
from zfnet.deconvnet import Deconvnet
from zfnet.experiments.evolution.claims import changed, similarity
from zfnet.experiments.evolution.measure import Snapshot, evolution
from zfnet.experiments.evolution.page import write_evolution
from zfnet.network import Network

pytestmark = pytest.mark.usefixtures("one_thread")

LAYERS = ["conv1", "conv3"]
DATA = Pictures(11, seed=4)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that kept its networks of epochs 1 and 3."""
    out = tmp_path_factory.mktemp("run")
    trainer(out, keep_epochs=(1, 3)).run()
    return out


@pytest.fixture(scope="module")
def snapshots(run: Path) -> list[Snapshot]:
    return list(evolution(run, DATA, layers=LAYERS, maps=3, seed=2, batch_size=4))


@pytest.fixture
def own_run(run: Path, tmp_path: Path) -> Path:
    """A copy, to change."""
    shutil.copytree(run, tmp_path / "run")
    return tmp_path / "run"


def as_input(net: Network, index: int) -> np.ndarray:
    pixels = centre(DATA.images[index]).transpose(2, 0, 1)  # (S,S,3) -> (3,S,S)
    return pixels - net.preprocess.mean[:, 2:34, 2:34]


def activations(net: Network, layer: str) -> np.ndarray:
    """(N,K,P,Q) of all images, each alone in its batch."""
    net.model.eval()
    with no_grad():
        return np.concatenate(
            [net.model.activations(Tensor(as_input(net, i)[None]), until=layer)[layer].data
             for i in range(len(DATA))]
        )  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_each_top_activation_is_the_strongest_activation_over_all_images(
    run: Path, snapshots: Sequence[Snapshot], layer: str
) -> None:
    assert [snapshot.epoch for snapshot in snapshots] == [1, 3]
    for snapshot in snapshots:
        every = activations(networks.load(epoch_file(run, snapshot.epoch)), layer)
        for map, top in snapshot.top_activations[layer].items():
            assert top is not None
            assert top.value == pytest.approx(every[:, map].max(), rel=1e-4)
            there = every[top.image, map, top.unit.p, top.unit.q]
            assert there == pytest.approx(top.value, rel=1e-4)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_projection_is_the_deconvnets_of_that_epochs_network(
    run: Path, snapshots: Sequence[Snapshot], layer: str
) -> None:
    for snapshot in snapshots:
        net = networks.load(epoch_file(run, snapshot.epoch))
        for top in filter(None, snapshot.top_activations[layer].values()):
            x = as_input(net, top.image)[None]
            (expected,) = Deconvnet(net.model).project(x, layer, units=[top.unit])
            scale = np.abs(expected.pixels).max()
            np.testing.assert_allclose(top.projection, expected.crop(), atol=1e-4 * scale)
            b = expected.box
            pixels = centre(DATA.images[top.image])[b.top : b.bottom, b.left : b.right]
            np.testing.assert_array_equal(top.patch, pixels)


def test_the_maps_are_the_same_at_all_epochs_and_drawn_by_the_seed(
    run: Path, snapshots: Sequence[Snapshot]
) -> None:
    maps = [{layer: list(seen) for layer, seen in s.top_activations.items()} for s in snapshots]
    assert maps[0] == maps[1] and [len(drawn) for drawn in maps[0].values()] == [3, 3]
    drawn = []
    for seed in (2, 5):
        first = next(evolution(run, DATA, layers=LAYERS, maps=3, seed=seed))
        drawn.append({layer: list(seen) for layer, seen in first.top_activations.items()})
    assert drawn[0] == maps[0] != drawn[1]


def test_every_convolution_and_all_of_its_maps_where_fewer_are_there(run: Path) -> None:
    first = next(evolution(run, DATA, maps=1000))
    net = network()
    counts = {name: getattr(net.model, name).weight.shape[0] for name in net.model.convolutions}
    assert {layer: len(seen) for layer, seen in first.top_activations.items()} == counts


def kill(run: Path, epoch: int, layer: str, maps: Sequence[int]) -> None:
    """Maps that are below zero whatever the image."""
    net = networks.load(epoch_file(run, epoch))
    convolution = getattr(net.model, layer)
    convolution.weight.data[maps] = 0
    convolution.bias.data[maps] = -1
    net.save(epoch_file(run, epoch))


def test_a_dead_map_is_followed_and_shown_as_such(own_run: Path, tmp_path: Path) -> None:
    kill(own_run, 1, "conv2", [0, 3])
    page = write_evolution(own_run, DATA, tmp_path / "out", layers=["conv2"], maps=1000)
    numbers = json.loads((tmp_path / "out" / "evolution.json").read_text())["layers"]["conv2"]
    assert numbers["dead"] == [2, 0]
    assert [numbers["maps"][map][0] is None for map in ("0", "1", "3")] == [True, False, True]
    assert numbers["maps"]["3"][1]["value"] > 0
    rows = table(tmp_path / "out" / "evolution.csv")
    first = next(row for row in rows if (row["map"], row["epoch"]) == ("3", "1"))
    assert first["image"] == first["value"] == "" and first["similarity to the last epoch"] == "0.0"
    assert page.is_file()


@pytest.fixture(scope="module")
def written(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evolution")
    page = write_evolution(run, DATA, out, layers=LAYERS, maps=3, seed=2, settings={"seed": 2})
    assert page == out / "index.html"
    return out


def table(file: Path) -> list[dict[str, str]]:
    with file.open() as opened:
        return list(csv.DictReader(opened))


def test_the_files_hold_the_findings(written: Path, snapshots: Sequence[Snapshot]) -> None:
    for name in ("index.html", "conv1.png", "conv3.png", "measures.png"):
        assert (written / name).stat().st_size > 1000
    numbers = json.loads((written / "evolution.json").read_text())
    assert numbers["epochs"] == [1, 3] and numbers["settings"] == {"seed": 2}
    rows = iter(table(written / "evolution.csv"))
    for layer in LAYERS:
        share = changed(*snapshots, layer)
        assert numbers["layers"][layer]["changed"] == [share]
        for map in snapshots[0].top_activations[layer]:
            seen = [snapshot.top_activations[layer][map] for snapshot in snapshots]
            for epoch, top in zip((1, 3), seen, strict=True):
                row = next(rows)
                assert top is not None
                assert (row["layer"], row["map"], row["epoch"]) == (layer, str(map), str(epoch))
                assert row["image"] == DATA.title(top.image)
                assert float(row["value"]) == pytest.approx(top.value, rel=1e-4)
                alike = float(row["similarity to the last epoch"])
                assert alike == pytest.approx(similarity(top, seen[1]), abs=1e-4)


def test_the_page_says_whether_the_claim_holds(written: Path) -> None:
    claim = json.loads((written / "evolution.json").read_text())["trend"]
    assert claim["layers"] == LAYERS
    assert f"settle earlier {claim['verdict']} here" in (written / "index.html").read_text()


def test_the_same_seed_writes_the_same_page(run: Path, written: Path, tmp_path: Path) -> None:
    again = write_evolution(run, DATA, tmp_path, layers=LAYERS, maps=3, seed=2,
                            settings={"seed": 2})  # fmt: skip
    assert again.read_bytes() == (written / "index.html").read_bytes()


def test_another_architecture_is_refused_and_the_epochs_before_are_kept(
    own_run: Path, tmp_path: Path
) -> None:
    network(hidden=(8, 7)).save(epoch_file(own_run, 3))
    with pytest.raises(ValueError, match=r"epoch-003.*hidden \(8, 7\), not \(8, 6\)"):
        write_evolution(own_run, DATA, tmp_path / "out", layers=["conv1"], maps=2)
    rows = table(tmp_path / "out" / "evolution.csv")
    assert [row["epoch"] for row in rows] == ["1", "1"]


def test_a_run_without_kept_networks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--keep-epochs"):
        next(evolution(tmp_path, DATA))


def test_a_layer_that_does_not_exist_is_refused(run: Path) -> None:
    with pytest.raises(ValueError, match="conv1, relu1"):
        next(evolution(run, DATA, layers=["conv9"]))


def test_the_command_searches_the_given_number_of_images(run: Path, tmp_path: Path) -> None:
    evolution_command(run, "scenes", tmp_path, layer=["conv1"], maps=1, images=6, seed=1)
    numbers = json.loads((tmp_path / "evolution.json").read_text())
    assert numbers["settings"]["images"] == 6
    allowed = {f"scene val/{index}" for index in range(0, 600, 100)}
    (seen,) = numbers["layers"]["conv1"]["maps"].values()
    assert {found["image"].split(" (")[0] for found in seen if found} <= allowed
