"""Units of networks opened layer by layer: the engine's value is within the derived bound."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import ConvGeometry, reference
from minidl import Tensor, nn
from tests.shared.branches import branching
from tests.zfnet import tiny
from tests.zfnet.named_networks import small
from zfnet.imported import Imported
from zfnet.inspectable import InspectableGraph
from zfnet.look.inside import projected as projecting
from zfnet.look.inside import step
from zfnet.look.inside.layer import inside
from zfnet.look.inside.normalised import Standardised
from zfnet.look.inside.pointwise import OTHERS, Pointwise
from zfnet.look.inside.pooled import MaxWindow
from zfnet.look.inside.transposed import Collected, GatheredSum
from zfnet.look.inside.unit import unit_of
from zfnet.look.inside.window_sum import WindowSum

SIDE = 12


def settled() -> Imported:
    """A network of every kind of layer that is opened, its branches, groups and dilations."""
    rng = np.random.default_rng(3)
    conv = {"padding": 2, "dilation": 2, "groups": 3}
    layers: dict[str, nn.Module] = {
        "pixels": nn.Pixels((2, 1, 0), (0.5, 0.3, 1.0)),
        "a": nn.Conv2d(3, 6, 3, **conv, rng=rng),  # type: ignore[arg-type]
        "a/norm": nn.GroupNorm(2, 6),
        "a/relu": nn.ReLU(),
        "b": nn.Conv2d(3, 4, (3, 2), stride=2, padding=(1, 1, 0, 1), rng=rng),
        "b/norm": nn.InstanceNorm2d(4, affine=True),
        "pool": nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        "join": nn.Concatenate(1),
        "c": nn.Conv2d(10, 8, 3, padding=1, rng=rng),
        "c/affine": nn.Affine(*rng.standard_normal((2, 8)).astype(np.float32)),
        "d": nn.Conv2d(10, 8, 1, bias=False, rng=rng),
        "sum": nn.Add(),
        "lrn": nn.LocalResponseNorm(4, 0.5),
        "max": nn.MaxPool2d(3, 2, 1),
        "up": nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, groups=2, rng=rng),
        "down": nn.Conv2d(4, 8, 3, stride=2, padding=1, rng=rng),
        "scale": nn.Scale(rng.standard_normal((8, 1, 1)).astype(np.float32)),
        "shift": nn.Shift(rng.standard_normal((3, 3)).astype(np.float32)),
        "transposed": nn.Transpose((0, 2, 3, 1)),
        "flat": nn.Flatten(),
        "drop": nn.Dropout(),
        "fc": nn.Linear(8 * 9, 7, rng=rng),
        "fc/norm": nn.LayerNorm(7),
        "fc/relu": nn.ReLU(),
        "scores": nn.Linear(7, 5, rng=rng),
    }
    wiring = {
        "pixels": ("input",), "a": ("pixels",), "a/norm": ("a",), "a/relu": ("a/norm",),
        "b": ("input",),
        "b/norm": ("b",), "pool": ("a/relu",), "join": ("pool", "b/norm"), "c": ("join",),
        "c/affine": ("c",), "d": ("join",), "sum": ("c/affine", "d"), "lrn": ("sum",),
        "max": ("lrn",), "up": ("max",),
        "down": ("up",), "scale": ("down",), "shift": ("scale",), "transposed": ("shift",),
        "flat": ("transposed",), "drop": ("flat",), "fc": ("drop",),
        "fc/norm": ("fc",), "fc/relu": ("fc/norm",), "scores": ("fc/relu",),
    }  # fmt: skip
    for name, layer in layers.items():
        for key in ("weight", "bias"):
            parameter = getattr(layer, key, None)
            if parameter is not None and "norm" in name:
                parameter.assign(rng.standard_normal(parameter.shape).astype(np.float32))
    return Imported(nn.Graph(layers, wiring, "scores"), SIDE)


NETWORKS = {
    "ZFNet with contrast normalisation": lambda: tiny.network(norm="lcn").model,
    "ZFNet with response normalisation": lambda: tiny.network(norm="lrn").model,
    "ResNet with batch normalisation": small,
    "branches in float64": branching,
    "every kind": settled,
}


def forward(model: InspectableGraph) -> tuple[Tensor, dict[str, Tensor]]:
    model.eval()
    S = model.image_size
    pixels = np.random.default_rng(5).uniform(-120, 120, (1, 3, S, S)).astype(model.dtype)
    x = Tensor(pixels, requires_grad=True)
    return x, model.activations(x)


def units(model: InspectableGraph, name: str, count: int = 4) -> list[tuple[int, int, int]]:
    K, P, Q = model.unit_planes(name)
    rng = np.random.default_rng(len(name))
    drawn = [(int(rng.integers(K)), int(rng.integers(P)), int(rng.integers(Q)))]
    corners = [(0, 0, 0), (K - 1, P - 1, Q - 1), (K // 2, P // 2, Q // 2)]
    return [*drawn, *corners][:count]


CLOSED = {"Mean", "Softmax"}


@pytest.mark.parametrize("network", NETWORKS)
def test_the_numbers_of_every_layer_give_the_engines_value(network: str) -> None:
    model = NETWORKS[network]()
    x, outputs = forward(model)
    arrays = {nn.INPUT: x.numpy(), **projecting.arrays(outputs)}
    opened = 0
    for name, layer in model.children():
        if type(layer).__name__ in CLOSED:
            continue
        for at in units(model, name):
            found = inside(unit_of(model, arrays, name, at))
            judged = found.compared.bound is not None or type(layer).__name__ in OTHERS
            assert judged and found.compared.within is not False, (name, at, found.compared)
            planar = model.layout(name).planar(arrays[name])[0]
            assert found.compared.value == planar[at]
            opened += 1
    assert opened > 20


@pytest.mark.parametrize("rule", projecting.TABLES)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_step_back_gives_the_engines_cotangent(network: str, rule: str) -> None:
    model = NETWORKS[network]()
    x, outputs = forward(model)
    projected = projecting.project(model, x, outputs, model.scores, (1, 0, 0), rule)
    opened = set[str]()
    for name, layer in model.children():
        for number, source in enumerate(model.wiring()[name]):
            S = model.image_size
            shape = (3, S, S) if source == nn.INPUT else model.unit_planes(source)
            middle = (shape[0] // 2, shape[1] // 2, shape[2] // 2)
            for at in [middle, (shape[0] - 1, 0, shape[2] - 1)]:
                try:
                    found = step.received(projected, name, at, number)
                except ValueError as error:
                    assert "is not opened" in str(error)
                    continue
                opened.add(type(layer).__name__)
                assert found.compared.within, (name, at, found.compared)
                if len(found.readers) == 1:
                    near = abs(found.total - found.compared.value)
                    assert near <= (found.compared.bound or 0) + 1e-12 * abs(found.total)
    assert {"Conv2d", "Linear", "ReLU"} <= opened
    assert network != "every kind" or "Pixels" in opened


def test_the_products_of_a_network_are_those_of_the_definition() -> None:
    """`inside` of a small ZFNet's second convolution, beside `kernels.reference`."""
    model = tiny.network().model
    x, outputs = forward(model)
    arrays = {nn.INPUT: x.numpy(), **projecting.arrays(outputs)}
    found = inside(unit_of(model, arrays, "conv2", (2, 1, 1)))
    layer = model.conv2  # type: ignore[attr-defined]
    below = arrays["norm1"]
    g = ConvGeometry.of(below.shape, layer.weight.shape, **layer.settings)
    y = reference.conv2d(below, layer.weight.numpy(), g, bias=layer.bias.numpy())
    assert isinstance(found.parts, WindowSum)
    assert abs(found.parts.result - y[0, 2, 1, 1]) <= 1e-12 * found.parts.absolute
    assert found.compared.kernel.startswith("conv2d ")


