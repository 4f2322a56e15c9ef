"""Delta of hidden parts, against a count by hand (section 4.3, Table 1)."""

from __future__ import annotations

import csv
import json
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kernels.contract.geometry import Box
from minidl import Tensor, no_grad
from tests.zfnet.tiny import Pictures, network
from zfnet.cli.correspondence import correspondence_command
from zfnet.experiments.correspondence.claims import narrowing, sentences, tightness, verdict
from zfnet.experiments.correspondence.hidden_parts import hide, place_patches
from zfnet.experiments.correspondence.measure import (
    Correspondence,
    Delta,
    Setting,
    correspondence,
    draw_sets,
    sign_distances,
)
from zfnet.experiments.correspondence.page import write_correspondence
from zfnet.experiments.correspondence.regions import RANDOM, Marked, Part
from zfnet.experiments.shared.estimates import estimate
from zfnet.experiments.shared.results import Results
from zfnet.network import FILE

NET = network()
SETTING = Setting(("relu5", "relu7"), size=5, places=2, images=3, repeats=2)
DATA = Pictures(8)


def marked() -> list[Marked]:
    """Eight images with an eye and a nose, each elsewhere, in pixels of the original."""
    rng = np.random.default_rng(3)
    places = rng.uniform(8, 28, (8, 2, 2)).tolist()
    return [
        Marked(f"{i}.png", partial(DATA.image, i), {"eye": Part(*eye), "nose": Part(*nose)})
        for i, (eye, nose) in enumerate(places)
    ]


def found(seed: int = 0, **changed: Any) -> Correspondence:
    settings = {**vars(SETTING), **changed}
    return correspondence(NET, marked(), Setting(**settings), seed=seed)


def features(x: np.ndarray, layer: str) -> np.ndarray:
    with no_grad():
        return NET.model.activations(Tensor(x))[layer].data


# The numbers


def test_a_distance_counts_the_elements_that_differ_in_sign() -> None:
    eps = np.array([[2.0, -1, 0, 0.5], [1.0, 1, 0, 0.1], [-3.0, 0, 0, 0.0]])
    distances, _ = sign_distances(eps)
    # (0,1): the second; (0,2): first, second and fourth; (1,2): the same. sign(0) is 0.
    assert distances.tolist() == [1 / 4, 3 / 4, 3 / 4]


def test_chance_is_the_distance_of_the_same_signs_at_unrelated_elements() -> None:
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 0, 1], (2, 60), p=[0.2, 0.5, 0.3])
    _, (chance,) = sign_distances(signs)
    # Each element of one against each of the other: unrelated, and all of them.
    assert chance == pytest.approx(np.mean(signs[0][:, None] != signs[1][None, :]), rel=1e-12)


@pytest.mark.parametrize("layer", ["relu5", "relu7"])
def test_delta_equals_the_formula_for_the_images_shown(layer: str) -> None:
    seen = found()
    x = np.stack([s.x for s in seen.shown])
    for part in ("eye", "nose"):
        hidden = x.copy()
        for n, subject in enumerate(seen.shown):
            (b,) = subject.patches[part]
            grey = 128 - NET.preprocess.mean[:, 2:34, 2:34]
            hidden[n, :, b.top : b.bottom, b.left : b.right] = grey[
                :, b.top : b.bottom, b.left : b.right
            ]
        signs = np.sign(features(x, layer) - features(hidden, layer)).reshape(3, -1)
        by_hand = [np.mean(signs[i] != signs[j]) for i, j in combinations(range(3), 2)]
        assert seen.delta(layer, part).distances[0] == pytest.approx(by_hand, rel=1e-12)


def test_every_random_place_of_every_set_counts() -> None:
    seen = found()
    assert seen.delta("relu5", "nose").distances.shape == (2, 3)
    assert seen.delta("relu5", RANDOM).distances.shape == (2, 2 * 3)


def test_mean_and_deviation_are_those_of_all_pairs() -> None:
    distances = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    delta = Delta("relu5", "nose", distances, np.full((2, 3), 0.5))
    assert delta.mean == pytest.approx(0.35)
    assert delta.std == pytest.approx(np.sqrt(np.mean((distances - 0.35) ** 2)))
    assert delta.by_set == pytest.approx([0.2, 0.5])
    assert delta.relative_by_set == pytest.approx([0.4, 1.0])


