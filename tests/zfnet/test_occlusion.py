"""Occlusion maps against one occlusion computed by hand (paper, Fig 7)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import Tensor, no_grad
from tests.zfnet.tiny import Pictures, centre, network
from zfnet.experiments.occlusion.measure import OcclusionMap, occlusion_map, places
from zfnet.network import Network

SQUARE, STRIDE, LABEL = 9, 7, 2  # places begin at 0, 7, 14, 21 and, cut by the edge, 28: 5 x 5


@pytest.fixture(scope="module")
def net() -> Network:
    return network()


def pixels() -> np.ndarray:
    return centre(Pictures(3).images[LABEL])


def as_input(net: Network, picture: np.ndarray) -> np.ndarray:
    """(S,S,3) uint8 -> (3,S,S) float32, the mean subtracted."""
    return picture.transpose(2, 0, 1) - net.preprocess.mean[:, 2:34, 2:34]


def found(net: Network, **options: Any) -> OcclusionMap:
    settings = {"label": LABEL, "square": SQUARE, "stride": STRIDE, "batch_size": 1, **options}
    return occlusion_map(net, as_input(net, pixels()), **settings)


def covered(net: Network, p: int, q: int) -> np.ndarray:
    picture = pixels().copy()
    picture[7 * p : 7 * p + 9, 7 * q : 7 * q + 9] = 128
    return as_input(net, picture)


def close(found: float, expected: float) -> bool:
    """Up to the order of sums: some hundred roundings of 6e-8."""
    return not abs(found - expected) > 2e-5 * abs(expected)


@pytest.mark.parametrize(("p", "q"), [(0, 0), (1, 3), (3, 2), (4, 0), (1, 4), (4, 4)])
def test_a_cell_holds_the_output_with_the_square_at_its_position(
    net: Network, p: int, q: int
) -> None:
    seen, x = found(net), covered(net, p, q)
    (probabilities,) = net.probabilities(x[None])
    assert close(seen.probability[p, q], probabilities[LABEL])
    assert seen.winner[p, q] == probabilities.argmax()


@pytest.mark.parametrize(("p", "q"), [(0, 0), (2, 1), (3, 4)])
def test_the_activation_is_the_total_of_the_strongest_map(net: Network, p: int, q: int) -> None:
    seen = found(net)

    def last_spatial_layer(x: np.ndarray) -> np.ndarray:
        with no_grad():
            return net.model.activations(Tensor(x[None]), until="relu5")["relu5"].data[0]

    clear = last_spatial_layer(as_input(net, pixels()))
    assert seen.map == clear.max(axis=(1, 2)).argmax()
    assert close(seen.activation[p, q], last_spatial_layer(covered(net, p, q))[seen.map].sum())


def test_the_map_has_a_value_for_every_place(net: Network) -> None:
    seen = found(net)
    shapes = {seen.activation.shape, seen.probability.shape, seen.winner.shape}
    assert shapes == {(5, 5)}


@pytest.mark.parametrize(
    ("square", "stride", "side"),
    [(32, 1, 1), (31, 1, 2), (1, 31, 2), (1, 20, 2), (30, 3, 2), (8, 8, 4)],
)
def test_a_map_has_as_many_places_as_squares_that_begin_inside_and_are_needed(
    net: Network, square: int, stride: int, side: int
) -> None:
    assert found(net, square=square, stride=stride, batch_size=16).probability.shape == (side, side)


@pytest.mark.parametrize(("size", "square", "stride"), [(64, 9, 2), (224, 32, 8), (32, 9, 7)])
def test_squares_cover_every_pixel(size: int, square: int, stride: int) -> None:
    covered = np.zeros(size, bool)
    for start in places(size, square, stride):
        assert not covered.all()  # none is superfluous
        covered[start : start + square] = True
    assert covered.all()


def test_64_pixels_under_a_square_of_9_every_2_have_29_places_a_side() -> None:
    assert len(places(64, 9, 2)) == 29


def test_the_centre_of_a_cut_square_is_that_of_what_is_left(net: Network) -> None:
    """The last square covers the pixels 28 to 31."""
    assert found(net).centres().tolist() == [4.5, 11.5, 18.5, 25.5, 30]


def test_clear_is_the_probability_without_the_square(net: Network) -> None:
    x = as_input(net, pixels())
    assert found(net).clear == net.probabilities(x[None])[0, LABEL]


def test_the_image_itself_is_left_as_it_is(net: Network) -> None:
    x = as_input(net, pixels())
    before = x.copy()
    occlusion_map(net, x, LABEL, square=SQUARE, stride=STRIDE)
    assert np.array_equal(x, before)


def test_progress_counts_the_places(net: Network) -> None:
    told: list[tuple[int, int]] = []
    found(net, batch_size=6, progress=lambda done, total: told.append((done, total)))
    assert told == [(6, 25), (12, 25), (18, 25), (24, 25), (25, 25)]


def with_probability(probability: np.ndarray, square: int, stride: int) -> OcclusionMap:
    other = np.zeros(probability.shape)
    return OcclusionMap(30, square, stride, 0, 0, other, probability, other.astype(int), 1.0)


def test_the_extent_is_around_the_squares_centres() -> None:
    """Centres at 4.5, 11.5, 18.5 and 25.5 pixels, each the middle of 7."""
    seen = with_probability(np.zeros((4, 4)), 9, 7)
    assert seen.extent() == (1, 1, 29, 29)


def test_the_darkest_place_is_the_centre_of_the_square_that_hides_most() -> None:
    probability = np.full((4, 4), 0.5)
    probability[1, 3] = 0.25
    assert with_probability(probability, 9, 7).darkest() == (11.5, 25.5)


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        ({"square": 33}, "square of 33 .* 32x32"),
        ({"square": 0}, "square of 0"),
        ({"stride": 0}, "every 0"),
        ({"label": 3}, "label 3 .* 0 to 2"),
        ({"label": -1}, "label -1"),
    ],
)
def test_a_square_that_does_not_fit_is_refused_with_the_allowed_sizes(
    net: Network, wrong: dict[str, Any], shown: str
) -> None:
    with pytest.raises(ValueError, match=shown):
        found(net, **wrong)


def test_an_image_of_another_size_is_refused(net: Network) -> None:
    with pytest.raises(ValueError, match=r"\(3, 36, 36\)"):
        occlusion_map(net, np.zeros((3, 36, 36), np.float32), 0, square=9, stride=7)
