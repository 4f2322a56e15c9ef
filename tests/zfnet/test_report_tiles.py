"""Windows that hold a projection's energy, tiles that show them, and numbers in words."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from tests.zfnet.reporting import flat
from zfnet.report.cropping import SHARE, Window, energy_window, whole_window
from zfnet.report.numbers import written
from zfnet.report.tiles import Row, tile_set

pytestmark = pytest.mark.quick


def energy(projection: np.ndarray, window: Window) -> float:
    """The share of the energy in the window."""
    top, left = max(window.top, 0), max(window.left, 0)
    inside = projection[:, top : window.top + window.side, left : window.left + window.side]
    return float((inside**2).sum() / (projection**2).sum())


@pytest.mark.parametrize("seed", range(12))
def test_a_window_holds_its_share_of_the_energy_wherever_that_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    h, w = rng.integers(20, 200, 2)
    rows, columns = np.mgrid[:h, :w]
    spread = np.hypot(rows - rng.uniform(0, h), columns - rng.uniform(0, w)) / rng.uniform(3, 40)
    projection = rng.normal(size=(3, h, w)) * np.exp(-(spread**2))
    assert energy(projection, energy_window([projection])) >= SHARE


def test_a_window_is_small_where_the_energy_is() -> None:
    projection = np.zeros((3, 200, 200))
    projection[:, 30:60, 140:170] = np.random.default_rng(0).normal(size=(3, 30, 30))
    window = energy_window([projection])
    assert (window.height, window.width) == (200, 200)
    assert 28 <= window.side <= 30 and 30 <= window.top <= 32 and 140 <= window.left <= 142


def test_rules_that_spread_differently_share_one_window() -> None:
    narrow, wide = np.zeros((3, 90, 90)), np.zeros((3, 90, 90))
    narrow[:, 40:50, 40:50], wide[:, 10:70, 20:80] = 1, 1
    window = energy_window([narrow, wide])
    assert window == energy_window([wide])


def test_a_projection_of_zeros_is_shown_whole() -> None:
    assert energy_window([np.zeros((3, 30, 40))]) == whole_window(30, 40)


def test_a_window_wider_than_its_picture_is_centred_on_it() -> None:
    assert whole_window(30, 40) == Window(-5, 0, 40, 30, 40)


def test_one_bright_pixel_keeps_pixels_about_it() -> None:
    projection = np.zeros((3, 100, 100))
    projection[:, 99, 0] = 1
    window = energy_window([projection])
    assert (window.top, window.left, window.side) == (84, 0, 16)


def styles(html: str) -> list[dict[str, float]]:
    found = re.findall(r'class="tile(?: signed)?" style="([^"]*)"', html)
    return [
        {key: float(value) for key, value in re.findall(r"--(\w+):([-\d.]+)", each)}
        for each in found
    ]


def test_a_tile_places_its_picture_by_the_window() -> None:
    html = tile_set([Row("image", [flat(50, 100, 3)])], [Window(10, 60, 20, 50, 100)], ["x"])
    assert styles(html) == [{"w": 5, "h": 2.5, "l": -3, "t": -0.5}]


def test_a_small_map_says_which_part_a_tile_shows() -> None:
    part, whole = Window(0, 0, 20, 50, 50), whole_window(50, 50)
    for window, count in ((part, 1), (whole, 0)):
        html = tile_set([Row("projection", [flat(50, 50, 3)])], [window], ["x"])
        assert html.count('class="where"') == count


def test_pictures_of_another_size_than_their_windows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(4, 5, 3\)"):
        tile_set([Row("image", [flat(4, 5, 3)])], [whole_window(5, 5)], ["x"])


def test_rows_of_different_lengths_are_refused() -> None:
    rows = [Row("a", [flat(4, 4, 3)]), Row("b", [flat(4, 4, 3)] * 2)]
    with pytest.raises(ValueError, match=r"\[1, 2\] positions"):
        tile_set(rows, [whole_window(4, 4)], ["x"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3868.4, "3,868"), (12.34, "12.3"), (0.00213, "0.00213"), (9.996, "10"), (999.9, "1,000"),
        (1234567.0, "1,234,567"), (-4.0, "−4"), (0.5, "0.5"), (0.0, "0"), (100.0, "100"),
        (2.1e-7, "2.1 × 10⁻⁷"), (4.25e8, "4.25 × 10⁸"), (-1e22, "−1 × 10²²"), (1e-5, "0.00001"),
        (math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "not a number"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_people_write_them(value: float, text: str) -> None:
    assert written(value) == text


@pytest.mark.parametrize("seed", range(5))
def test_a_written_number_is_the_number_to_three_digits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for value in rng.normal(size=50) * 10.0 ** rng.integers(-4, 7, 50):
        plain = written(value).replace(",", "").replace("−", "-").replace(" × 10", "e")
        back = float(plain.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))
        assert abs(back - value) <= 5.001e-3 * abs(value)