def test_a_linear_layer_is_opened_by_the_planes_that_were_flattened() -> None:
    model = settled()
    x, outputs = forward(model)
    arrays = {nn.INPUT: x.numpy(), **projecting.arrays(outputs)}
    parts = inside(unit_of(model, arrays, "fc", (3, 0, 0))).parts
    assert parts.window.shape == (3, 3, 8)
    assert (parts.window == arrays["transposed"][0]).all()
    assert inside(unit_of(model, arrays, "scores", (0, 0, 0))).parts.window.shape == (7, 1, 1)


def test_a_concatenation_says_which_branch_a_map_comes_from() -> None:
    model = settled()
    x, outputs = forward(model)
    arrays = {nn.INPUT: x.numpy(), **projecting.arrays(outputs)}
    parts = inside(unit_of(model, arrays, "join", (7, 2, 1))).parts
    assert isinstance(parts, Pointwise)
    assert (parts.sources, parts.places) == ((1,), ((0, 1, 2, 1),))


def test_the_elements_of_a_group_normalisation_are_those_of_its_group() -> None:
    model = settled()
    x, outputs = forward(model)
    arrays = {nn.INPUT: x.numpy(), **projecting.arrays(outputs)}
    parts = inside(unit_of(model, arrays, "a/norm", (4, 2, 3))).parts
    assert isinstance(parts, Standardised)
    assert (parts.values == arrays["a"][0, 3:6]).all()
    assert parts.place == (1, 2, 3)


