"""Tests of `from zfnet import ...`: its names, and results that show themselves."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import zfnet
from minidl import Tensor, no_grad
from zfnet.notebook import ShownOcclusion, ShownProjection

PNG = b"\x89PNG"


def test_the_names_of_the_package_are_those_of_its_modules() -> None:
    from zfnet import AlexNet, Deconvnet, ZFNet, attribute, load, occlusion_map, prepare, strongest

    own = (AlexNet, Deconvnet, ZFNet, attribute, load, occlusion_map, prepare, strongest)
    assert {f.__name__ for f in own} == set(zfnet.__all__)
    with pytest.raises(AttributeError, match="no attribute 'VGG'"):
        zfnet.VGG  # noqa: B018


def test_projections_and_occlusion_maps_are_arrays_that_show_themselves() -> None:
    network = zfnet.load()
    photograph = np.random.default_rng(0).integers(0, 255, (80, 90, 3)).astype(np.uint8)
    x = zfnet.prepare(network, photograph)
    assert np.array_equal(x, zfnet.prepare(network, Image.fromarray(photograph)))
    assert x.shape == (1, 3, 64, 64)
    with no_grad():
        activation = network.model.activations(Tensor(x), until="conv3")["conv3"]
    (unit,) = zfnet.strongest(activation)
    assert zfnet.strongest(activation.numpy()) == [unit]
    assert activation.data[0, unit.map, unit.p, unit.q] == activation.data.max()
    (projection,) = zfnet.Deconvnet(network).project(Tensor(x), "conv3")
    assert isinstance(projection, ShownProjection) and projection.unit == unit
    assert projection.pixels.shape == (3, 64, 64) and projection.pixels.any()
    assert isinstance(projection.picture(), Image.Image)
    assert projection._repr_png_().startswith(PNG)
    found = zfnet.occlusion_map(network, x[0], stride=24)
    assert isinstance(found, ShownOcclusion)
    assert found.label == network.probabilities(x)[0].argmax()
    assert found.picture(100).size == (100, 100) and found._repr_png_().startswith(PNG)


def test_what_is_no_image_is_refused() -> None:
    network = zfnet.load()
    with pytest.raises(ValueError, match=r"uint8 \(H,W,3\), got float64 \(4, 4, 3\)"):
        zfnet.prepare(network, np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match=r"must be \(N,3,S,S\) or \(3,S,S\), got \(4, 4\)"):
        zfnet.occlusion_map(network, np.zeros((4, 4)))
