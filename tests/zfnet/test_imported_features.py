"""`layers` and `transfer` on imported networks: their own names, branches, features of any rank."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from minidl import Tensor, nn, no_grad
from tests.shared.branches import SIDE, branching
from tests.shared.operation_graphs import Looked, tokens
from tests.zfnet.commands import pictures, zfnet
from tests.zfnet.tiny import Pictures
from tests.zfnet.tiny import network as own_network
from zfnet.data import Preprocess
from zfnet.experiments.shared.chosen_layers import chosen, keys, stages, top
from zfnet.experiments.shared.feature_bank import averaged, read_features
from zfnet.network import Network

STAGES = ["stem/relu", "sum/relu", "mean"]


def network() -> Network:
    preprocess = Preprocess.with_one_mean(SIDE, SIDE + 8, (120, 110, 100), "warp")
    return Network(branching(np.float32), preprocess, tuple("abcde"))


def saved(folder: Path) -> Path:
    network().save(folder / "net.safetensors")
    return folder / "net.safetensors"


def test_the_ends_of_the_stages_are_the_default() -> None:
    model = branching()
    assert list(chosen(model).values()) == stages(model) == STAGES
    assert top(model) == "mean"


def test_numbers_belong_to_the_papers_networks_alone() -> None:
    assert chosen(own_network().model, keys("1, fc6,7")) == {1: "norm1", "fc6": "fc6", 7: "relu7"}
    with pytest.raises(ValueError, match="no layer 1; the layers are pixels, stem/conv"):
        chosen(branching(), keys("1,2"))


def test_layers_of_branches_are_read_in_one_pass() -> None:
    net, data = network(), Pictures(7)
    names = ["sum/relu", "b/relu", "mean"]
    bank = read_features(net, data, names, batch_size=3)
    assert list(bank.features) == names
    inputs = [net.preprocess.centre(net.preprocess.prepare(image)) for image in data.images]
    with no_grad():
        true = net.model.activations(Tensor(np.stack(inputs).transpose(0, 3, 1, 2).copy()))
    for name in names:
        expected = true[name].data.reshape(7, -1)  # (N,K,P,Q) -> (N,D)
        np.testing.assert_allclose(bank.features[name], expected, rtol=1e-3, atol=1e-4)
    assert bank.shapes["mean"] == (18, 1, 1) and bank.described("b/relu") == "4 × 16 × 16"


def test_planes_that_are_not_square_are_averaged_in_their_proportion() -> None:
    units = np.random.default_rng(0).standard_normal((2, 3, 6, 12))
    found = averaged(units, (2, 4))
    expected = units.reshape(2, 3, 2, 3, 4, 3).mean(axis=(3, 5))  # cells of 3 x 3
    np.testing.assert_allclose(found, expected)


def test_tokens_are_averaged_over_tokens() -> None:
    model = Looked(tokens())
    for parameter in model.parameters():
        parameter.data = parameter.data.astype(np.float32)
    preprocess = Preprocess.with_one_mean(16, 16, (0, 0, 0))
    data = Pictures(600)
    net = Network(model, preprocess, ("a",))
    bank = read_features(net, data, ["norm"], memory=1)
    K, L = bank.shapes["norm"]
    assert (K, L) == (6, 17) and bank.kept["norm"] == (17, 1)
    assert not bank.is_averaged("norm")
    many = Pictures(5000)
    bank = read_features(net, many, ["norm"], memory=1)
    assert bank.kept["norm"] == (8, 1) and bank.described("norm") == "6 × 8 of 6 × 17, averaged"


def test_layers_command_takes_an_imported_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, data, out = saved(tmp_path), pictures(tmp_path / "data"), tmp_path / "out"
    given = ["--model", model, "--data", data, "--per-class", 3, "--folds", 1, "--c", 1]
    assert zfnet(monkeypatch, "layers", *given, "--out", out) == 0
    numbers = json.loads((out / "layers.json").read_text())
    assert numbers["settings"]["layers"] == ",".join(STAGES)
    svm = [score["layer"] for score in numbers["scores"] if score["kind"] == "svm"]
    softmax = [score["layer"] for score in numbers["scores"] if score["kind"] == "softmax"]
    assert svm == STAGES and softmax == STAGES[-2:]
    html = (out / "index.html").read_text()
    assert "does not number its layers as the paper does" in html
    assert "from layer <code>stem/relu</code> to layer <code>mean</code>" in html
    named = ["--layers", "b/relu, mean", "--out", tmp_path / "named"]
    assert zfnet(monkeypatch, "layers", *given, *named) == 0
    numbers = json.loads((tmp_path / "named" / "layers.json").read_text())
    assert [score["layer"] for score in numbers["scores"]] == ["b/relu", "mean"] * 2


def test_transfer_takes_an_imported_network_and_says_what_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, data, out = saved(tmp_path), pictures(tmp_path / "data"), tmp_path / "out"
    given = ["--model", model, "--data", data, "--per-class", 3, "--folds", 1, "--c", 1]
    assert zfnet(monkeypatch, "transfer", *given, "--out", out) == 0
    numbers = json.loads((out / "transfer.json").read_text())
    assert numbers["settings"]["layer"] == "mean" and numbers["settings"]["scratch_epochs"] == 0
    assert list(numbers["pretrained"]) == ["3"] and not numbers["scratch"]
    html = (out / "index.html").read_text()
    assert "No network was trained from scratch: this one was imported" in html
    assert "The layers up to" in html
    lower = ["--layer", "stem/relu", "--out", tmp_path / "lower"]
    assert zfnet(monkeypatch, "transfer", *given, *lower) == 0


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["layers", "--layers", "nowhere,mean"], "no layer 'nowhere'; the layers are pixels"),
        (["layers", "--layers", "mean"], "at least two are compared"),
        (["layers", "--layers", "1,2"], "no layer 1"),
        (["transfer", "--layer", "nowhere"], "no layer 'nowhere'"),
        (["transfer", "--scratch"], "training from scratch needs a network of zfnet's own kind"),
    ],
)
def test_layers_that_cannot_be_classified_are_refused_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    message: str,
) -> None:
    model, data = saved(tmp_path), pictures(tmp_path / "data")
    given = ["--model", model, "--data", data, "--per-class", 3, "--out", tmp_path / "out"]
    assert zfnet(monkeypatch, *command, *given) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert message in shown and "Traceback" not in shown
    assert not (tmp_path / "out").exists()


def test_a_layer_that_reshapes_alone_is_no_top_feature() -> None:
    assert isinstance(dict(branching().children())["flat"], nn.Flatten)
    assert top(branching()) != "flat"
