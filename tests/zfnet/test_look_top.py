"""Top nine of the live page: against a search by hand, resumed, damaged, as static pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minidl import no_grad
from tests.zfnet.tiny import network
from zfnet.look.gallery import Gallery, found_images
from zfnet.look.session import prepared
from zfnet.look.top import TopNine
from zfnet.look.top_pages import folder, pages, tile

NAME = "<img src=x onerror=alert(1)> & 'b'.png"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(4)
    for n in range(11):
        noise = rng.integers(0, 255, (34, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(made / (NAME if n == 0 else f"{n:02}.png"))
    (made / "05.png").write_bytes(b"no picture")
    return made


def top_nine(images: Path, keep: Path | None = None) -> TopNine:
    return TopNine(network(), Gallery(found_images([images])), keep)


def test_it_is_what_a_search_over_all_images_finds(images: Path) -> None:
    top = top_nine(images)
    assert sum(1 for _ in top.steps()) == 11
    net, planes = top.network, {}
    for number, identity in enumerate(top.ids):
        if "05.png" in top.gallery.name(identity):
            continue
        x = prepared(net, top.gallery.pixels(identity))[None]  # (3,S,S) -> (1,3,S,S)
        with no_grad():
            planes[number] = net.model.activations(net.model.input_tensor(x))["conv3"].numpy()[0]
    for map in range(planes[0].shape[0]):
        best = sorted(((float(p[map].max()), n) for n, p in planes.items()), reverse=True)[:9]
        places = top.of("conv3", map)
        assert [(each.value, each.image) for each in places] == best
        for each in places:
            assert planes[each.image][map, each.p, each.q] == each.value
    assert len(top.broken) == 1 and "05.png" in top.broken[0]


def test_it_goes_on_where_it_was_ended(images: Path, tmp_path: Path) -> None:
    whole = top_nine(images)
    list(whole.steps())
    first = top_nine(images, tmp_path)
    steps = first.steps()
    for _ in range(6):
        next(steps)
    steps.close()
    second = top_nine(images, tmp_path)
    assert second.done == first.done == 6
    assert sum(1 for _ in second.steps()) == 5
    for layer in whole.layers:
        for table, expected in (
            (second.values, whole.values),
            (second.images, whole.images),
            (second.places, whole.places),
        ):
            np.testing.assert_array_equal(table[layer], expected[layer])
    assert second.broken == whole.broken
    assert list(top_nine(images, tmp_path).steps()) == []


def test_other_images_or_weights_are_another_state(images: Path, tmp_path: Path) -> None:
    top = top_nine(images, tmp_path)
    other = TopNine(network(1), top.gallery, tmp_path)
    fewer = TopNine(top.network, Gallery(found_images([images])[:5]), tmp_path)
    assert len({top.folder, other.folder, fewer.folder}) == 3


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_state_is_begun_anew(images: Path, tmp_path: Path, damage: str) -> None:
    top = top_nine(images, tmp_path)
    list(top.steps())
    assert top.folder is not None
    file = top.folder / "top.safetensors"
    content = bytearray(file.read_bytes())
    content[-20] ^= 255
    file.write_bytes({"cut": content[:-9], "flipped": content, "empty": b""}[damage])
    assert top_nine(images, tmp_path).done == 0


def test_pages_need_no_server_and_names_are_text(images: Path, tmp_path: Path) -> None:
    top = top_nine(images, tmp_path)
    list(top.steps())
    out = folder(top, "conv1")
    count = sum(1 for _ in pages(top, "conv1", out))
    assert count == len(list(out.glob("map-*.html"))) == top.network.model.unit_planes("conv1")[0]
    text = "".join(file.read_text(encoding="utf-8") for file in out.glob("*.html"))
    assert "<img src=x" not in text and "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "http" not in text and "<script" not in text
    index = (out / "index.html").read_text(encoding="utf-8")
    strongest = int(top.values["conv1"][:, 0].argmax())
    assert index.index(f"map-{strongest}.html") == min(
        index.index(f"map-{n}.html") for n in range(count)
    )
    before = {file: file.stat().st_mtime_ns for file in out.glob("map-*.html")}
    list(pages(top, "conv1", out))
    assert before == {file: file.stat().st_mtime_ns for file in out.glob("map-*.html")}


def test_a_tile_has_the_patch_of_the_receptive_field(images: Path) -> None:
    top = top_nine(images)
    list(top.steps())
    place = top.of("conv2", 1)[0]
    found = tile(top, "conv2", 1, place)
    x = prepared(top.network, top.gallery.pixels(top.ids[place.image]))
    box, pixels = found.field, top.network.preprocess.to_pixels(x)
    np.testing.assert_array_equal(found.patch, pixels[box.top : box.bottom, box.left : box.right])
    assert found.projection.shape == found.patch.shape
