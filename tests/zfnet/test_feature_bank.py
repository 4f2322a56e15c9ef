"""The features of a data set against each image's activations (paper, Tables 4 to 7)."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import Tensor, no_grad
from tests.zfnet.tiny import Pictures, centre, network
from zfnet.experiments.shared.chosen_layers import layer_output
from zfnet.experiments.shared.feature_bank import FeatureBank, averaged, read_features
from zfnet.network import Network

LAYERS = ["norm1", "norm2", "relu3", "relu4", "pool5", "relu7"]


def activation(net: Network, data: Pictures, layer: str, index: int) -> np.ndarray:
    """(K,P,Q) or (K,) of one image, alone in its batch."""
    pixels = centre(data.images[index]).transpose(2, 0, 1)  # (S,S,3) -> (3,S,S)
    net.model.eval()
    with no_grad():
        x = Tensor((pixels - net.preprocess.mean[:, 2:34, 2:34])[None])
        return net.model.activations(x, until=layer)[layer].data[0]


def megabytes(values: int) -> int:
    return -(-4 * values // 1_000_000)


def by_hand(plane: np.ndarray, side: int) -> np.ndarray:
    """(K,P,P) -> (K,side,side), cell by cell."""
    K, P, _ = plane.shape
    cells = [(i * P // side, -(-(i + 1) * P // side)) for i in range(side)]
    return np.array(
        [[[plane[k, a:b, c:d].mean() for c, d in cells] for a, b in cells] for k in range(K)]
    )


@pytest.mark.usefixtures("exact_kernels")
@pytest.mark.parametrize("batch_size", [1, 4])
def test_features_are_the_outputs_of_each_layer(batch_size: int) -> None:
    net, data = network(), Pictures(7)
    bank = read_features(net, data, LAYERS, batch_size=batch_size)
    assert list(bank.features) == LAYERS and bank.labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    for layer in LAYERS:
        assert bank.features[layer].dtype == np.float32
        for index in range(7):
            alone = activation(net, data, layer, index)
            assert bank.shapes[layer] == alone.shape
            np.testing.assert_allclose(
                bank.features[layer][index], alone.ravel(), rtol=1e-4, atol=1e-4
            )


def test_a_layers_output_is_its_last_step_but_dropout() -> None:
    model = network().model
    named = [layer_output(model, number) for number in (1, 2, 3, 4, 5, 6, 7)]
    assert named == ["norm1", "norm2", "relu3", "relu4", "pool5", "relu6", "relu7"]
    assert layer_output(network(norm_before_pool=True).model, 1) == "pool1"
    assert layer_output(network(norm=None).model, 2) == "pool2"


def test_a_layer_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match="no layer 9, only 1, 2, 3, 4, 5, 6, 7, 8"):
        layer_output(network().model, 9)
    with pytest.raises(ValueError, match=r"no layer \['conv9'\]; the layers are conv1, relu1"):
        read_features(network(), Pictures(3), ["conv9", "relu3"])


@pytest.mark.parametrize("side", [1, 2, 3, 5, 7])
def test_averages_are_the_means_of_the_cells(side: int) -> None:
    planes = np.random.default_rng(1).normal(size=(2, 3, 7, 7)).astype(np.float32)
    found = averaged(planes, (side, side))
    expected = np.array([by_hand(plane.astype(np.float64), side) for plane in planes])
    assert found.dtype == np.float32 and found.shape == (2, 3, side, side)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_planes_are_averaged_until_they_fit_into_the_memory() -> None:
    net, data = network(), Pictures(600, seed=2)
    whole = read_features(net, data, ["relu1"])
    K, P, _ = whole.shapes["relu1"]
    assert megabytes(whole.features["relu1"].size) > 1
    bank = read_features(net, data, ["relu1"], memory=1)
    side, across = bank.kept["relu1"]
    assert side == across
    assert bank.features["relu1"].nbytes <= 1_000_000 < 4 * 600 * K * (side + 1) ** 2
    planes = whole.features["relu1"].reshape(600, K, P, P)  # (N,D) -> (N,K,P,P)
    found = bank.features["relu1"][5].reshape(K, side, side)  # (D,) -> (K,side,side)
    np.testing.assert_allclose(found, by_hand(planes[5], side), rtol=1e-4, atol=1e-4)
    assert bank.described("relu1") == f"{K} × {side} × {side} of {K} × {P} × {P}, averaged"
    assert whole.described("relu1") == f"{K} × {P} × {P}"


def test_layers_share_the_memory_alike() -> None:
    bank = read_features(network(), Pictures(600), ["relu1", "relu3"], memory=2)
    alone = read_features(network(), Pictures(600), ["relu1"], memory=1)
    assert bank.kept["relu1"] == alone.kept["relu1"] < alone.shapes["relu1"][1:]


def test_a_memory_too_small_for_one_value_a_map_is_refused_with_what_it_needs() -> None:
    net, data = network(hidden=(8, 2000)), Pictures(400)
    with pytest.raises(ValueError, match=r"relu7 of 400 images needs 3 MB, .* is 1 MB"):
        read_features(net, data, ["relu7"], memory=1)


def test_unreadable_images_are_left_out_and_named() -> None:
    data = Pictures(9, bad=(0, 4, 8))
    bank = read_features(network(), data, ["relu7"], batch_size=4)
    assert bank.indices.tolist() == [1, 2, 3, 5, 6, 7] and bank.labels.tolist() == [
        1,
        2,
        0,
        2,
        0,
        1,
    ]
    whole = read_features(network(), Pictures(9), ["relu7"], batch_size=4)
    np.testing.assert_allclose(
        bank.features["relu7"], whole.features["relu7"][bank.indices], rtol=1e-4, atol=1e-5
    )
    assert bank.bad == {f"{i}.png": "torn" for i in (0, 4, 8)}
    assert bank.left_out() == "3 images could not be read and are left out; `0.png`: torn."


def test_the_pass_is_reported_to_its_end() -> None:
    told: list[tuple[str, int, int]] = []
    read_features(network(), Pictures(9), ["relu7"], batch_size=4,
                  report=lambda *step: told.append(step))  # fmt: skip
    assert told == [("reading features", done, 9) for done in (4, 8, 9)]


def test_reading_twice_gives_the_same() -> None:
    first, again = (read_features(network(), Pictures(9), LAYERS) for _ in range(2))
    assert isinstance(first, FeatureBank)
    assert all(np.array_equal(first.features[k], again.features[k]) for k in LAYERS)
