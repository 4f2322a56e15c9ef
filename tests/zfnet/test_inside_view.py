"""Routes of the view "inside one number": what the page gets, beside the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels import ConvGeometry, reference
from tests.zfnet import tiny
from tests.zfnet.named_networks import network as named
from zfnet.look.engine import Engine, Job
from zfnet.look.frames import Frame, decoded
from zfnet.look.gallery import Gallery
from zfnet.look.requests import Asked
from zfnet.look.session import Opened, Session
from zfnet.look.views.inside import VIEW

ROUTES = VIEW.routes


@pytest.fixture(scope="module")
def session() -> Session:
    opened = [Opened(tiny.network(), "tiny"), Opened(named(), "resnet")]
    return Session(opened, Gallery())


def asked(session: Session, route: str, **given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and arrays as the page decodes them."""
    frame = ROUTES[route](session, Asked({k: str(v) for k, v in given.items()}), job(session))
    assert isinstance(frame, Frame)
    return decoded(frame.encoded())


def job(session: Session) -> Job:
    return Job(Engine(), "", 0)


def test_the_page_gets_the_definitions_sum_of_a_convolution(session: Session) -> None:
    header, arrays = asked(session, "inside", layer="conv2", map=2, p=1, q=0)
    run = session.forward(Asked())
    x, layer = run.outputs["norm1"].numpy(), run.model.conv2  # type: ignore[attr-defined]
    g = ConvGeometry.of(x.shape, layer.weight.shape, **layer.settings)
    y = reference.conv2d(x, layer.weight.numpy(), g, bias=layer.bias.numpy())[0, 2, 1, 0]
    assert header["result"] == pytest.approx(y, rel=1e-12)
    assert header["compared"]["value"] == run.planes("conv2")[2, 1, 0]
    assert header["compared"]["within"]
    assert header["partial_sums"][-1] + header["bias"] == pytest.approx(y, rel=1e-12)
    assert arrays["products"].sum() + header["bias"] == pytest.approx(y, rel=1e-5)
    assert header["together"] == ["conv2", "relu2", "pool2"]


def test_without_a_place_the_strongest_unit_is_opened(session: Session) -> None:
    planes = session.forward(Asked()).planes("conv1")
    header, _ = asked(session, "inside", layer="conv1", map=1)
    assert header["unit"] == [1, *np.unravel_index(planes[1].argmax(), planes[1].shape)]
    header, _ = asked(session, "inside", layer="conv1")
    assert header["unit"] == list(np.unravel_index(planes.argmax(), planes.shape))


@pytest.mark.parametrize("number", [0, 1])
def test_every_layer_is_opened_or_refused_in_a_sentence(session: Session, number: int) -> None:
    model = session.networks[number].model
    kinds = set()
    for name in model.layer_names():
        header, _ = asked(session, "inside", network=number, layer=name)
        kinds.add(header["kind"])
        assert header["compared"]["within"]
    assert {"sum", "maximum" if number == 0 else "average", "pointwise"} <= kinds


@pytest.mark.parametrize("number", [0, 1])
def test_every_step_of_a_projection_is_opened(session: Session, number: int) -> None:
    model = session.networks[number].model
    for name in model.layer_names():
        header, _ = asked(session, "inside-step", network=number, layer=model.scores, through=name)
        assert (header["through"], header["compared"]["within"]) == (name, True)
        assert header["way"][-1] == model.layer_names()[0]


def test_a_layer_off_the_way_is_replaced_by_the_units_own(session: Session) -> None:
    header, _ = asked(session, "inside-step", layer="conv2", through="fc8")
    assert header["through"] == "conv2"


def test_the_winograd_tile_of_the_page_ends_in_the_units_value(session: Session) -> None:
    header, arrays = asked(session, "inside-tile", layer="conv3", map=1, p=1, q=1, channel=2)
    own, _ = asked(session, "inside", layer="conv3", map=1, p=1, q=1)
    assert header["result"] == pytest.approx(own["result"], rel=1e-9)
    assert arrays["y"][tuple(header["within"])] == pytest.approx(own["result"], rel=1e-6)
    V = arrays["BT"] @ arrays["d"] @ arrays["BT"].T
    assert arrays["V"] == pytest.approx(V, rel=1e-4, abs=1e-3)


def test_a_scattered_position_is_its_cotangent_times_the_kernel(session: Session) -> None:
    header, arrays = asked(session, "inside-scattered", layer="conv3", through="conv2")
    assert arrays["products"] == pytest.approx(header["value"] * arrays["filter"], rel=1e-5)


@pytest.mark.parametrize(
    ("route", "given", "words"),
    [
        ("inside", {"layer": "conv9"}, "no layer 'conv9'"),
        ("inside", {"layer": "conv1", "map": 999}, "not 999"),
        ("inside", {"layer": "conv1", "map": 0, "p": 99, "q": 0}, "is none of them"),
        ("inside-tile", {"layer": "pool1"}, "has no Winograd tile"),
        ("inside-tile", {"layer": "conv3", "channel": 999}, "not channel 999"),
        ("inside-step", {"layer": "conv3", "rule": "lrp"}, "no rule 'lrp'"),
        ("inside-step", {"layer": "conv3", "c": 0, "h": 99, "w": 0}, "without"),
        ("inside-step", {"layer": "conv3", "source": 4}, "none of number 4"),
        ("inside-scattered", {"layer": "conv3", "through": "pool1"}, "no convolution"),
    ],
)
def test_what_does_not_exist_is_refused_in_a_sentence(
    session: Session, route: str, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        asked(session, route, **given)
