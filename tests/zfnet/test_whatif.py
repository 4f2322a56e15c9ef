"""What if: edits of a network and an image, beside networks whose weights were changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor, nn, no_grad
from tests.shared.branches import branching
from tests.zfnet import tiny
from tests.zfnet.named_networks import network as named
from zfnet.deconvnet import Deconvnet
from zfnet.experiments.invariance.transforms import Transform, transformed
from zfnet.inspectable import InspectableGraph
from zfnet.look.engine import Engine, Job
from zfnet.look.gallery import Gallery
from zfnet.look.inside.layer import inside
from zfnet.look.inside.projected import arrays, project
from zfnet.look.inside.step import received
from zfnet.look.inside.unit import unit_of
from zfnet.look.requests import Asked
from zfnet.look.session import Opened, Session, prepared
from zfnet.look.views.whatif import VIEW
from zfnet.look.whatif import (
    Edits,
    FilterChanged,
    MapScaled,
    apply,
    edited,
    image,
    rotated,
)
from zfnet.network import Network

PIXELS = tiny.Pictures(2).images[1]


def forward(model: InspectableGraph) -> dict[str, np.ndarray]:
    S = model.image_size
    x = np.random.default_rng(5).uniform(-120, 120, (1, 3, S, S)).astype(model.dtype)
    with no_grad():
        found = model.eval().activations(Tensor(x))
    return {name: y.numpy().copy() for name, y in found.items()}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(a[name].tobytes() == b[name].tobytes() for name in a)


def with_weights(change: Callable[[dict[str, np.ndarray]], None]) -> InspectableGraph:
    """The tiny network with changed arrays."""
    network = tiny.network()
    found = {name: array.copy() for name, array in network.model.state_dict().items()}
    change(found)
    network.model.load_state_dict(found)
    return network.model


MANY = Edits(
    (MapScaled("conv2", 1), MapScaled("conv2", 3, 2.0), MapScaled("relu3", 0, -0.5)),
    (FilterChanged("conv1", 2, 90.0), FilterChanged("conv3", 1, zeroed=True)),
)


def test_a_network_is_the_same_bit_for_bit_after_its_edits() -> None:
    network = tiny.network()
    weights = {name: array.tobytes() for name, array in network.model.state_dict().items()}
    before = forward(network.model)
    changed = apply(network, MANY)
    assert not same(forward(changed.model), before)
    assert same(forward(network.model), before)
    assert weights == {n: array.tobytes() for n, array in network.model.state_dict().items()}


@pytest.mark.parametrize("made", [tiny.network, named])
def test_no_edit_is_the_network_itself(made: Callable[[], Network]) -> None:
    network = made()
    assert apply(network, Edits()) is network


@pytest.mark.parametrize("factor", [0.0, 2.0, -0.5])
def test_a_scaled_map_is_that_of_scaled_weights(factor: float) -> None:
    def scale(arrays: dict[str, np.ndarray]) -> None:
        arrays["conv2.weight"][3] *= factor
        arrays["conv2.bias"][3] *= factor

    expected = forward(with_weights(scale))
    found = forward(edited(tiny.network().model, Edits((MapScaled("conv2", 3, factor),))))
    for name, y in found.items():  # (powers of two: the products round alike)
        assert np.array_equal(y, expected[name]), name
    assert not factor or found["conv2"][0, 3].any()


def test_a_factor_of_one_changes_no_bit() -> None:
    model = tiny.network().model
    edits = Edits(tuple(MapScaled(name, 0, 1.0) for name, _ in model.children()))
    assert same(forward(edited(model, edits)), forward(model))


@pytest.mark.parametrize("layer", ["join", "sum/relu", "b/relu", "scores"])
def test_a_map_behind_a_branch_is_switched_off(layer: str) -> None:
    model = branching()
    before, planes = forward(model), model.layout(layer).planar
    best = int(planes(before[layer])[0].max(axis=(1, 2)).argmax())
    after = forward(edited(model, Edits((MapScaled(layer, best),))))
    others = [k for k in range(model.unit_planes(layer)[0]) if k != best]
    assert not planes(after[layer])[:, best].any()
    assert np.array_equal(planes(after[layer])[:, others], planes(before[layer])[:, others])
    assert not np.array_equal(after[model.scores], before[model.scores])


@pytest.mark.parametrize("angle", [90.0, 180.0, 270.0, -90.0])
def test_a_rotated_filter_is_that_of_rotated_weights(angle: float) -> None:
    def turn(arrays: dict[str, np.ndarray]) -> None:
        own = arrays["conv1.weight"][2]
        arrays["conv1.weight"][2] = np.rot90(own, int(angle) // 90, axes=(1, 2))

    found = edited(tiny.network().model, Edits(filters=(FilterChanged("conv1", 2, angle),)))
    assert same(forward(found), forward(with_weights(turn)))


def test_a_zeroed_filter_leaves_its_bias() -> None:
    found = forward(
        edited(tiny.network().model, Edits(filters=(FilterChanged("conv1", 0, 0, True),)))
    )
    bias = tiny.network().model.state_dict()["conv1.bias"][0]
    assert (found["conv1"][0, 0] == bias).all()


def test_rotations_turn_counterclockwise_and_add_up() -> None:
    kernel = np.zeros((1, 5, 5), np.float32)
    kernel[0, 2, 4] = 1  # on the right
    assert rotated(kernel, 90)[0, 0, 2] == 1  # on top
    assert rotated(kernel, 45)[0, :2, 3:].sum() > 0.4
    whole = np.random.default_rng(0).standard_normal((2, 3, 5)).astype(np.float32)
    assert np.array_equal(rotated(rotated(whole, 180), 180), whole)
    assert rotated(whole, 90).shape == whole.shape


def test_a_projection_follows_the_edits() -> None:
    def off(arrays: dict[str, np.ndarray]) -> None:
        arrays["conv2.weight"][1], arrays["conv2.bias"][1] = 0, 0

    x = prepared(tiny.network(), PIXELS)[None]
    found, expected = (
        Deconvnet(model).project(x, "conv4", map=2)[0]
        for model in (
            edited(tiny.network().model, Edits((MapScaled("conv2", 1),))),
            with_weights(off),
        )
    )
    assert found.unit == expected.unit
    assert np.array_equal(found.pixels, expected.pixels)


def test_an_image_without_a_move_is_as_the_network_takes_it() -> None:
    network = tiny.network()
    assert np.array_equal(image(network, PIXELS, Edits())[0], prepared(network, PIXELS))


def test_an_image_is_shifted_by_whole_pixels_to_the_right_and_down() -> None:
    network = tiny.network()
    plain = transformed(network.preprocess, PIXELS, [Transform()])[0]
    mean = network.preprocess.mean
    mean = mean if mean.ndim < 3 else mean[:, 2:34, 2:34]
    moved = image(network, PIXELS, Edits(image=Transform(1, right=2)))[0]
    before, after = (a + mean for a in (plain, moved))
    assert np.abs(after[:, 1:, 2:] - before[:, :-1, :-2]).max() <= 1  # (rounded to bytes)


names = st.text(min_size=1, max_size=12)
numbers, pixels = st.integers(0, 4000), st.integers(-60, 60)
angles = st.floats(-360, 360)


@given(
    st.lists(st.builds(MapScaled, names, numbers, st.floats(-1000, 1000)), max_size=3),
    st.lists(st.builds(FilterChanged, names, numbers, angles, st.booleans()), max_size=3),
    st.builds(Transform, pixels, st.floats(0.5, 2), angles, pixels),
)
def test_edits_are_read_from_their_text(maps: Any, filters: Any, moved: Transform) -> None:
    edits = Edits(tuple(maps), tuple(filters), moved)
    assert Edits.of_text(edits.text()) == edits


@pytest.mark.parametrize(
    "text",
    ["[", "[1]", '{"maps":[["conv1"]]}', '{"maps":[["conv1",-1,0]]}',
     '{"maps":[["conv1",0,1e400]]}', '{"image":{"scale":0}}', '{"image":{"size":3}}',
     '{"filters":[["conv1",true,0,false]]}',
     "[" * 100_000],
)  # fmt: skip
def test_a_text_of_another_form_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="these are no edits"):
        Edits.of_text(text)


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        (Edits((MapScaled("conv9", 0),)), "no layer 'conv9'"),
        (Edits((MapScaled("conv1", 77),)), "the maps 0 to"),
        (Edits(filters=(FilterChanged("pool1", 0),)), "only convolutions"),
        (Edits(filters=(FilterChanged("conv1", 77),)), "the filters 0 to"),
    ],
)
def test_an_edit_of_what_does_not_exist_is_refused(edits: Edits, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        edited(tiny.network().model, edits)


def test_the_inside_of_a_changed_network_is_within_its_bounds() -> None:
    model = edited(tiny.network().model, MANY).eval()
    x = Tensor(prepared(tiny.network(), PIXELS)[None], requires_grad=True)
    outputs = model.activations(x)
    found = {nn.INPUT: x.numpy(), **arrays(outputs)}
    for name, at in (
        ("conv2", (3, 1, 1)),
        ("conv2", (1, 1, 1)),
        ("conv2", (0, 1, 1)),
        ("relu3", (0, 1, 1)),
    ):
        assert inside(unit_of(model, found, name, at)).compared.within
    projected = project(model, x, outputs, "fc8", (1, 0, 0))
    for name in ("conv2", "relu3", "conv3", "conv1"):
        assert received(projected, name, (1, 1, 1)).compared.within


def test_the_page_follows_a_variant() -> None:
    session = Session([Opened(tiny.network(), "tiny")], Gallery())
    VIEW.start(session)
    edits = Edits((MapScaled("conv2", 1),), image=Transform(2))
    given = {"layer": "conv2", "map": "1", "variant": f"whatif:{edits.text()}"}
    frame = VIEW.routes["whatif"](session, Asked(given), Job(Engine(), "", 0))
    assert not frame.arrays["after"].any()
    assert frame.arrays["before"].any()
    assert len(frame.header["classes"]) == 3
    own = session.forward(Asked(given)).probabilities
    assert own is not None
    rows = {row["class"]: row["after"] for row in frame.header["classes"]}
    assert rows == {i: pytest.approx(float(p)) for i, p in enumerate(own)}
