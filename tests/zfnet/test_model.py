"""The networks have the paper's sizes at every layer (Zeiler, Fergus 2013, Fig 3)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from kernels import ConvGeometry
from kernels.contract.geometry import Box
from minidl import Tensor, nn, no_grad
from zfnet.model import AlexNet, ConvNet, Settings, ZFNet, as_json, build

# Rows and columns of every layer that slides a window, and its maps.
PAPER = {
    "conv1": (96, 110), "pool1": (96, 55), "conv2": (256, 26), "pool2": (256, 13),
    "conv3": (384, 13), "conv4": (384, 13), "conv5": (256, 13), "pool5": (256, 6),
}  # fmt: skip
FIELDS = {
    "conv1": 7, "pool1": 11, "conv2": 27, "pool2": 43,
    "conv3": 75, "conv4": 107, "conv5": 139, "pool5": 171,
}  # fmt: skip


@pytest.fixture(scope="module")
def paper() -> ZFNet:
    """The network of the paper, all 62 million parameters."""
    return ZFNet()


def sizes(model: ConvNet) -> dict[str, tuple[int, int]]:
    """Maps and side of every layer that slides a window; its planes are square."""
    shapes = {name: g.y_shape for name, g in model.geometries().items()}
    assert all(P == Q for _, _, P, Q in shapes.values())
    return {name: (K, P) for name, (_, K, P, _) in shapes.items()}


def thin(**options: Any) -> ZFNet:
    """The paper's planes with few maps."""
    return ZFNet(10, width=0.02, **options)


def test_zfnet_has_the_papers_sizes_at_every_layer(paper: ZFNet) -> None:
    assert sizes(paper) == PAPER


def test_zfnet_has_the_papers_number_of_parameters(paper: ZFNet) -> None:
    assert paper.parameter_count == 62_357_608


def test_an_image_takes_1_17_billion_multiply_adds(paper: ZFNet) -> None:
    windows = sum(g.macs for g in paper.geometries().values() if isinstance(g, ConvGeometry))
    linear = sum(m.weight.size for _, m in paper.children() if isinstance(m, nn.Linear))
    assert round((windows + linear) / 1e9, 2) == 1.17


def test_weights_begin_with_the_papers_deviation_and_biases_at_zero(paper: ZFNet) -> None:
    for name, parameter in paper.named_parameters():
        if name.endswith(".bias"):
            assert not parameter.data.any(), name
        else:
            # The deviation of the sample's own is 1e-2 / sqrt(2 size); six of them never happen.
            assert abs(parameter.data.std() - 1e-2) < 6 * 1e-2 / np.sqrt(2 * parameter.size), name


def test_a_forward_pass_has_the_sizes_that_the_geometries_tell() -> None:
    model = thin()
    model.eval()
    with no_grad():
        found = model.activations(Tensor(np.zeros((1, 3, 224, 224), np.float32)))
    assert {name: found[name].shape for name in PAPER} == {
        name: g.y_shape for name, g in model.geometries().items()
    }
    assert (found["fc6"].shape, found["fc7"].shape, found["fc8"].shape) == (
        (1, 82), (1, 82), (1, 10),
    )  # fmt: skip


def test_ceil_mode_without_padding_gives_the_papers_sizes_too() -> None:
    sides = {name: side for name, (_, side) in sizes(thin(pool_ceil=True)).items()}
    assert sides == {name: side for name, (_, side) in PAPER.items()}


def test_padding_and_ceil_mode_pool_through_other_windows() -> None:
    padded, ceil = (thin(pool_ceil=on).receptive_field("pool1", 0, 0) for on in (False, True))
    assert (padded.top, ceil.top) == (-3, -1)


def test_variant_b_widens_layers_three_to_five() -> None:
    assert [spec.filters for spec in Settings("zfnet", variant="b").layers()] == [
        96, 256, 512, 1024, 512,
    ]  # fmt: skip
    maps = {name: K for name, (K, _) in sizes(ZFNet(10, width=0.125, variant="b")).items()}
    assert (maps["conv3"], maps["conv4"], maps["conv5"]) == (64, 128, 64)


def test_alexnet_has_its_sizes_at_every_layer() -> None:
    model = AlexNet(10, width=0.03125)
    assert sizes(model) == {
        "conv1": (3, 55), "pool1": (3, 27), "conv2": (8, 27), "pool2": (8, 13),
        "conv3": (12, 13), "conv4": (12, 13), "conv5": (8, 13), "pool5": (8, 6),
    }  # fmt: skip
    assert model.conv1.weight.shape == (3, 3, 11, 11)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("layer", "side"), FIELDS.items())
def test_receptive_fields_have_the_papers_sizes(layer: str, side: int) -> None:
    assert thin().receptive_field(layer, 2, 2).shape == (side, side)


@pytest.mark.parametrize("layer", ["conv2", "relu2", "pool1", "norm1"])
def test_receptive_fields_of_neighbours_are_the_strides_product_apart(layer: str) -> None:
    first, second = (thin().receptive_field(layer, 3, q) for q in (4, 5))
    apart = {"conv2": 8, "relu2": 8, "pool1": 4, "norm1": 4}[layer]
    assert second == Box(first.top, first.bottom, first.left + apart, first.right + apart)


@pytest.mark.parametrize("layer", ["fc6", "flatten"])
def test_a_unit_without_a_place_depends_on_the_whole_image(layer: str) -> None:
    S = thin().image_size
    assert thin().receptive_field(layer, 0, 0) == Box(0, S, 0, S)


def test_a_layer_that_does_not_exist_has_no_receptive_field() -> None:
    with pytest.raises(ValueError, match="conv6"):
        thin().receptive_field("conv6", 0, 0)


