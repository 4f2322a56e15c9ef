"""Server of the live page: who may ask, what may be sent, and what is answered."""

from __future__ import annotations

import http.client
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import pytest
from PIL import Image

from kernels.contract.geometry import Box
from tests.zfnet.live_page import Live, live, png_that_claims
from tests.zfnet.tiny import network
from zfnet.deconvnet import Deconvnet
from zfnet.experiments.occlusion.measure import occlusion_map
from zfnet.look.frames import decoded
from zfnet.look.gallery import Gallery, found_images
from zfnet.look.guard import BODY
from zfnet.look.projecting import Units, by_table
from zfnet.look.requests import Asked
from zfnet.look.session import Opened, Session
from zfnet.report.pictures import contrast_stretch, full_contrast


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images, one of them broken, and a file that is none."""
    made = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.jpg"):
        Image.fromarray(rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)).save(made / name)
    (made / "c <b>&.png").write_bytes(b"no picture")
    (made / "secret.txt").write_text("secret")
    return made


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[Live]:
    session = Session([Opened(network(), "tiny <i>")], Gallery(found_images([folder])))
    with live(session) as running:
        yield running


def ask(
    page: Live,
    path: str,
    *,
    method: str = "GET",
    token: str | None = None,
    host: str = "",
    body: Any = None,
    **headers: str,
) -> Answer:
    """A request as it is written: http.client changes no path."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=60)
    sent = {"Host": host or f"127.0.0.1:{page.port}", **headers}
    first = page.token if token is None else token
    connection.request(method, f"/{first}/{path}", body=body, headers=sent)
    answer = connection.getresponse()
    found = Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    connection.close()
    return found


def asked(page: Live, path: str, **parameters: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    answer = ask(page, f"api/{path}?{urlencode(parameters)}")
    assert answer.status == 200, answer.body
    return decoded(answer.body)


def test_the_page_and_its_modules_are_served_with_a_strict_policy(page: Live) -> None:
    for path in ("", "main.js", "style.css", "views/maps.js"):
        answer = ask(page, path)
        assert answer.status == 200 and len(answer.body) > 100
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("token", ["", "api", "x" * 22, "%00", "é"])
def test_a_request_without_the_token_is_refused(page: Live, token: str) -> None:
    for path in ("", "api/about", "main.js"):
        answer = ask(page, path, token=quote(token, safe="%"))
        assert answer.status in (400, 403) and page.token.encode() not in answer.body


def test_other_hosts_are_refused(page: Live) -> None:
    for host in (
        "example.com",
        f"example.com:{page.port}",
        "127.0.0.1",
        f"127.0.0.1:{page.port}.x.org",
    ):
        assert ask(page, "api/about", host=host).status == 421
    assert ask(page, "api/about", host=f"localhost:{page.port}").status == 200


def test_other_origins_are_refused(page: Live) -> None:
    for origin in (
        "http://example.com",
        "null",
        f"https://127.0.0.1:{page.port}",
        "http://127.0.0.1",
    ):
        assert ask(page, "api/about", Origin=origin).status == 403
        assert ask(page, "api/upload", method="POST", body=b"x", Origin=origin).status == 403
    assert ask(page, "api/about", Origin=f"http://127.0.0.1:{page.port}").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "../setup.py", "views/../main.js", "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc/passwd",
        "%252e%252e/setup.py", "./main.js", "..\\setup.py", "views/%2e%2e%5cmain.js", "main.js%00",
    ],
)  # fmt: skip
def test_paths_with_dots_are_refused(page: Live, path: str) -> None:
    assert ask(page, path).status == 400


@pytest.mark.parametrize("path", ["secret.txt", "/etc/passwd", "api/../main.js", "views", "x/y.js"])
def test_nothing_but_the_page_and_its_routes_is_served(page: Live, path: str) -> None:
    assert ask(page, path).status in (400, 404)


@pytest.mark.parametrize(
    "image", ["../../etc/passwd", "f99", "f-1", "f1e1", "/etc/passwd", "f²", "u"]
)
def test_images_are_named_by_ids_alone(page: Live, image: str) -> None:
    answer = ask(page, f"api/image?image={quote(image)}")
    assert answer.status == 400 and answer.body.startswith(b"no image")


def test_a_gigabyte_is_refused_before_it_is_sent(page: Live) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=60)
    connection.putrequest("POST", f"/{page.token}/api/upload?name=x.png")
    connection.putheader("Content-Length", str(1 << 30))
    connection.endheaders()
    answer = connection.getresponse()  # (without a byte of it)
    assert answer.status == 413 and b"MiB" in answer.read()


def test_a_gigabyte_in_chunks_is_refused_once_too_much_came(page: Live) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=60)
    connection.putrequest("POST", f"/{page.token}/api/upload?name=x.png")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    chunk, sent = b"100000\r\n" + b"\0" * (1 << 20) + b"\r\n", 0
    try:
        while sent < 1 << 30:
            connection.send(chunk)
            sent += 1 << 20
    except OSError:  # the server has closed the connection
        pass
    assert sent < 4 * BODY
    assert ask(page, "api/about").status == 200


