"""Fig 4: the strongest activations at the kept epochs, against a search by hand."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from minidl import Tensor, no_grad
from tests.zfnet.tiny import Pictures, centre, network, trainer
from zfnet import network as networks
from zfnet.checkpoint import epoch_file
from zfnet.cli.evolution import evolution_command
from zfnet.deconvnet import Deconvnet, Unit
from zfnet.experiments.evolution.claims import changed, dead, likeness, similarity, trend
from zfnet.experiments.evolution.measure import Snapshot, TopActivation, evolution
from zfnet.experiments.evolution.page import write_evolution
from zfnet.experiments.features.measure import Strongest
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


def strongest(values: Sequence[float], images: Sequence[int]) -> Strongest:
    columns = np.array(values)[:, None], np.array(images)[:, None]
    return Strongest("conv1", (1, 1), *columns, np.zeros((len(values), 1), int))


def test_changes_are_counted_among_the_maps_active_at_both_epochs() -> None:
    before = Snapshot(1, {"conv1": strongest([2, 1, 0, 3, 1], [0, 1, 2, 3, 4])}, {})
    after = Snapshot(2, {"conv1": strongest([2, 1, 9, -1, 1], [7, 1, 9, 9, 4])}, {})
    assert changed(before, after, "conv1") == pytest.approx(1 / 3)
    assert (dead(before, "conv1"), dead(after, "conv1")) == (1, 1)
    nothing = Snapshot(3, {"conv1": strongest([0, -1, 0, 0, 0], [0, 1, 2, 3, 4])}, {})
    assert changed(before, nothing, "conv1") is None


def top(projection: np.ndarray, field: int = 4, corner: tuple[int, int] = (0, 0)) -> TopActivation:
    patch = np.zeros((*projection.shape[1:], 3), np.uint8)
    return TopActivation(0, 1.0, Unit(0), projection, patch, (field, field), corner)


def test_similarity_is_the_cosine_in_the_frame_of_the_field() -> None:
    rng = np.random.default_rng(0)
    whole, part = rng.normal(size=(3, 4, 4)), rng.normal(size=(3, 2, 3))
    placed = np.zeros((3, 4, 4))
    placed[:, 2:4, 1:4] = part  # cut by the image's upper and left border
    cosine = (whole * placed).sum() / math.sqrt((whole**2).sum() * (placed**2).sum())
    assert similarity(top(whole), top(part, corner=(2, 1))) == pytest.approx(cosine)
    assert similarity(top(whole), top(-2 * whole)) == pytest.approx(-1)


def test_a_dead_map_has_similarity_zero() -> None:
    seen = top(np.ones((3, 4, 4)))
    assert similarity(None, seen) == similarity(seen, None) == 0
    assert similarity(seen, top(np.zeros((3, 4, 4)))) == 0


def course(noise: dict[str, float], maps: int = 6) -> list[Snapshot]:
    """Three epochs: a map's final projection, at the first two with so much noise by layer."""
    rng = np.random.default_rng(3)
    final = {layer: rng.normal(size=(maps, 3, 4, 4)) for layer in noise}
    epochs = []
    for number, share in ((1, 1.0), (2, 0.5), (3, 0.0)):
        activations: dict[str, dict[int, TopActivation | None]] = {
            layer: {map: top(x + share * noise[layer] * rng.normal(size=x.shape))
                    for map, x in enumerate(final[layer])}
            for layer in noise
        }  # fmt: skip
        epochs.append(Snapshot(number, {}, activations))
    return epochs


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [(0.1, 3.0, "holds"), (3.0, 0.1, "does not hold"), (1.0, 1.0, "cannot be told")],
)
def test_the_verdict_follows_from_welchs_interval(lower: float, upper: float, verdict: str) -> None:
    snapshots = course({"conv1": lower, "conv5": upper})
    found = trend(snapshots)
    a, b = (likeness(snapshots, layer)[:, :2].mean(axis=1) for layer in ("conv1", "conv5"))
    errors = a.var(ddof=1) / 6, b.var(ddof=1) / 6
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / 5 + errors[1] ** 2 / 5)
    assert found.difference is not None and found.difference.half is not None
    assert found.difference.mean == pytest.approx(a.mean() - b.mean())
    half = stats.t.isf(0.025, freedom) * math.sqrt(sum(errors))
    assert found.difference.half == pytest.approx(half)
    assert found.verdict == verdict


def test_likeness_is_to_the_last_epoch_and_of_the_maps_active_there() -> None:
    snapshots = course({"conv1": 1.0})
    snapshots[0].top_activations["conv1"][0] = None
    snapshots[2].top_activations["conv1"][1] = None
    alike = likeness(snapshots, "conv1")
    assert alike.shape == (5, 3) and alike[:, 2] == pytest.approx(1)
    assert alike[0, 0] == 0
    third = snapshots[1].top_activations["conv1"][2], snapshots[2].top_activations["conv1"][2]
    assert alike[1, 1] == similarity(*third)


def test_one_epoch_one_layer_or_dead_maps_tell_nothing_of_the_trend() -> None:
    snapshots = course({"conv1": 0.1, "conv5": 3.0})
    gone = replace(
        snapshots[2],
        top_activations={**snapshots[2].top_activations, "conv5": dict.fromkeys(range(6))},
    )
    for told in (snapshots[:1], course({"conv1": 0.1}), [*snapshots[:2], gone]):
        found = trend(told)
        assert found.difference is None and found.verdict == "cannot be told"


@pytest.mark.filterwarnings("ignore:Precision loss")  # of SciPy, for samples without spread
def test_maps_that_all_changed_alike_tell_nothing_of_the_trend() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 4))
    snapshots = [
        Snapshot(number, {}, {"conv1": {m: top(x) for m in range(3)},
                              "conv5": {m: top(sign * x) for m in range(3)}})
        for number, sign in ((1, -1), (2, 1))
    ]  # fmt: skip
    found = trend(snapshots)
    assert found.difference is not None and found.difference.mean == pytest.approx(2)
    assert found.verdict == "cannot be told"


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
