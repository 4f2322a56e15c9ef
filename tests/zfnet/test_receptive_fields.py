"""The receptive-field forward pass against the pass over the whole image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kernels
from kernels.bounds import within
from kernels.contract.geometry import ConvGeometry
from minidl import rules
from minidl.rules import Rules
from tests.shared.by_hand import ByHand, Norm, network, one_unit, pictures, recorded
from zfnet import patches, receptive_fields
from zfnet.deconvnet import Deconvnet, Projection, Unit
from zfnet.model import ConvNet

SIDE = 224
# (p, q) as shares of the plane: both corners, an edge, the middle.
PLACES = [(0.0, 0.0), (1.0, 1.0), (0.0, 0.6), (0.5, 0.4)]
NORMS: tuple[Norm, ...] = ("lcn", "lrn", None)


def large(norm: Norm, **options: Any) -> ConvNet:
    """Images that are larger than the receptive fields of pool5, in float64."""
    return network(norm, double=True, image_size=SIDE, width=0.03, hidden=(8, 8), **options)


def units(seen: np.ndarray) -> list[Unit]:
    """In each image the strongest map at its place."""
    P, Q = seen.shape[2:]
    at = [(round(p * (P - 1)), round(q * (Q - 1))) for p, q in PLACES]
    return [Unit(int(seen[n, :, p, q].argmax()), p, q) for n, (p, q) in enumerate(at)]


def both(model: ConvNet, layer: str, table: Rules) -> tuple[list[Projection], list[Projection]]:
    """The units' projections from their fields alone, and from whole images."""
    images = pictures(len(PLACES), SIDE, np.float64)
    chosen = units(recorded(model, images)[layer])
    each = Deconvnet(model, table).project_each(images, layer, chosen)
    whole = [
        Deconvnet(model, table).project(image[None], layer, units=[unit])[0]
        for image, unit in zip(images, chosen, strict=True)
    ]
    return each, whole


def amplified(model: ConvNet) -> float:
    """How much more than the definition's sums any of the convolutions may round."""
    convolutions = [g for g in model.geometries().values() if isinstance(g, ConvGeometry)]
    return max(kernels.pick("conv2d", "cpu", g).amplification(g) for g in convolutions)


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv3", "conv5"])
@pytest.mark.parametrize("norm", NORMS)
def test_a_field_alone_projects_as_the_whole_image(norm: Norm, layer: str) -> None:
    model = large(norm)
    each, whole = both(model, layer, rules.deconvnet)
    seen = recorded(model, pictures(len(PLACES), SIDE, np.float64))
    signal = one_unit(seen[layer], [p.unit for p in whole])
    bound = 4 * amplified(model) * ByHand(model, seen).bound(layer, signal)
    expected = np.stack([p.pixels for p in whole])
    assert expected.reshape(len(PLACES), -1).any(axis=1).all()
    assert within(np.stack([p.pixels for p in each]), expected, bound)


@pytest.mark.parametrize("table", [rules.deconvnet, rules.guided, rules.gradient])
@pytest.mark.parametrize("layer", ["relu1", "pool1", "norm2", "pool5"])
@pytest.mark.parametrize(
    "options",
    [{}, {"norm_before_pool": True}, {"pool_ceil": True}, {"strides": (3, 1), "paddings": (2, 3)}],
    ids=["as in the paper", "normalised before pooling", "ceil_mode", "strides and paddings"],
)
def test_every_layer_order_and_table_is_served(
    options: dict[str, Any], layer: str, table: Rules
) -> None:
    each, whole = both(large("lrn", **options), layer, table)
    for one, other in zip(each, whole, strict=True):
        scale = np.abs(other.pixels).max()
        assert not np.abs(one.pixels - other.pixels).max() > 1e-9 * scale  # of 1e-16 in float64
        assert (one.unit, one.box) == (other.unit, other.box)


def test_only_fields_smaller_than_the_image_are_computed_alone() -> None:
    model, small = large(None), network(None)
    assert receptive_fields.smaller_than_image(model, "conv5")
    assert not receptive_fields.smaller_than_image(model, "fc6")
    assert not receptive_fields.smaller_than_image(
        small, "conv5"
    )  # its field has 139 pixels, the image 64


def test_the_gradient_through_contrast_normalisation_covers_the_whole_image() -> None:
    each, whole = both(large("lcn"), "conv2", rules.gradient)
    for one, other in zip(each, whole, strict=True):
        assert one.kept.shape == (SIDE, SIDE)
        assert not np.abs(one.pixels - other.pixels).max() > 1e-9 * np.abs(other.pixels).max()


@pytest.mark.parametrize("seed", range(4))
def test_a_patch_is_cut_from_the_plane_with_another_laid_over_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plane = rng.normal(size=(1 if seed % 2 else 3, 5, 7, 9)).astype(np.float32)
    over = rng.normal(size=(3, 5, 4, 3)).astype(np.float32)
    over_at, at = rng.integers(-3, 8, (3, 2)), rng.integers(-4, 6, (3, 2))
    found = patches.cut(plane, at, (6, 5), -1.5, (over, over_at))
    for n in range(3):
        framed = np.full((5, 7 + 40, 9 + 40), -1.5, np.float32)  # 20 pixels of fill around
        framed[:, 20:27, 20:29] = plane[n % len(plane)]
        for i, j in np.ndindex(4, 3):
            h, w = over_at[n] + (i, j)
            if 0 <= h < 7 and 0 <= w < 9:
                framed[:, 20 + h, 20 + w] = over[n, :, i, j]
        top, left = at[n] + 20
        assert np.array_equal(found[n], framed[:, top : top + 6, left : left + 5])
