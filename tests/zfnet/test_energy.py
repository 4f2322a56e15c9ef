"""The place of the energy of projections, against sums by hand over masks (section 4)."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import Tensor, no_grad
from tests.zfnet.tiny import Pictures, centre, network
from zfnet.data import Truth
from zfnet.deconvnet import Deconvnet, strongest
from zfnet.experiments.check.energy import Energy, energy

pytestmark = pytest.mark.usefixtures("one_thread")

LAYERS = ("conv1", "conv3", "fc7")


class Masked(Pictures):
    """Each picture has an object of its own: a rectangle that grows with the picture's number."""

    def truth(self, index: int) -> Truth:
        mask = np.zeros((36, 36), bool)
        mask[2 : 14 + 3 * index, 5 + index : 30] = True
        return Truth(mask=mask)


DATA = Masked(5, seed=2)
INDICES = [4, 0, 3]


@pytest.fixture(scope="module")
def found() -> dict[str, Energy]:
    return energy(network(), DATA, INDICES, LAYERS)


def by_hand(layer: str, mask: np.ndarray, index: int) -> tuple[float, float]:
    """The shares of the energy and of the field on a mask of the crop, pixel by pixel."""
    net = network()
    net.model.eval()
    pixels = centre(DATA.images[index]).transpose(2, 0, 1)  # (S,S,3) -> (3,S,S)
    x = (pixels - net.preprocess.mean[:, 2:34, 2:34])[None]
    with no_grad():
        unit = strongest(net.model.activations(Tensor(x))[layer].data)[0]
    (projection,) = Deconvnet(net.model).project(x, layer, units=[unit])
    field = np.zeros((32, 32), bool)
    b = projection.box
    field[b.top : b.bottom, b.left : b.right] = True
    squares = (projection.pixels.astype(np.float64) ** 2).sum(axis=0)
    return float(squares[mask].sum() / squares.sum()), float(mask[field].mean())


@pytest.mark.parametrize("layer", LAYERS)
def test_the_shares_are_those_of_the_strongest_unit_of_each_image(
    found: dict[str, Energy], layer: str
) -> None:
    masks = [DATA.truth(i).mask[2:34, 2:34] for i in INDICES]
    for n, index in enumerate(INDICES):
        on, area = by_hand(layer, masks[n], index)
        other, elsewhere = by_hand(layer, masks[n - 1], index)  # of the first image the last one's
        e = found[layer]
        # There each field is computed alone, with another order of float32 sums.
        shares = (e.on[n], e.area[n], e.other[n], e.elsewhere[n])
        assert shares == pytest.approx((on, area, other, elsewhere), abs=1e-4)


def test_the_ratio_is_of_the_means_and_an_even_spread_has_one() -> None:
    shares = np.array([0.2, 0.6])
    e = Energy(on=2 * shares, area=shares, other=np.array([0.1, 0.0]), elsewhere=shares)
    assert e.ratio == pytest.approx(2) and e.control == pytest.approx(0.1 / 0.8)
    even = Energy(shares, shares, shares, shares)
    assert even.ratio == even.control == 1


def test_every_convolution_is_looked_at_by_default() -> None:
    assert list(energy(network(), DATA, [0, 1])) == [f"conv{n}" for n in range(1, 6)]


def test_progress_ends_with_the_last_image() -> None:
    told: list[tuple[int, int]] = []
    energy(network(), DATA, INDICES, LAYERS[:1], report=lambda _, d, n: told.append((d, n)))
    assert told[-1] == (3, 3)


def test_images_without_an_object_are_refused() -> None:
    with pytest.raises(ValueError, match=r"memory: 1.png has neither box nor mask"):
        energy(network(), Pictures(3), [1, 2])


def test_a_layer_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match=r"no layer conv9; the layers are conv1, .*fc8"):
        energy(network(), DATA, INDICES, ["conv9"])


def test_one_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"1 image\(s\): at least 2"):
        energy(network(), DATA, [0])


def test_a_layer_that_is_never_active_is_named() -> None:
    net = network()
    parameters = dict(net.model.named_parameters())
    parameters["conv4.bias"].assign(np.full(parameters["conv4.bias"].shape, -1e9, np.float32))
    with pytest.raises(ValueError, match="conv4: no active unit sees a part of an object in 0"):
        energy(net, DATA, INDICES, ["conv4"])
