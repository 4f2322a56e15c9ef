"""Table 2's errors: top-1 and top-5, ten crops and several networks averaged."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.bounds import rounding, within
from tests.zfnet.tiny import COLOURS, Pictures, network
from zfnet.data import BadImage
from zfnet.evaluate import Errors, errors, evaluate, predict
from zfnet.network import Network

CLASSES = ("red", "green", "blue", "cyan", "magenta", "yellow", "black")


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N,C) of few values, so that many are equal, and labels (N,)."""
    N, C = draw(st.integers(1, 6)), draw(st.integers(2, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    p = rng.choice([0.0, 0.125, 0.25, 0.5], (N, C)).astype(np.float32)
    return p, rng.integers(0, C, N)


@given(answers())
def test_errors_equal_a_count_by_hand(answer: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, labels = answer
    wrong1 = wrong5 = 0
    for p, label in zip(probabilities.tolist(), labels.tolist(), strict=True):
        ranked = sorted(range(len(p)), key=lambda c: (-p[c], c))
        wrong1 += label != ranked[0]
        wrong5 += label not in ranked[:5]
    found = errors(probabilities, labels)
    assert (found.images, found.top1, found.top5) == (
        len(labels), wrong1 / len(labels), wrong5 / len(labels),
    )  # fmt: skip


def test_a_network_that_cannot_tell_classes_apart_is_right_by_chance_only() -> None:
    found = errors(np.full((12, 12), 1 / 12, np.float32), np.arange(12))
    assert (found.top1, found.top5) == (11 / 12, 7 / 12)


@pytest.mark.parametrize("at", [0, 3, slice(None)], ids=["true class", "another", "all"])
def test_nan_is_never_a_right_answer(at: int | slice) -> None:
    p = np.full((1, 8), 0.01)
    p[0, 0] = 0.9
    p[0, at] = np.nan
    assert errors(p, np.array([0])).top1 == 1


def test_the_loss_is_the_mean_cross_entropy() -> None:
    p = np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]])
    expected = -(math.log(0.25) + math.log(0.75)) / 2
    # Two logarithms, their sum and the mean.
    bound = rounding(4, np.array(expected), np.float64)
    assert within(np.array(errors(p, np.array([2, 1])).loss), np.array(expected), bound)


def test_a_probability_of_zero_is_a_finite_loss() -> None:
    assert math.isfinite(errors(np.array([[1.0, 0.0]]), np.array([1])).loss)


class OneByOne(Network):
    """A network that gives an image the same bits in any batch."""

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        alone = super().probabilities
        return np.concatenate([alone(image[None]) for image in images])


def one_by_one(seed: int) -> OneByOne:
    net = network(seed, CLASSES)
    return OneByOne(net.model, net.preprocess, net.classes)


def predicted_by_hand(networks: list[OneByOne], data: Pictures, ten: bool) -> np.ndarray:
    """(N,C) float64: the mean over each image's crops and over the networks."""
    rows = []
    for index in range(len(data)):
        of_image = []
        for net in networks:
            prepared = net.preprocess.prepare(data.image(index))
            crops = [net.preprocess.crop(prepared, i) for i in (range(10) if ten else [4])]
            # (S,S,3) -> (3,S,S)
            of_image += [net.probabilities(crop.transpose(2, 0, 1)[None])[0] for crop in crops]
        rows.append(np.mean(of_image, axis=0, dtype=np.float64))
    return np.stack(rows)


@pytest.mark.parametrize("ten", [False, True], ids=["centre", "ten crops"])
@pytest.mark.parametrize("count", [1, 2])
def test_probabilities_are_averaged_over_crops_and_networks(ten: bool, count: int) -> None:
    networks, data = [one_by_one(seed) for seed in range(count)], Pictures(5, classes=CLASSES)
    found, labels = predict(networks, data, ten_crops=ten, batch_size=20)
    expected = predicted_by_hand(networks, data, ten)
    assert labels.tolist() == [0, 1, 2, 3, 4]
    # Sums over ten crops and two networks, and two quotients.
    assert within(found, expected, rounding(10 + 2 + 2, expected, np.float32))


def test_the_average_of_two_networks_is_not_either_of_them() -> None:
    first, second, data = one_by_one(0), one_by_one(1), Pictures(6, classes=CLASSES)
    alone = [predict([net], data)[0] for net in (first, second)]
    both = predict([first, second], data)[0]
    assert not np.array_equal(both, alone[0])
    assert within(both, (alone[0] + alone[1]) / 2, rounding(2, both, np.float32))


def test_evaluation_counts_what_prediction_says() -> None:
    net, data = network(norm=None), Pictures(11)
    assert evaluate([net], data, batch_size=4) == errors(*predict([net], data, batch_size=4))


def test_an_unreadable_image_is_left_out_of_the_count() -> None:
    found = evaluate([network()], Pictures(7, bad=(2, 5)))
    assert isinstance(found, Errors)
    assert found.images == 5


def test_strict_evaluation_refuses_an_unreadable_image() -> None:
    with pytest.raises(BadImage, match=r"5\.png"):
        evaluate([network()], Pictures(7, bad=(5,)), strict=True)


def test_progress_reaches_the_number_of_images_times_networks() -> None:
    told: list[tuple[int, int]] = []
    evaluate([network(), network(1)], Pictures(7), batch_size=3, progress=lambda *p: told.append(p))
    assert told == [(3, 14), (6, 14), (7, 14), (10, 14), (13, 14), (14, 14)]


@pytest.mark.parametrize("classes", [("red", "blue", "green"), ("red", "green"), ()])
def test_networks_and_images_of_different_classes_are_refused(classes: tuple[str, ...]) -> None:
    data = Pictures(6)
    data.classes = classes
    with pytest.raises(ValueError, match=r"red, green, blue.*memory"):
        evaluate([network()], data)


def test_networks_of_different_classes_are_not_averaged() -> None:
    other = network(classes=("red", "green", "teal"))
    with pytest.raises(ValueError, match="teal"):
        evaluate([network(classes=COLOURS), other], Pictures(6))


def test_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one network"):
        evaluate([], Pictures(6))