def test_the_same_seed_gives_the_same_and_another_other_sets() -> None:
    first, again, other = found(1), found(1), found(2)
    assert [d.distances.tolist() for d in first.deltas] == [
        d.distances.tolist() for d in again.deltas
    ]
    assert [s.title for s in first.shown] != [s.title for s in other.shown]


# Where the patches lie


def test_a_hidden_pixel_is_grey_and_the_others_stay() -> None:
    x = np.zeros((3, 32, 32), np.float32)
    shown = NET.preprocess.to_pixels(hide(NET.preprocess, x, Box(3, 9, 20, 32)))
    clear = NET.preprocess.to_pixels(x)
    assert np.all(shown[3:9, 20:] == 128)
    shown[3:9, 20:] = clear[3:9, 20:]
    assert np.array_equal(shown, clear)


def test_random_places_lie_inside_and_touch_no_part() -> None:
    rng = np.random.default_rng(0)
    for image in marked():
        subject = place_patches(NET.preprocess, image, 7, 20, rng)
        parts = np.zeros((32, 32), bool)
        for name in ("eye", "nose"):
            (b,) = subject.patches[name]
            parts[b.top : b.bottom, b.left : b.right] = True
        for b in subject.patches[RANDOM]:
            assert b.shape == (7, 7) and b == b.clip(32, 32)
            assert not parts[b.top : b.bottom, b.left : b.right].any()


def test_a_part_of_its_own_size_has_a_patch_of_that_size() -> None:
    image = Marked("a", partial(DATA.image, 0), {"eye": Part(18, 18, 9)})
    subject = place_patches(NET.preprocess, image, 5, 1, np.random.default_rng(0))
    assert subject.patches["eye"] == [Box(12, 21, 12, 21)]  # 9 about (16, 16), rounded to even


def test_random_patches_are_as_large_as_the_images_parts() -> None:
    sized = {"eye": Part(10, 10, 4), "nose": Part(24, 24, 9), "mouth": Part(26, 10)}
    image = Marked("a", partial(DATA.image, 0), sized)
    subject = place_patches(NET.preprocess, image, 5, 4, np.random.default_rng(0))
    assert [box.shape for box in subject.patches[RANDOM]] == [(6, 6)] * 4  # (4 + 9 + 5) / 3


def test_parts_that_leave_no_room_for_a_random_patch_are_refused() -> None:
    image = Marked("a", partial(DATA.image, 0), {"eye": Part(18, 18, 40)})
    with pytest.raises(ValueError, match="a patch of 40 pixels has 0 places"):
        place_patches(NET.preprocess, image, 5, 1, np.random.default_rng(0))


def test_the_sides_of_random_patches_are_on_the_page_and_in_the_numbers(tmp_path: Path) -> None:
    images = [
        Marked(f"{i}.png", partial(DATA.image, i), {"eye": Part(12, 12, 4 + i)}) for i in range(4)
    ]
    seen = correspondence(NET, images, Setting(size=5, places=1, images=2, repeats=2))
    page = write_correspondence(NET, seen, Results(tmp_path, "correspondence"))
    numbers = json.loads((tmp_path / "correspondence.json").read_text())
    assert numbers["random_sides"] == {f"{i}.png": 4 + i for i in range(4)}
    assert "4 to 7 pixels" in page.read_text()


def test_sets_have_no_image_in_common() -> None:
    sets = draw_sets(23, Setting(images=5, repeats=4), np.random.default_rng(0))
    assert sets.shape == (4, 5) and len(set(sets.flat)) == 20
    assert draw_sets(23, Setting(), np.random.default_rng(0)).shape == (4, 5)
    assert draw_sets(3, Setting(), np.random.default_rng(0)).shape == (1, 3)


# What is said


def made(random: float, part: float, later_random: float = 0.1, sets: int = 5) -> Correspondence:
    """Deltas with these means and a little spread over the sets, another one at each layer."""
    wobble = np.linspace(-0.001, 0.001, sets)[:, None]

    def delta(layer: str, name: str, mean: float, sway: float) -> Delta:
        return Delta(layer, name, mean + sway * wobble, np.full((sets, 1), 0.5))

    deltas = [
        delta("relu5", "nose", part, 1),
        delta("relu5", RANDOM, random, -1),
        delta("relu7", "nose", 0.1, 1),
        delta("relu7", RANDOM, later_random, 0.5),
    ]
    return Correspondence(deltas, [], 5, sets, 8, {})


