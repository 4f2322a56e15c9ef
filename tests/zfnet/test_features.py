"""The strongest activations of each map, against a search through all of them (paper, Fig 2)."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import Tensor, no_grad
from tests.zfnet.tiny import Pictures, centre, network
from zfnet.deconvnet import Deconvnet
from zfnet.experiments.features.measure import (
    Strongest,
    choose_maps,
    project_strongest,
    strongest_activations,
)
from zfnet.network import Network

LAYERS = ["conv1", "pool1", "conv2"]
Entry = tuple[float, int, int]


def whole_numbers() -> Network:
    """A network whose first two layers compute in whole numbers: exact, and full of ties."""
    net = network(norm=None)
    rng = np.random.default_rng(4)
    for name in ("conv1", "conv2"):
        weight = getattr(net.model, name).weight
        weight.assign(rng.integers(-1, 2, weight.shape).astype(np.float32))
    return net


def pictures(bad: tuple[int, ...] = ()) -> Pictures:
    """Four of the images come twice, so that their strongest activations are equal."""
    data = Pictures(14, bad=bad)
    data.images[10:] = data.images[:4]
    return data


def all_activations(net: Network, data: Pictures, layer: str) -> dict[int, np.ndarray]:
    """(K,P,Q) of every readable image, each alone in its batch; a convolution's rectified."""
    found, layer = {}, layer.replace("conv", "relu")
    for index in range(len(data)):
        if index not in data.bad:
            pixels = centre(data.images[index]).transpose(2, 0, 1)  # (S,S,3) -> (3,S,S)
            x = pixels - net.preprocess.mean[:, 2:34, 2:34]
            with no_grad():
                found[index] = net.model.activations(Tensor(x[None]), until=layer)[layer].data[0]
    return found


def searched(net: Network, data: Pictures, layer: str, k: int) -> list[list[Entry]]:
    """By hand: of each map the k strongest (value, image, place), first come first."""
    every = all_activations(net, data, layer)
    maps = next(iter(every.values())).shape[0]
    found = []
    for map in range(maps):
        best = [(float(a[map].max()), index, int(a[map].argmax())) for index, a in every.items()]
        found.append(sorted(best, key=lambda entry: (-entry[0], entry[1]))[:k])
    return found


def listed(found: Strongest) -> list[list[Entry]]:
    rows = zip(found.values, found.images, found.places, strict=True)
    return [[(float(v), int(i), int(p)) for v, i, p in zip(*row, strict=True)] for row in rows]


@pytest.mark.usefixtures("exact_kernels")
@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_the_strongest_equal_a_search_through_all_images(batch_size: int) -> None:
    net, data = whole_numbers(), pictures()
    found = strongest_activations(net, data, LAYERS, k=5, batch_size=batch_size)
    for layer in LAYERS:
        assert listed(found[layer]) == searched(net, data, layer, 5), layer


def test_an_image_comes_at_most_once_a_map() -> None:
    found = strongest_activations(network(), pictures(), ["conv3"], k=9)["conv3"]
    assert all(len(set(row)) == 9 for row in found.images.tolist())


def test_fewer_images_than_asked_for_give_as_many_as_there_are() -> None:
    found = strongest_activations(whole_numbers(), pictures(), ["conv2"], k=20)["conv2"]
    assert found.values.shape == found.images.shape == found.places.shape == (8, 14)


@pytest.mark.usefixtures("exact_kernels")
def test_unreadable_images_keep_the_positions_of_the_others() -> None:
    net, data = whole_numbers(), pictures(bad=(0, 7))
    found = strongest_activations(net, data, ["conv2"], k=4, batch_size=4)["conv2"]
    assert listed(found) == searched(net, data, "conv2", 4)


def test_units_are_the_places_of_activations_above_zero() -> None:
    found = Strongest(
        "conv2", (3, 5), np.array([[4.0, 2.0, 0.0, -1.0]]), np.array([[7, 1, 3, 2]]),
        np.array([[13, 4, 0, 1]]),
    )  # fmt: skip
    units = [(image, value, unit.p, unit.q) for image, value, unit in found.units(0)]
    assert units == [(7, 4.0, 2, 3), (1, 2.0, 0, 4)]


def test_maps_are_chosen_among_those_that_were_ever_active() -> None:
    values = np.array([[1.0], [0.0], [2.0], [-1.0], [3.0]])
    found = Strongest("conv1", (1, 1), values, np.zeros((5, 1), int), np.zeros((5, 1), int))
    assert choose_maps(found, 9, np.random.default_rng(0)) == [0, 2, 4]
    assert set(choose_maps(found, 2, np.random.default_rng(0))) < {0, 2, 4}


def test_the_same_generator_chooses_the_same_maps() -> None:
    found = Strongest("conv1", (1, 1), np.ones((50, 1)), np.zeros((50, 1)), np.zeros((50, 1)))
    first, again, other = (choose_maps(found, 9, np.random.default_rng(s)) for s in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("layer", ["pool1", "conv2", "conv3"])
def test_a_patch_is_the_receptive_field_in_its_image(layer: str) -> None:
    net, data = network(), pictures()
    found = strongest_activations(net, data, [layer], k=4)[layer]
    shown = project_strongest(net, data, found, choose_maps(found, 3, np.random.default_rng(0)))
    assert shown
    for picture in shown:
        assert picture.images == [image for image, _, _ in found.units(picture.map)]
        for image, projection, patch in zip(
            picture.images, picture.projections, picture.patches, strict=True
        ):
            b = net.model.receptive_field(layer, projection.unit.p, projection.unit.q).clip(32, 32)
            assert projection.box == b
            pixels = centre(data.images[image])[b.top : b.bottom, b.left : b.right]
            assert np.array_equal(patch, pixels)
            assert projection.crop().shape[1:] == patch.shape[:2]


def test_the_projections_are_the_deconvnets_of_those_images_and_units() -> None:
    net, data = whole_numbers(), pictures()
    found = strongest_activations(net, data, ["conv2"], k=3)["conv2"]
    (picture,) = project_strongest(net, data, found, [2], batch_size=2)
    for image, projection in zip(picture.images, picture.projections, strict=True):
        pixels = centre(data.images[image]).transpose(2, 0, 1)  # (S,S,3) -> (3,S,S)
        x = (pixels - net.preprocess.mean[:, 2:34, 2:34])[None]
        (alone,) = Deconvnet(net.model).project(x, "conv2", units=[projection.unit])
        assert projection.value == alone.value
        assert np.array_equal(projection.pixels, alone.pixels)  # whole numbers, no rounding


def test_a_map_that_never_was_active_has_no_picture() -> None:
    net = whole_numbers()
    net.model.conv2.weight.data[1] = 0  # type: ignore[attr-defined]
    found = strongest_activations(net, pictures(), ["conv2"], k=3)["conv2"]
    shown = project_strongest(net, pictures(), found, [0, 1, 2])
    assert [picture.map for picture in shown] == [0, 2]


@pytest.mark.parametrize("layers", [["conv1", "conv9"], []])
def test_a_layer_that_does_not_exist_is_refused(layers: list[str]) -> None:
    with pytest.raises(ValueError, match="layer"):
        strongest_activations(network(), pictures(), layers)


def test_no_activations_asked_for_is_refused() -> None:
    with pytest.raises(ValueError, match="k is 0"):
        strongest_activations(network(), pictures(), ["conv1"], k=0)
