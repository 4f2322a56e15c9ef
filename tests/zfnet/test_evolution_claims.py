"""Claims of Fig 4: changes, likeness and their verdict, on courses that are made up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from zfnet.deconvnet import Unit
from zfnet.experiments.evolution.claims import changed, dead, likeness, similarity, trend
from zfnet.experiments.evolution.measure import Snapshot, TopActivation
from zfnet.experiments.features.measure import Strongest

pytestmark = pytest.mark.usefixtures("one_thread")


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