@pytest.mark.parametrize("size", [(30_000, 30_000), (100_000, 20), (2**31 - 1, 2**31 - 1)])
def test_an_image_that_lies_about_its_size_is_refused(page: Live, size: tuple[int, int]) -> None:
    body = png_that_claims(*size)
    answer = ask(page, "api/upload?name=liar.png", method="POST", body=body)
    assert answer.status == 400 and b"liar.png" in answer.body and b"\n" not in answer.body


def test_an_upload_is_an_image_like_others(page: Live) -> None:
    buffer = io.BytesIO()
    pixels = np.full((50, 70, 3), (200, 30, 10), np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    answer = ask(page, "api/upload?name=../red.png", method="POST", body=buffer.getvalue())
    header, _ = decoded(answer.body)
    assert header["name"] == "red.png"
    _, arrays = asked(page, "image", image=header["image"])
    assert (arrays["pixels"] == pixels[0, 0]).all() and arrays["pixels"].shape == (32, 32, 3)


def test_a_broken_image_of_the_folder_is_one_sentence(page: Live) -> None:
    listed, _ = asked(page, "images")
    names = {each["id"]: each["name"] for each in listed["images"]}
    assert names["f2"] == "c <b>&.png" and len([i for i in names if i[0] == "f"]) == 3
    answer = ask(page, "api/image?image=f2")
    assert answer.status == 400 and b"Traceback" not in answer.body and b"c <b>&.png" in answer.body
    assert answer.headers["content-type"].startswith("text/plain")
    assert asked(page, "image", image="f1")[0]["image"] == "f1"


@pytest.mark.parametrize(
    "query",
    [
        "maps?layer=nothing", "maps", "maps?layer=conv1&first=-1", "map?layer=conv1&map=9999",
        "field?layer=conv1&map=0&p=999&q=0", "project?layer=conv1&map=x",
        "project?layer=conv1&p=1&map=1&q=99",
        "project?layer=conv1&rules=magic", "project?layer=conv1&region=1,2,3", "image?network=4",
        "image?variant=none:1", "under?layer=conv1&map=0&top=999", "under?layer=conv1&map=0&size=0",
        "occlusion?layer=conv1&map=0&label=77", "project?layer=conv1&map=" + "9" * 5000,
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_one_sentence(page: Live, query: str) -> None:
    answer = ask(page, f"api/{query}&image=f0" if "?" in query else f"api/{query}?image=f0")
    assert answer.status == 400 and b"Traceback" not in answer.body and 5 < len(answer.body) < 2000


def test_projections_are_those_of_the_deconvnet(page: Live) -> None:

    session = page.session
    header, arrays = asked(page, "project", image="f0", layer="conv3", map=4, rules="deconvnet")
    opened = session.networks[0]
    x = opened.network.preprocess
    picture = session.gallery.picture("f0").pixels
    image = x.centre(x.prepare(picture)).transpose(2, 0, 1)[None]  # (S,S,3) -> (1,3,S,S)
    found = Deconvnet(opened.model).project(image, "conv3", map=4)[0]
    assert header["region"] == [found.unit.p, found.unit.p + 1, found.unit.q, found.unit.q + 1]
    assert header["value"] == pytest.approx(found.value, rel=1e-5)
    top, bottom, left, right = header["field"]
    assert [top, bottom, left, right] == [
        found.box.top, found.box.bottom, found.box.left, found.box.right,
    ]  # fmt: skip
    expected = contrast_stretch(found.crop(), scale=full_contrast([found.crop()]))
    got = arrays["deconvnet"][top:bottom, left:right].astype(int)
    assert abs(got - expected).max() <= 1
    outside = arrays["deconvnet"].copy()
    outside[top:bottom, left:right] = 128
    assert (outside == 128).all()


def test_several_maps_are_projected_as_the_sum_of_their_units(page: Live) -> None:

    run = page.session.forward(Asked({"image": "f0"}))
    parts = [Box(1, 2, 1, 2), Box(1, 2, 2, 3)]
    each = [
        by_table(run, Units("conv2", (map,), box), "gradient") for map in (0, 5) for box in parts
    ]
    both = by_table(run, Units("conv2", (0, 5), Box(1, 2, 1, 3)), "gradient")
    scale = sum(abs(one) for one in each).max()
    assert scale > 0 and abs(both - sum(each)).max() <= 1e-5 * scale


def test_the_occlusion_map_fills_from_the_square_and_is_that_of_the_experiment(page: Live) -> None:

    settings = {"image": "f0", "layer": "conv3", "map": 2, "label": 1, "size": 8, "stride": 6}
    header, arrays = asked(page, "occlusion", **settings, top=20, left=20, count=1)
    done = np.argwhere(np.isfinite(arrays["activation"]))
    starts = np.array(header["starts"])
    distances = ((starts[:, None] - 20) ** 2 + (starts[None] - 20) ** 2).astype(float)
    assert len(done) == 1 and distances[tuple(done[0])] == distances.min()
    while header["left"]:
        header, arrays = asked(page, "occlusion", **settings, top=0, left=0, count=16)
    run = page.session.forward(Asked({"image": "f0"}))
    whole = occlusion_map(run.network, run.image, 1, square=8, stride=6)
    np.testing.assert_allclose(arrays["probability"], whole.probability, rtol=1e-4)


def test_a_folder_serves_no_links_that_lead_out_of_it(folder: Path, tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "x.png").symlink_to(folder / "a.png")
    with pytest.raises(ValueError, match="no images in"):
        found_images([inside])
