"""Networks with branches: receptive fields, projections, occlusion, files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from minidl import Tensor, nn, no_grad, rules
from minidl import functional as F
from minidl.nn.describe import build, describe
from minidl.nn.folding import fold
from minidl.rules import Rules
from tests.shared.branches import SIDE, branching
from zfnet import network as networks
from zfnet.data import Preprocess
from zfnet.deconvnet import Deconvnet, Unit
from zfnet.experiments.correspondence.regions import Part, in_crop
from zfnet.experiments.features.measure import strongest_activations
from zfnet.imported import Imported
from zfnet.incremental import Change, IncrementalForward
from zfnet.layer_table import rows
from zfnet.network import Network, require_conv_net
from zfnet.projection_rules import notes

PLANAR = ["stem/conv", "norm", "b/relu", "c/leaky", "d/mean", "join", "affine", "sum", "sum/relu"]
# In float64: some thousand roundings of 1e-16, Winograd's among them.
NEAR = 1e-9


def images(count: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-120, 120, (count, 3, SIDE, SIDE))


def near(found: np.ndarray, true: np.ndarray) -> bool:
    return found.shape == true.shape and bool(
        np.abs(found - true).max() <= NEAR * np.abs(true).max()
    )


def test_a_softmax_at_the_end_is_left_out() -> None:
    model, plain = branching(), branching(softmax=False)
    assert model.scores == "scores" and model.num_classes == 5
    with no_grad():
        x = Tensor(images(2))
        assert near(model(x).data, plain(x).data)


@pytest.mark.parametrize("layer", PLANAR)
def test_a_unit_depends_on_the_pixels_of_its_field_and_no_others(layer: str) -> None:
    model, (x,) = branching(), images(1)
    with no_grad():
        before = model.activations(Tensor(x[None]), until=layer)[layer].data
    P, Q = before.shape[2:]
    p, q = P // 2, Q // 3
    box = model.receptive_field(layer, p, q).clip(SIDE, SIDE)
    outside = np.array(x)
    outside += np.random.default_rng(2).uniform(5, 50, x.shape)
    outside[:, box.top : box.bottom, box.left : box.right] = (
        x[:, box.top : box.bottom, box.left : box.right]
    )  # fmt: skip
    with no_grad():
        after = model.activations(Tensor(outside[None]), until=layer)[layer].data
    assert near(after[:, :, p, q], before[:, :, p, q])
    for row, column in ((box.top, box.left), (box.bottom - 1, box.right - 1)):
        moved = np.array(x)
        moved[:, row, column] += 1e4
        with no_grad():
            changed = model.activations(Tensor(moved[None]), until=layer)[layer].data
        assert not near(changed[:, :, p, q], before[:, :, p, q]), (
            "the field is no larger than it says"
        )


@pytest.mark.parametrize("table", [rules.deconvnet, rules.guided, rules.gradient])
@pytest.mark.parametrize("layer", PLANAR)
def test_a_field_alone_projects_as_the_whole_image(layer: str, table: Rules) -> None:
    model, x = branching(), images(4)
    P, Q = model.planes()[layer]
    units = [
        Unit(n, p, q) for n, (p, q) in enumerate([(0, 0), (P - 1, Q - 1), (P // 2, 1), (1, 2)])
    ]
    each = Deconvnet(model, table).project_each(x, layer, units)
    whole = [
        Deconvnet(model, table).project(image[None], layer, units=[unit])[0]
        for image, unit in zip(x, units, strict=True)
    ]
    for found, true in zip(each, whole, strict=True):
        assert near(found.pixels, true.pixels)
        assert found.box == true.box and found.value == pytest.approx(true.value, rel=NEAR)


def test_a_changed_square_gives_the_outputs_of_whole_images() -> None:
    model, (x,) = branching(), images(1)
    at = np.array([(0, 0), (48, 48), (0, 21), (17, 30)])
    squares = np.random.default_rng(3).uniform(-90, 90, (len(at), 3, 16, 16))
    changed = np.repeat(x[None], len(at), axis=0)
    for image, square, (top, left) in zip(changed, squares, at, strict=True):
        image[:, top : top + 16, left : left + 16] = square
    with no_grad():
        true = model.activations(Tensor(changed))
    planes, scores = IncrementalForward(model, x).map_and_scores(Change(squares, at), "sum/relu", 2)
    assert near(planes, true["sum/relu"].data[:, 2])
    assert near(scores, true["scores"].data)
    assert near(IncrementalForward(model, x).scores(Change(squares, at)), true["scores"].data)


@pytest.mark.usefixtures("exact_kernels")  # 3 images or 7 may be given other kernels
def test_the_strongest_activations_of_branches_are_found_in_one_pass() -> None:
    network = imported()
    data = Pictures(7)
    found = strongest_activations(network, data, ["b/3x3", "join"], k=3, batch_size=3)
    x = np.stack([data.input(network, i) for i in range(7)])
    with no_grad():
        true = network.model.activations(Tensor(x))["join"].data
    best = -np.sort(-true.reshape(7, 18, -1).max(axis=2), axis=0)[:3].T  # (N,K,PQ) -> (K,3)
    assert np.allclose(found["join"].values, best, rtol=1e-5)
    assert (found["b/3x3"].values >= 0).all(), "a convolution's activations are rectified"


def test_the_layers_that_are_shown_are_those_that_all_paths_lead_through() -> None:
    model = branching()
    assert model.shown_layers == ["stem/conv", "join", "sum"]
    assert (model.last_spatial_layer, model.top_features) == ("sum/relu", "mean")
    assert model.first_features == "stem/relu"


def test_a_network_from_elsewhere_is_kept_whole(tmp_path: Path) -> None:
    network = imported()
    network.save(tmp_path)
    again = networks.load(tmp_path)
    x = images(2).astype(np.float32)
    assert np.array_equal(again.probabilities(x), network.probabilities(x))
    assert again.classes == network.classes and again.preprocess.fit == "warp"


def test_a_part_is_found_where_the_warped_image_has_it() -> None:
    preprocess = Preprocess.with_one_mean(SIDE, SIDE, (0, 0, 0), "warp")
    image = np.zeros((100, 300, 3), np.uint8)
    image[40:60, 240:270] = 255
    place = in_crop(preprocess, image.shape, Part(49.5, 254.5, 20))
    shown = preprocess.prepare(image)[:, :, 0] > 127
    rows, columns = (np.flatnonzero(shown.any(axis=axis)) for axis in (1, 0))
    assert abs(place.row - rows.mean()) < 1 and abs(place.column - columns.mean()) < 1
    assert place.size is not None and place.size >= len(rows) - 1


def test_folding_changes_no_value_and_no_projection() -> None:
    graph = nn.Graph(
        {
            "conv": dict(branching().children())["stem/conv"],
            "bn": affine(6),
            "scale": affine(6),
            "relu": nn.ReLU(),
        },
        {"conv": [nn.INPUT], "bn": ["conv"], "scale": ["bn"], "relu": ["scale"]},
    )
    folded, x = fold(graph), Tensor(images(2), requires_grad=True)
    assert [name for name, _ in folded.children()] == ["conv", "relu"]
    assert near(folded(x).data, graph(x).data)
    gy = np.random.default_rng(8).standard_normal(graph(x).shape)
    ways = [g(x).backward(gy, rules=rules.deconvnet, inputs=[x])[0].data for g in (folded, graph)]
    assert near(*ways)


def test_a_scale_that_others_read_before_it_is_not_folded() -> None:
    model = branching()
    assert "affine" in dict(fold(model).children()), "the sum reads what is before the scale too"


def test_every_kind_is_described_and_built_again() -> None:
    model = branching(np.float32)
    again = build(json.loads(json.dumps(describe(model))), model.state_dict())
    x = Tensor(images(2).astype(np.float32))
    with no_grad():
        assert np.array_equal(again(x).data, model(x).data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "Popen"}, "no kind 'Popen'"),
        ({"settings": {"stride": 1, "shell": 1}}, "no settings shell"),
        ({"inputs": ["nowhere"]}, "nowhere"),
    ],
)
def test_unknown_layers_are_not_built(change: dict, message: str) -> None:
    model = branching()
    described = describe(model)
    entry = next(e for e in described["layers"] if e["name"] == "mix")
    entry.update(change)
    with pytest.raises(ValueError, match=message):
        build(described, model.state_dict())


def test_arrays_that_belong_to_no_layer_are_refused() -> None:
    model = branching()
    with pytest.raises(ValueError, match=r"arrays of no layer: other\.weight"):
        build(describe(model), {**model.state_dict(), "other.weight": np.zeros(2)})


def test_the_table_of_layers_counts_parameters_and_operations() -> None:
    model = branching()
    found = {row.name: row for row in rows(model)}
    assert found["mix"].parameters == 18 * 18 * 9 + 18
    P, Q = model.planes()["mix"]
    assert found["mix"].macs == 18 * 18 * 9 * P * Q
    assert (found["stem/conv"].sees, found["stem/conv"].step) == ((5, 5), (2, 2))
    assert found["scores"].sees is None and found["sum"].inputs == ("mix", "join")
    assert sum(row.parameters for row in found.values()) == model.parameter_count


def test_rules_that_the_paper_does_not_define_are_named() -> None:
    named = " ".join(notes(branching()))
    assert all(kind in named for kind in ("AvgPool2d", "LeakyReLU", "Add", "Affine", "Pixels"))
    assert "LeakyReLU" not in " ".join(notes(branching(), "norm"))


def test_commands_for_our_own_networks_refuse_imported_ones() -> None:
    with pytest.raises(ValueError, match="evolution needs a network of zfnet's own kind"):
        require_conv_net(imported(), "evolution")


def test_a_network_that_takes_no_colour_images_is_refused() -> None:
    conv = nn.Conv2d.of(np.zeros((2, 1, 3, 3), np.float32))
    graph = nn.Graph({"conv": conv}, {"conv": [nn.INPUT]})
    with pytest.raises(ValueError, match=r"does not take images \(N, 3, 8, 8\)"):
        Imported(graph, 8)


def test_colours_come_back_in_red_green_and_blue() -> None:
    x = Tensor(images(1), requires_grad=True)
    y = nn.Pixels((2, 1, 0), (1.0, 2.0, 3.0))(x)
    assert np.array_equal(y.data[:, 0], x.data[:, 2]) and np.array_equal(
        y.data[:, 2], 3 * x.data[:, 0]
    )
    (gx,) = y.backward(np.ones(y.shape), rules=rules.deconvnet, inputs=[x])
    assert [float(gx.data[0, c].mean()) for c in range(3)] == [3.0, 2.0, 1.0]


class Pictures:
    """As much of a data set as a search asks for."""

    name, classes = "pictures", ("a",)

    def __init__(self, count: int) -> None:
        self.pixels = np.random.default_rng(6).integers(0, 256, (count, 70, 66, 3), np.uint8)

    def __len__(self) -> int:
        return len(self.pixels)

    def image(self, index: int) -> np.ndarray:
        return self.pixels[index]

    def label(self, index: int) -> int:
        return 0

    def title(self, index: int) -> str:
        return str(index)

    def input(self, network: Network, index: int) -> np.ndarray:
        prepared = network.preprocess.prepare(self.image(index))
        return network.preprocess.centre(prepared).transpose(2, 0, 1)  # (S,S,3) -> (3,S,S)


def affine(channels: int) -> nn.Affine:
    rng = np.random.default_rng(7)
    return nn.Affine(rng.uniform(0.5, 2, channels), rng.standard_normal(channels))


def imported() -> Network:
    preprocess = Preprocess.with_one_mean(SIDE, SIDE + 8, (120, 110, 100), "warp")
    return Network(branching(np.float32), preprocess, tuple("abcde"))


def test_scores_are_made_probabilities() -> None:
    network = imported()
    x = images(2).astype(np.float32)
    with no_grad():
        assert np.array_equal(network.probabilities(x), F.softmax(network.model(Tensor(x))).data)