@pytest.mark.parametrize(
    ("before", "expected"),
    [(False, ["pool1", "norm1"]), (True, ["norm1", "pool1"])],
)
def test_the_order_of_pooling_and_normalisation_is_a_parameter(
    before: bool, expected: list[str]
) -> None:
    names = [name for name, _ in thin(norm_before_pool=before).children()]
    assert [name for name in names if name in ("pool1", "norm1")] == expected


@pytest.mark.parametrize(
    ("norm", "kind"), [("lcn", nn.LocalContrastNorm), ("lrn", nn.LocalResponseNorm), (None, None)]
)
def test_the_kind_of_normalisation_is_a_parameter(norm: Any, kind: type | None) -> None:
    layers = dict(thin(norm=norm).children())
    assert type(layers.get("norm1")) is (kind or type(None))
    assert type(layers.get("norm2")) is (kind or type(None))


@pytest.mark.parametrize(
    ("size", "layer", "side"), [(3, "conv1", 3), (15, "conv2", 3), (43, "pool5", 2)]
)
def test_too_small_images_are_refused_with_the_sizes(size: int, layer: str, side: int) -> None:
    with pytest.raises(ValueError, match=rf"{size}x{size} .*{layer} would get {side}x{side}"):
        ZFNet(10, image_size=size, width=0.02)


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        ({"variant": "c"}, "'c'"),
        ({"norm": "batch"}, "'batch'"),
        ({"init": "zero"}, "'zero'"),
        ({"num_classes": 0}, "got 0"),
        ({"image_size": -1}, "got -1"),
        ({"width": 0.0}, "got 0.0"),
        ({"width": float("nan")}, "got nan"),
        ({"dropout": 1.0}, "got 1.0"),
        ({"strides": (0, 2)}, "stride: must be at least 1, got 0"),
        ({"paddings": (-200, 0)}, r"\(-200, -200, -200, -200\)"),
        ({"pool5_padding": 3}, "padding of at most 1, 1 fits"),
        ({"hidden": (64, 0)}, r"\(64, 0\)"),
    ],
)
def test_impossible_settings_are_refused_with_their_numbers(
    wrong: dict[str, Any], shown: str
) -> None:
    options: dict[str, Any] = {"num_classes": 10, "image_size": 64, "width": 0.02, **wrong}
    with pytest.raises(ValueError, match=shown):
        ZFNet(**options)


def test_an_unknown_option_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="depth"):
        thin(depth=9)


@pytest.mark.parametrize(
    "model",
    [
        ZFNet(7, 64, 0.05, "b", None, strides=(2, 1), hidden=(12, 9), init="he", without=(3, 7)),
        AlexNet(5, 80, 0.04),
    ],
    ids=["zfnet", "alexnet"],
)
def test_settings_survive_json(model: ConvNet) -> None:
    again = build(json.loads(json.dumps(as_json(model.settings))))
    assert again.settings == model.settings
    assert {n: p.shape for n, p in again.named_parameters()} == {
        n: p.shape for n, p in model.named_parameters()
    }


@pytest.mark.parametrize("settings", [{}, {"architecture": "zfnet", "layers": 9}])
def test_settings_of_something_else_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not the settings of a network"):
        build(settings)


def test_the_seed_decides_the_first_weights() -> None:
    first, again, other = (thin(seed=seed).conv1.weight.data for seed in (1, 1, 2))  # type: ignore[attr-defined]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_two_dropout_layers_draw_different_masks() -> None:
    model = ZFNet(10, image_size=64, width=0.02)
    model.set_randomness(seed=5, step=6)
    drawn = [m for _, m in model.modules() if isinstance(m, nn.Dropout)]
    assert {(m.seed, m.step) for m in drawn} == {(5, 6)}
    assert len({m.stream for m in drawn}) == 2


@pytest.mark.parametrize("without", [(3, 4), (7,), (6, 7), (3, 4, 6, 7), (6,), (4,)])
def test_layers_left_out_are_gone_and_the_others_keep_their_names(without: tuple[int, ...]) -> None:
    gone = {f"{kind}{n}" for n in without for kind in ("conv", "fc", "relu", "dropout")}
    whole, rest = ([name for name, _ in thin(without=w).children()] for w in ((), without))
    assert rest == [name for name in whole if name not in gone]


def test_a_layer_above_a_removed_one_takes_the_output_below_it() -> None:
    model = thin(without=(3, 4, 6))
    shapes = {name: p.shape for name, p in model.named_parameters()}
    # Of width 0.02: 256, 256 and 4096 become 5, 5 and 82; pool5 is 6x6.
    assert shapes["conv5.weight"] == (5, 5, 3, 3)
    assert shapes["fc7.weight"] == (82, 5 * 6 * 6) and shapes["fc8.weight"] == (10, 82)
    assert thin(without=(6, 7)).fc8.weight.shape == (10, 5 * 6 * 6)  # type: ignore[attr-defined]


def test_a_network_with_layers_left_out_computes_class_scores() -> None:
    model = ZFNet(10, image_size=64, width=0.02, without=(3, 4, 6, 7))
    assert model(Tensor(np.zeros((2, 3, 64, 64), np.float32))).shape == (2, 10)


@pytest.mark.parametrize("without", [(5,), (1, 3), (8,), (3, 3), ("3",)])
def test_only_the_layers_of_table_3_can_be_left_out(without: Any) -> None:
    with pytest.raises(ValueError, match=r"\(3, 4, 6, 7\), each once, got"):
        thin(without=without)


def test_settings_stored_before_layers_could_be_left_out_still_load() -> None:
    stored = as_json(Settings("zfnet", 7, 64, 0.05))
    del stored["without"]
    assert build(stored).settings == Settings("zfnet", 7, 64, 0.05)