@pytest.mark.parametrize(
    ("random", "said"),
    [(0.12, "this holds"), (0.08, "this does not hold"), (0.1, "cannot be told")],
)
def test_the_sentence_follows_from_the_interval(random: float, said: str) -> None:
    assert said in sentences(made(random, 0.1))[0]


def test_the_difference_between_layers_is_judged_too() -> None:
    assert narrowing(made(0.12, 0.1)).mean == pytest.approx(0.02)
    assert "this holds" in sentences(made(0.12, 0.1))[1]
    assert "this does not hold" in sentences(made(0.12, 0.1, later_random=0.2))[1]


def test_all_parts_must_be_tighter() -> None:
    up, down, unclear = ([1.0, 1.1], [-1.0, -1.1], [-1.0, 1.0])
    assert verdict([estimate(up), estimate(up)]) == "holds"
    assert verdict([estimate(up), estimate(down)]) == "does not hold"
    assert verdict([estimate(up), estimate(unclear)]) == "cannot be told from no difference"


def test_one_set_of_images_has_no_interval_and_says_so() -> None:
    assert tightness(made(0.12, 0.1, sets=1), "relu5")["nose"].half is None
    assert "one set of images" in sentences(made(0.12, 0.1, sets=1))[0]


# What is written


def test_numbers_table_pictures_and_page_are_written(tmp_path: Path) -> None:
    seen = found()
    page = write_correspondence(NET, seen, Results(tmp_path, "correspondence", {"seed": 4}))
    numbers = json.loads((tmp_path / "correspondence.json").read_text())
    assert numbers["settings"] == {"seed": 4} and numbers["sentences"] == sentences(seen)
    rows = list(csv.DictReader((tmp_path / "deltas.csv").open()))
    assert [(r["layer"], r["part"]) for r in rows] == [(d.layer, d.part) for d in seen.deltas]
    assert [float(r["mean"]) for r in rows] == [d.mean for d in seen.deltas]
    assert {r["part"]: r["published mean"] for r in rows if r["layer"] == "relu5"} == {
        "eye": "", "nose": "0.079", RANDOM: "0.107",
    }  # fmt: skip
    with Image.open(tmp_path / "occluded.png") as sheet:
        assert sheet.size == (5 * 128 + 4 * 6, 3 * 128 + 2 * 6)  # 1 + 2 parts + 2 places
    assert "0.079 ± 0.017" in page.read_text() and (tmp_path / "deltas.png").is_file()


def test_the_command_takes_a_file_of_regions(tmp_path: Path) -> None:
    NET.save(tmp_path / FILE)
    lines = ["image,part,row,column"]
    for i in range(4):
        Image.fromarray(DATA.images[i]).save(tmp_path / f"{i}.png")
        lines += [f"{i}.png,eye,10,12", f"{i}.png,nose,20,20"]
    path = tmp_path / "regions.csv"
    path.write_text("\n".join(lines))
    out = tmp_path / "out"
    correspondence_command(tmp_path / FILE, regions=path, out=out, size=5, random=2, images=2)
    numbers = json.loads((out / "correspondence.json").read_text())
    assert numbers["settings"]["repeats"] == 2 and len(numbers["deltas"]) == 6


# What is refused


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"layers": ("relu5", "relu9")}, "no layer relu9; the layers are conv1, "),
        ({"size": 33}, "a patch of 33 pixels does not fit an image of 32x32"),
        ({"size": 0}, "a patch of 0 pixels"),
        ({"size": 20}, "a patch of 20 pixels has 0 places"),
        ({"places": 0}, "0 random places"),
        ({"images": 9}, "8 images have .* sets of 9 are wanted"),
        ({"images": 1}, "2 images are the fewest"),
        ({"repeats": 3}, "8 images do not make 3 sets of 3 .*: 1 to 2 do"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        found(**changed)


def test_fewer_than_two_images_are_refused() -> None:
    with pytest.raises(ValueError, match="1 images have"):
        correspondence(NET, marked()[:1], Setting(size=5))


def test_without_parts_the_command_says_what_to_give(tmp_path: Path) -> None:
    NET.save(tmp_path / FILE)
    with pytest.raises(ValueError, match="--data and --class"):
        correspondence_command(tmp_path / FILE, data="scenes", out=tmp_path / "out")
