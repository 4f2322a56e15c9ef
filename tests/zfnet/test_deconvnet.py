"""The deconvnet against the paper's section 2.1, written out layer by layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import kernels
from kernels.bounds import same_bits, within
from kernels.contract.geometry import Box, ConvGeometry
from minidl import Tensor, rules
from tests.shared.by_hand import SIDE, ByHand, Norm, network, one_unit, pictures, recorded
from zfnet.deconvnet import Deconvnet, Projection, Unit, strongest
from zfnet.model import ConvNet

NORMS: tuple[Norm, ...] = ("lcn", "lrn", None)
LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("norm", NORMS)
def test_a_projection_equals_the_one_written_out_by_hand(norm: Norm, layer: str) -> None:
    model, images = network(norm, double=True), pictures(2, dtype=np.float64)
    seen = recorded(model, images)
    signal = one_unit(seen[layer], strongest(seen[layer]))
    hand = ByHand(model, seen)
    found = np.stack([p.pixels for p in Deconvnet(model).project(images, layer)])
    expected = hand.project(layer, signal)
    assert within(found, expected, hand.bound(layer, signal))
    assert expected.any()


@pytest.mark.parametrize(
    "options",
    [{"norm_before_pool": True}, {"pool_ceil": True}, {"pool5_padding": 1, "strides": (2, 1)}],
    ids=["normalised before pooling", "ceil_mode", "padding and strides"],
)
def test_other_orders_and_windows_project_as_written_out_by_hand(options: dict[str, Any]) -> None:
    model, images = network("lcn", double=True, **options), pictures(2, dtype=np.float64)
    seen = recorded(model, images)
    signal = one_unit(seen["fc8"], strongest(seen["fc8"]))
    hand = ByHand(model, seen)
    found = np.stack([p.pixels for p in Deconvnet(model).project(images, "scores")])
    assert within(found, hand.project("fc8", signal), hand.bound("fc8", signal))


@pytest.fixture(scope="module")
def large() -> dict[Norm, ConvNet]:
    """Networks on images that are larger than the receptive fields of pool5."""
    return {norm: network(norm, image_size=224, width=0.03, hidden=(8, 8)) for norm in NORMS}


CENTRES = {
    "conv1": 50, "pool1": 25, "conv2": 12, "pool2": 6, "conv3": 6, "conv4": 6, "conv5": 6,
    "pool5": 2,
}  # fmt: skip


@pytest.mark.parametrize("layer", CENTRES)
@pytest.mark.parametrize("norm", NORMS)
def test_a_projection_is_zero_outside_its_receptive_field_only(
    large: dict[Norm, ConvNet], norm: Norm, layer: str
) -> None:
    model, images, at = large[norm], pictures(1, 224), CENTRES[layer]
    activation = model.activations(Tensor(images), until=layer)[layer].data[0, :, at, at]
    unit = Unit(int(activation.argmax()), at, at)
    (projection,) = Deconvnet(model).project(images, layer, units=[unit])
    inside, pixels = np.s_[:, *_slices(projection.box)], projection.pixels.copy()
    assert projection.box == model.receptive_field(layer, at, at).clip(224, 224)
    assert pixels[inside].any()
    pixels[inside] = 0
    assert not pixels.any()


def _slices(box: Box) -> tuple[slice, slice]:
    return slice(box.top, box.bottom), slice(box.left, box.right)


def test_the_receptive_field_of_a_corner_unit_is_clipped_to_the_image() -> None:
    model, images = network(), pictures(1)
    (projection,) = Deconvnet(model).project(images, "conv2", units=[Unit(0, 0, 0)])
    assert projection.box == Box(0, 24, 0, 24)  # 27 x 27 from row and column -3 on
    assert projection.crop().shape == (3, 24, 24)


@pytest.mark.parametrize("layer", ["conv3", "relu3", "fc6", "fc8"])
def test_the_gradients_table_gives_the_gradient(layer: str) -> None:
    model, images = network(), pictures(1)
    (projection,) = Deconvnet(model, rules.gradient).project(images, layer)
    x = Tensor(images, requires_grad=True)
    y = model.activations(x, until=layer)[layer]
    signal = one_unit(y.data, [projection.unit])
    (exact,) = y.backward(signal, rules=rules.by_definition(rules.gradient), inputs=[x])
    assert same_bits(projection.pixels, exact.data[0])
    (gradient,) = y.backward(signal, inputs=[x])
    assert np.abs(gradient.data - exact.data).max() < 1e-4 * np.abs(exact.data).max()


def test_the_tables_show_different_pictures() -> None:
    model, images = network(), pictures(1)
    tables = (rules.deconvnet, rules.guided, rules.gradient)
    first, second, third = (Deconvnet(model, t).project(images, "conv5")[0].pixels for t in tables)
    scale = np.abs(first).max() * 1e-2
    assert np.abs(first - second).max() > scale
    assert np.abs(first - third).max() > scale
    assert np.abs(second - third).max() > scale


def test_a_projection_leaves_every_gradient_alone() -> None:
    model = network()
    Deconvnet(model).project(pictures(1), "scores")
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_projection_changes_no_weight() -> None:
    model = network()
    before = {name: array.copy() for name, array in model.state_dict().items()}
    Deconvnet(model).project(pictures(1), "scores")
    assert all(same_bits(before[name], array) for name, array in model.state_dict().items())


@pytest.mark.parametrize("layer", ["conv4", "fc7"])
def test_a_batch_gives_what_its_images_give_one_by_one(layer: str) -> None:
    model, images = network(double=True), pictures(3, dtype=np.float64)
    seen = recorded(model, images)
    together = Deconvnet(model).project(images, layer, map=1)
    alone = [Deconvnet(model).project(image[None], layer, map=1)[0] for image in images]
    assert [p.unit for p in together] == [p.unit for p in alone]
    signal = one_unit(seen[layer], [p.unit for p in alone])
    # Each backward pass rounds, and so does its activation, possibly by another algorithm.
    batches = [
        replace(g, N=n)
        for g in model.geometries().values()
        for n in (1, len(images))
        if isinstance(g, ConvGeometry)
    ]
    grown = max(kernels.pick("conv2d", "cpu", g).amplification(g) for g in batches)
    bound = 2 * grown * ByHand(model, seen).bound(layer, signal)
    stacked = np.stack([p.pixels for p in alone])
    assert within(np.stack([p.pixels for p in together]), stacked, bound)


def test_project_each_gives_each_image_its_own_unit() -> None:
    model, images = network(), pictures(3)
    units = [Unit(2), Unit(0), Unit(4)]
    each = Deconvnet(model).project_each(images, "fc6", units)
    every = Deconvnet(model).project(images, "fc6", units=units)
    assert [(p.image, p.unit) for p in each] == list(enumerate(units))
    for n, projection in enumerate(each):
        same = every[n * 3 + n]  # image by image, each with all three units
        assert (same.image, same.unit, same.value) == (n, units[n], projection.value)
        assert same_bits(projection.pixels, same.pixels)


def test_units_do_not_change_one_anothers_projections() -> None:
    model, images = network(), pictures(1)
    alone = Deconvnet(model).project(images, "conv2", units=[Unit(1, 2, 2)])
    among = Deconvnet(model).project(images, "conv2", units=[Unit(1, 2, 2), Unit(0, 1, 1)])
    assert same_bits(alone[0].pixels, among[0].pixels)


def test_without_a_choice_the_strongest_unit_of_the_layer_is_projected() -> None:
    model, images = network(), pictures(2)
    activation = recorded(model, images)["conv3"]
    for n, projection in enumerate(Deconvnet(model).project(images, "conv3")):
        u = projection.unit
        assert projection.value == activation[n].max() == activation[n, u.map, u.p, u.q]


def test_with_a_map_its_strongest_unit_is_projected() -> None:
    model, images = network(), pictures(2)
    activation = recorded(model, images)["conv3"]
    for n, projection in enumerate(Deconvnet(model).project(images, "conv3", map=5)):
        u = projection.unit
        assert u.map == 5
        assert projection.value == activation[n, 5].max() == activation[n, 5, u.p, u.q]


def test_the_receptive_field_of_a_fully_connected_unit_is_the_whole_image() -> None:
    (projection,) = Deconvnet(network()).project(pictures(1), "fc6", map=3)
    assert projection.box == Box(0, SIDE, 0, SIDE)
    assert projection.unit == Unit(3)


def test_scores_are_the_last_layer() -> None:
    model, images = network(), pictures(1)
    first, second = (Deconvnet(model).project(images, name)[0] for name in ("scores", "fc8"))
    assert (first.layer, first.unit) == ("fc8", second.unit)
    assert same_bits(first.pixels, second.pixels)


def test_an_activation_of_zero_projects_to_zero() -> None:
    model, images = network(), pictures(1)
    activation = recorded(model, images)["relu3"][0]
    k, p, q = (int(i) for i in np.argwhere(activation == 0)[0])
    (projection,) = Deconvnet(model).project(images, "relu3", units=[Unit(k, p, q)])
    assert projection.value == 0
    assert not projection.pixels.any()


@pytest.mark.parametrize("layer", ["relu3", "pool5"])
def test_a_projection_grows_as_its_activation_does(layer: str) -> None:
    """ReLU, unpooling and filtering are positively homogeneous; powers of two do not round."""
    model, images = network(), pictures(1)
    x = Tensor(images, requires_grad=True)
    y = model.activations(x, until=layer)[layer]
    once = one_unit(y.data, strongest(y.data))
    (small,) = y.backward(once, rules=rules.deconvnet, inputs=[x])
    (large,) = y.backward(4 * once, rules=rules.deconvnet, inputs=[x])
    assert same_bits(4 * small.data, large.data)


def project(
    layer: str = "conv3", images: np.ndarray | None = None, **what: Any
) -> list[Projection]:
    return Deconvnet(network()).project(pictures(1) if images is None else images, layer, **what)


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ({"map": 19}, r"conv3 has the maps 0 to 18 of 3x3 units; .*map=19"),
        ({"map": -1}, "maps 0 to 18 .*map=-1"),
        ({"units": [Unit(0, 3, 0)]}, "3x3 units; .*p=3"),
        ({"units": [Unit(0, 0, -1)]}, "3x3 units; .*q=-1"),
        ({"units": []}, "empty"),
        ({"units": [Unit(0)], "map": 0}, "not both"),
    ],
)
def test_units_that_do_not_exist_are_refused_with_those_that_do(
    what: dict[str, Any], shown: str
) -> None:
    with pytest.raises(ValueError, match=shown):
        project(**what)


def test_a_place_in_a_fully_connected_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="fc8 has the maps 0 to 11 of 1x1 units"):
        project("scores", units=[Unit(0, 0, 1)])


def test_an_unknown_layer_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"'conv6'; the layers are conv1, relu1, .*fc8"):
        project("conv6")


@pytest.mark.parametrize(
    "shape", [(3, SIDE, SIDE), (1, 3, SIDE, 32), (1, 1, SIDE, SIDE), (0, 3, SIDE, SIDE)]
)
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(N, 3, 64, 64\)"):
        project(images=np.zeros(shape, np.float32))


def test_project_each_wants_a_unit_for_each_image() -> None:
    with pytest.raises(ValueError, match="2 images and 1 units"):
        Deconvnet(network()).project_each(pictures(2), "conv1", [Unit(0)])
