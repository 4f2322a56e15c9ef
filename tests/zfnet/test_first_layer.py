"""`zfnet first-layer`: dead and dominating filters counted, aliasing measured by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from minidl import Tensor, no_grad
from tests.zfnet.tiny import Pictures, network
from zfnet.cli.first_layer import first_layer_command
from zfnet.experiments.features.measure import centre_crop
from zfnet.experiments.first_layer.claims import VARIANTS, Group, claims, plan, trained_groups
from zfnet.experiments.first_layer.measure import FirstLayer, response, spectral_energy, study
from zfnet.experiments.first_layer.page import write_first_layer
from zfnet.experiments.shared.results import Results
from zfnet.experiments.shared.scales import SMALL, Scale, Trainings
from zfnet.network import Network
from zfnet.recipe import Recipe

TINY = Scale(32, 0.03, 8, 0.3, "he", Recipe(epochs=1, batch_size=10, crops="random"))
DATA = Pictures(10)
EPS = np.finfo(np.float64).eps


def wide(**options: Any) -> Network:
    """Eight filters in the first layer."""
    return network(width=1 / 12, **options)


def layer(rms: tuple[float, ...] = (1.0, 1.0, 1.0), **changes: Any) -> FirstLayer:
    """A first layer of constant filters with these RMS, in which all else is ordinary."""
    K = len(rms)
    weight = np.ones((K, 3, 7, 7), np.float32) * np.array(rms, np.float32)[:, None, None, None]
    ones = np.ones(K)
    aliased = {s: np.full(K, (s - 1) / 10) for s in range(1, 7)}
    return replace(FirstLayer(weight, 2, ones, ones, ones, aliased), **changes)


def wave(frequency: float, size: int = 40) -> np.ndarray:
    """A cosine of so many cycles per pixel along the columns, (1,size,size)."""
    return np.tile(np.cos(2 * np.pi * frequency * np.arange(size)), (1, size, 1))


def test_energy_and_its_part_above_nyquist_are_those_of_the_definition() -> None:
    P, Q, stride = 9, 12, 2
    r = np.random.default_rng(0).standard_normal((2, P, Q))
    energy, above = spectral_energy(r, [stride])
    window = [np.sin(np.pi * np.arange(1, n + 1) / (n + 1)) ** 2 for n in (P, Q)]
    for k in range(2):
        x = (r[k] - r[k].mean()) * np.outer(*window)
        total = folded = 0.0
        for u in range(P):
            for v in range(Q):
                phases = np.add.outer(u * np.arange(P) / P, v * np.arange(Q) / Q)
                power = abs((x * np.exp(-2j * np.pi * phases)).sum()) ** 2
                total += power
                folded += power * (max(min(u, P - u) / P, min(v, Q - v) / Q) > 1 / (2 * stride))
        # Each of the PQ terms is a sum of PQ products; both ways round each within eps.
        bound = 8 * P * Q * EPS * total
        assert abs(energy[k] - total) <= bound and abs(above[stride][k] - folded) <= bound


@pytest.mark.parametrize(
    ("frequency", "stride", "aliased"), [(0.4, 2, 1), (0.1, 2, 0), (0.2, 4, 1), (0.05, 4, 0)]
)
@pytest.mark.parametrize("axis", ["columns", "rows"])
def test_a_wave_is_aliased_where_its_frequency_is_above_nyquist(
    frequency: float, stride: int, aliased: int, axis: str
) -> None:
    r = wave(frequency)
    energy, above = spectral_energy(r if axis == "columns" else r.transpose(0, 2, 1), [stride])
    # A Hann window's side lobes hold less than a thousandth of the energy two bins away.
    assert abs(above[stride][0] / energy[0] - aliased) < 1e-3


def test_at_stride_1_nothing_is_aliased() -> None:
    energy, above = spectral_energy(np.random.default_rng(1).standard_normal((3, 8, 8)), [1])
    assert (above[1] == 0).all() and (energy > 0).all()


def test_a_response_without_pattern_has_no_energy() -> None:
    energy, _ = spectral_energy(np.full((1, 8, 8), 3.0), [2])
    assert energy[0] == 0


@pytest.mark.usefixtures("exact_kernels")
def test_the_response_sampled_at_the_stride_is_conv1() -> None:
    net, rng = wide(), np.random.default_rng(3)
    weight = net.model.conv1.weight  # type: ignore[attr-defined]
    weight.assign(rng.integers(-2, 3, weight.shape).astype(np.float32))  # no rounding
    x = centre_crop(net, DATA, 0)
    with no_grad():
        conv1 = net.model.activations(Tensor(x[None]), until="conv1")["conv1"].data[0]
    # Padding 1 and stride 2: unit p begins at row 2 p - 1.
    assert np.array_equal(response(x, weight.data)[:, 1::2, 1::2], conv1[:, 1:, 1:])


def test_activations_are_those_of_all_images() -> None:
    net = wide()
    found = study(net, DATA, images=2)
    each = []
    for index in range(len(DATA)):
        with no_grad():
            x = Tensor(centre_crop(net, DATA, index)[None])
            each.append(net.model.activations(x, until="conv1")["conv1"].data[0].clip(0))
    # Batches may be convolved by another kernel than one image: not the same bits.
    np.testing.assert_allclose(found.largest, np.max(each, axis=(0, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(found.total, np.sum(each, axis=(0, 2, 3)), rtol=1e-4)


def test_a_filter_that_cannot_fire_is_dead_and_one_that_is_zero_does_not_respond() -> None:
    net = wide()
    conv1 = net.model.conv1  # type: ignore[attr-defined]
    conv1.bias.data[2] = -1e6
    conv1.weight.data[5] = 0
    conv1.bias.data[5] = 1
    found = study(net, DATA, images=3)
    assert np.flatnonzero(found.never_active).tolist() == [2]
    assert np.flatnonzero(found.weak).tolist() == [5]
    assert np.flatnonzero(found.dead).tolist() == [2, 5]
    assert np.flatnonzero(found.energy == 0).tolist() == [5]


def test_strong_and_loud_filters_dominate() -> None:
    found = layer((1.0, 1.0, 3.1, 2.9, 1.0), total=np.array([1.0, 10.5, 1.0, 9.5, 1.0]))
    assert np.flatnonzero(found.strong).tolist() == [2]
    assert np.flatnonzero(found.loud).tolist() == [1]
    assert np.flatnonzero(found.dominating).tolist() == [1, 2]
    assert found.dominance == pytest.approx(3.1)


def test_aliasing_is_the_mean_of_the_filters_that_respond() -> None:
    shares = {2: np.array([0.2, 0.4, 0.0])}
    assert layer(energy=np.array([5.0, 1.0, 0.0]), aliased=shares).aliasing() == pytest.approx(0.3)
    assert layer(energy=np.zeros(3), aliased=shares).aliasing() == 0


def test_the_claims_compare_the_variants_seed_by_seed() -> None:
    free = [layer((1.0, 1.0, 4.0)), layer((1.0, 1.0, 6.0))]
    alexnet = [layer((1.0, 1.0, 1.0, 0.01), stride=4), layer(stride=4)]
    found = claims({"not-renormalised": free, "alexnet": alexnet, "zfnet": [layer(), layer()]})
    dominance, aliasing, dead = (claim.differences for claim in found)
    assert dominance == (3, 5)
    assert aliasing == pytest.approx((20, 20))  # 30 % at stride 4 less 10 % at stride 2
    assert dead == (25, 0)


def test_without_the_other_variant_nothing_is_claimed() -> None:
    assert claims({"zfnet": [layer()]}) == claims({"1": [layer()], "2": [layer()]}) == []


def test_the_variants_differ_in_one_thing_each() -> None:
    free, alexnet, zfnet = (plan(variant, SMALL, 12, 3) for variant in VARIANTS)
    assert free.settings == zfnet.settings and replace(free.recipe, max_rms=0.1) == zfnet.recipe
    assert free.recipe.max_rms == 0 and alexnet.recipe == zfnet.recipe
    assert (alexnet.settings.strides[0], zfnet.settings.strides[0]) == (4, 2)


def given(count: int = 1) -> list[Group]:
    return [Group(str(n), f"run {n}", [wide(seed=n)]) for n in range(1, count + 1)]


def test_given_networks_are_compared_and_everything_is_written(tmp_path: Path) -> None:
    results = Results(tmp_path, "first-layer", {"seed": 0})
    page = write_first_layer(given(2), DATA, results, maps=2, images=4)
    found = json.loads((tmp_path / "first-layer.json").read_text())
    assert [entry["network"] for entry in found["networks"]] == ["1", "2"]
    assert found["networks"][0]["dominance"] == study(wide(seed=1), DATA, images=4).dominance
    with (tmp_path / "filters.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2 * 8
    for name in ("first-layer", "filters-1", "filters-2", "layer-2-1", "layer-2-2"):
        assert (tmp_path / f"{name}.png").is_file()
    html = page.read_text()
    assert "run 2" in html and "cannot be told from it" in html


def test_the_same_networks_give_the_same_page(tmp_path: Path) -> None:
    pages = [
        write_first_layer(given(), DATA, Results(tmp_path / name, "first-layer"), maps=1, images=1)
        for name in "ab"
    ]
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_without_networks_the_variants_are_trained_and_judged(tmp_path: Path) -> None:
    trainings = Trainings(DATA, DATA, TINY.preprocess(DATA), tmp_path)
    groups = trained_groups(TINY, [7], trainings)
    write_first_layer(groups, DATA, Results(tmp_path, "first-layer"), maps=1, images=2)
    found = json.loads((tmp_path / "first-layer.json").read_text())
    assert len(found["networks"]) == 3 and len(found["claims"]) == 3
    # Images of 32 pixels halve the strides of both.
    assert {(e["size"], e["stride"]) for e in found["networks"]} == {(7, 1), (11, 2)}


def test_results_before_an_error_are_written(tmp_path: Path) -> None:
    def failing() -> Iterator[Network]:
        raise ValueError("diverged")
        yield

    groups = [given()[0], Group("2", "run 2", failing())]
    with pytest.raises(ValueError, match="diverged"):
        write_first_layer(groups, DATA, Results(tmp_path, "first-layer"), maps=1, images=2)
    assert len(json.loads((tmp_path / "first-layer.json").read_text())["networks"]) == 1


@pytest.mark.parametrize(("options", "shown"), [({"maps": 0}, "0 maps"), ({"images": 0}, "in 0")])
def test_no_maps_and_no_images_are_refused(
    tmp_path: Path, options: dict[str, int], shown: str
) -> None:
    with pytest.raises(ValueError, match=shown):
        write_first_layer(given(), DATA, Results(tmp_path, "first-layer"), **options)


def test_no_network_and_no_seed_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 networks"):
        write_first_layer([], DATA, Results(tmp_path, "first-layer"))
    trainings = Trainings(DATA, DATA, TINY.preprocess(DATA), tmp_path)
    with pytest.raises(ValueError, match="at least one seed"):
        trained_groups(TINY, [], trainings)


def test_the_command_refuses_a_network_that_is_not_there(tmp_path: Path) -> None:
    app = Typer()
    app.command()(first_layer_command)
    done = CliRunner().invoke(app, ["--data", "scenes", "--model", str(tmp_path / "none")])
    assert isinstance(done.exception, FileNotFoundError)


def test_the_command_refuses_images_that_do_not_fit_before_it_reads_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Scale, "preprocess", None)  # which fails otherwise
    app = Typer()
    app.command()(first_layer_command)
    done = CliRunner().invoke(app, ["--data", "scenes", "--image-size", "24"])
    assert isinstance(done.exception, ValueError) and "do not fit" in str(done.exception)
