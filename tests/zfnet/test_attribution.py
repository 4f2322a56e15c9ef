"""Interface of attribution: units, settings, what is refused, and the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.shared.attributed import pair, pictures, units
from tests.zfnet.commands import pictures as files
from tests.zfnet.commands import zfnet
from zfnet import attribute
from zfnet.attribution import METHODS, Attribution
from zfnet.deconvnet import Unit
from zfnet.network import Network

FAST = {"smooth": 3, "steps": 3}


@pytest.fixture(scope="module")
def network() -> Network:
    return pair("chain").network


def quick(method: str) -> dict[str, Any]:
    return {name: value for name, value in FAST.items() if name in METHODS[method].settings}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_numbers_and_a_picture(network: Network, method: str) -> None:
    x = pictures(3).astype(np.float32)
    found = attribute(network, x, None, method, **quick(method))
    assert isinstance(found, Attribution) and found.values.dtype == np.float32
    assert found.map.shape == (3, 20, 20) and np.isfinite(found.values).all() and found.map.any()
    assert [u.map for u in found.units] == units(network, x)
    assert found._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("method", METHODS)
def test_the_size_of_a_batch_changes_little(network: Network, method: str) -> None:
    x = pictures(3)
    whole, apart = (
        attribute(network, x, 1, method, dtype=np.float64, batch_size=n, **quick(method)).values
        for n in (16, 2)
    )
    np.testing.assert_allclose(whole, apart, atol=1e-10 * float(np.abs(whole).max()))


def test_the_same_seed_gives_the_same_noise(network: Network) -> None:
    x = pictures(1)
    a, b, c = (
        attribute(network, x, 0, "smoothgrad", smooth=2, seed=seed).values for seed in (1, 1, 2)
    )
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_a_unit_is_a_class_a_map_or_a_place(network: Network) -> None:
    x = pictures(2)
    by_name, by_number = (attribute(network, x, unit, "gradient") for unit in ("c", 2))
    assert np.array_equal(by_name.values, by_number.values)
    strongest = attribute(network, x, 3, "gradient", layer="conv2")
    each = attribute(network, x, list(strongest.units), "gradient", layer="conv2")
    assert np.array_equal(strongest.values, each.values)
    assert strongest.units[0] != Unit(3) and (strongest.outputs > 0).all()


def test_integrated_gradients_say_what_their_sum_lacks(network: Network) -> None:
    x = pictures(2)
    given: dict[str, Any] = {"dtype": np.float64, "baseline": "black"}
    few, many = (
        attribute(network, x, 1, "integrated-gradients", steps=n, **given) for n in (2, 200)
    )
    assert few.gap is not None and many.gap is not None
    assert np.abs(many.gap).max() < 0.1 * np.abs(few.gap).max()
    black = np.broadcast_to(-network.preprocess.mean[:, :20, :20], x.shape).astype(np.float64)
    start = attribute(network, black, 1, "gradient", dtype=np.float64).outputs
    rise = many.outputs - start
    np.testing.assert_allclose(many.values.sum(axis=(1, 2, 3)) + many.gap, rise, atol=1e-12)


def test_relevance_says_what_biases_and_stabilisers_took(network: Network) -> None:
    found = attribute(network, pictures(2), 1, "lrp-epsilon-plus", dtype=np.float64)
    assert found.gap is not None
    np.testing.assert_allclose(found.values.sum(axis=(1, 2, 3)) + found.gap, found.outputs)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("none", {}, "no method 'none'; the methods are deconvnet, guided, gradient"),
    ("gradient", {"unit": 99}, "maps 0 to 4"),
    ("gradient", {"unit": "nobody"}, "no class 'nobody'; the classes are a, b"),
    ("gradient", {"layer": "conv9"}, "no layer 'conv9'; the layers are"),
    ("gradient", {"layer": "conv1", "unit": Unit(0, 99, 0)}, "is none of them"),
    ("gradient", {"steps": 3}, "gradient has no setting 'steps'; it has none"),
    ("gradient", {"dtype": np.int32}, "float32 or float64"),
    ("gradient", {"batch_size": 0}, "at least 1"),
    ("smoothgrad", {"smooth": 0}, "at least 1"),
    ("smoothgrad", {"sigma": -0.1}, "from 0 on"),
    ("smoothgrad", {"sigma": float("nan")}, "from 0 on"),
    ("smoothgrad", {"seed": -1}, "from 0 on"),
    ("integrated-gradients", {"steps": 0}, "at least 1"),
    ("integrated-gradients", {"steps": 2.5}, "whole number"),
    ("integrated-gradients", {"baseline": "grey"}, "mean, black, white"),
    ("integrated-gradients", {"baseline": np.zeros(7)}, "does not broadcast"),
    ("gradcam", {"cam_layer": "fc1"}, "needs planes, and 'fc1' has none"),
    ("gradcam", {"cam_layer": "conv9"}, "no layer 'conv9'"),
    ("gradcam", {"layer": "conv1", "cam_layer": "conv2"}, "is not computed from"),
    ("gradcam", {"upsample": "cubic"}, "linear or nearest"),
    ("lrp-epsilon", {"epsilon": -1}, "from 0 on"),
    ("lrp-gamma", {"gamma": float("inf")}, "from 0 on"),
    ("lrp-alpha-beta", {"alpha": 0.5}, "from 1 on"),
    ("lrp-epsilon", {"first": "square"}, "flat, wsquare, box"),
    ("lrp-epsilon", {"concept": ("conv2", [99])}, "the maps 0 to 11"),
    ("lrp-epsilon", {"concept": ("conv2", [])}, "the maps 0 to 11"),
    ("lrp-epsilon", {"concept": "conv2"}, "a layer and its maps"),
    ("lrp-epsilon", {"concept": ("scores", [1])}, "is not computed from"),
]


@pytest.mark.parametrize(("method", "given", "message"), REFUSED)
def test_what_does_not_fit_is_refused_in_a_sentence(
    network: Network, method: str, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        attribute(network, pictures(1), method=method, **given)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rules", "guided,nope"], "no method 'nope'; the methods are"),
        (["--rules", ","], "names no method"),
        (["--rules", "smoothgrad", "--smooth", "0"], "at least 1"),
        (["--rules", "smoothgrad", "--sigma", "-1"], "from 0 on"),
        (["--rules", "integrated-gradients", "--baseline", "grey"], "--baseline takes"),
        (["--rules", "gradcam", "--cam-layer", "fc7"], "has none"),
        (["--rules", "gradcam", "--steps", "3"], "--steps is no setting of gradcam"),
        (["--rules", "lrp-epsilon", "--concept", "conv1"], "--concept LAYER:MAP"),
    ],
)
def test_the_command_refuses_it_with_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path, options: list[str], message: str
) -> None:
    files(tmp_path, 1)
    file = min(tmp_path.rglob("*.png"))
    status = zfnet(
        monkeypatch, "project", file, "--layer", "scores", "--out", tmp_path / "p", *options
    )
    told = capsys.readouterr()
    assert status == 2 and message in " ".join((told.out + told.err).split())
    assert "Traceback" not in told.err


def test_the_command_shows_several_methods(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files(tmp_path / "data", 1)
    file = min((tmp_path / "data").rglob("*.png"))
    given = ["--rules", "guided,lrp-epsilon-plus,gradcam,smoothgrad", "--smooth", "2"]
    out = tmp_path / "page"
    assert zfnet(monkeypatch, "project", file, "--layer", "scores", "--out", out, *given) == 0
    assert len(list(out.glob("01-*.png"))) == 4
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Red speaks for the unit" in page and "SmoothGrad" in page