def test_unpooling_puts_the_value_at_the_switch_of_the_forward_pass() -> None:
    model = tiny.network().model
    x, outputs = forward(model)
    arrays = {nn.INPUT: x.numpy(), **projecting.arrays(outputs)}
    projected = projecting.project(model, x, outputs, "pool1", (0, 1, 2))
    window = inside(unit_of(model, arrays, "pool1", (0, 1, 2))).parts
    assert isinstance(window, MaxWindow)
    h, w = divmod(window.switch, window.g.W)
    found = step.received(projected, "pool1", (0, h, w))
    assert isinstance(found.parts, Collected)
    assert found.compared.value == arrays["pool1"][0, 0, 1, 2]
    assert step.received(projected, "pool1", (0, (h + 1) % window.g.H, w)).compared.value == 0


def test_what_a_pixel_of_the_image_gets_is_the_projection() -> None:
    model = tiny.network().model
    x, outputs = forward(model)
    projected = projecting.project(model, x, outputs, "conv3", (1, 1, 1))
    found = step.received(projected, "conv1", (1, 15, 16))
    assert isinstance(found.parts, GatheredSum)
    assert found.compared.value == projected.cotangents[nn.INPUT][0, 1, 15, 16]
    scattered = step.given(projected, "conv1", (0, 7, 7))
    assert scattered.value == projected.cotangents["conv1"][0, 0, 7, 7]


@pytest.mark.parametrize(
    ("name", "at", "words"),
    [("conv9", (0, 0, 0), "no layer"), ("conv1", (0, 99, 0), "is none of them")],
)
def test_a_unit_that_does_not_exist_is_refused(name: str, at: tuple, words: str) -> None:  # type: ignore[type-arg]
    model = tiny.network().model
    x, outputs = forward(model)
    with pytest.raises(ValueError, match=words):
        unit_of(model, {nn.INPUT: x.numpy(), **projecting.arrays(outputs)}, name, at)


def test_a_layer_off_the_way_has_no_step() -> None:
    model = tiny.network().model
    x, outputs = forward(model)
    projected = projecting.project(model, x, outputs, "conv3", (1, 1, 1))
    with pytest.raises(ValueError, match="is not between conv3 and the image"):
        step.received(projected, "conv4", (0, 0, 0))
