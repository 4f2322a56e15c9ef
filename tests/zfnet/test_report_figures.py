"""Figures as files for papers: formats, widths, embedded fonts, the same bytes, and grey."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from tests.zfnet.reporting import map_card, noise
from zfnet.report import charts
from zfnet.report.cards_figure import cards_figure
from zfnet.report.figures import Figures, distinguish

pytestmark = pytest.mark.quick


def chart() -> Figure:
    figure, panels = charts.panels(2)
    for axes in panels:
        for n, name in enumerate(("first", "second $x$", "third")):
            axes.plot([1, 2, 3], [n, n + 1, n], color=charts.COLOURS[n], label=name, marker="o")
        axes.bar([1, 2], [1, 2], color=charts.COLOURS[:2])
        charts.style_axes(axes, "Title", "x", "y")
        charts.legend(axes)
    distinguish(figure)
    return figure


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_bytes_without_a_date(kind: str) -> None:
    files = [Figures(kind, "84mm").as_file(chart()) for _ in range(2)]  # type: ignore[arg-type]
    assert files[0] == files[1]
    assert not re.search(rb"20\d\d-\d\d-\d\d|CreationDate|tIME", files[0])


def test_a_pdf_has_its_width_and_embeds_its_fonts() -> None:
    file = Figures("pdf", "84mm").as_file(chart())
    assert file.startswith(b"%PDF")
    box = re.search(rb"/MediaBox \[ ([\d. ]+)\]", file)
    assert box is not None
    assert float(box[1].split()[2]) == pytest.approx(84 / 25.4 * 72, abs=0.5)
    assert b"/Type /Font" in file and b"/FontFile2" in file  # TrueType, as journals ask
    assert b"/Subtype /Type3" not in file


def test_an_svg_has_its_width_and_its_text_as_text() -> None:
    root = ElementTree.fromstring(Figures("svg", "3.3in").as_file(chart()))
    width = (root.get("width") or "").removesuffix("pt")
    assert float(width) == pytest.approx(3.3 * 72, abs=0.5)
    texts = ["".join(e.itertext()).strip() for e in root.iter() if e.tag.endswith("}text")]
    assert "Title" in texts and "second $x$" in texts


@pytest.mark.parametrize(("width", "dpi", "pixels"), [("84mm", 300, 992), ("4in", 100, 400)])
def test_a_png_has_its_pixels(width: str, dpi: int, pixels: int) -> None:
    for file in (
        Figures("png", width, dpi).as_file(chart()),
        Figures("png", width, dpi).as_picture(noise(30, 60, 3)),
    ):
        assert abs(Image.open(io.BytesIO(file)).size[0] - pixels) <= 1


@pytest.mark.parametrize("width", ["wide", "84 miles", "-3in", "0mm", "1000in", "3,3cm"])
def test_what_is_no_width_is_refused(width: str) -> None:
    with pytest.raises(ValueError, match="--figure-width is"):
        Figures("pdf", width).inches()


def test_lines_and_bars_can_be_told_apart_in_grey() -> None:
    axes = chart().axes[0]
    lines = axes.get_lines()
    dashes = [str(vars(line)["_unscaled_dash_pattern"]) for line in lines]
    assert len(set(dashes)) == 3
    assert len({line.get_marker() for line in lines}) == 3
    assert len({bar.get_hatch() for bar in axes.containers[0]}) == 2  # type: ignore[attr-defined]
    handles = axes.get_legend().legend_handles  # type: ignore[union-attr]
    assert [str(vars(h)["_unscaled_dash_pattern"]) for h in handles[:3]] == dashes


def test_lines_that_differ_by_themselves_keep_their_marks() -> None:
    figure, (axes,) = charts.panels()
    for n, (line, marker) in enumerate((("--", ""), ("-", "o"), ("-", "s"))):
        axes.plot([1, 2], [n, n], line, marker=marker, color=charts.COLOURS[n])
    distinguish(figure)
    kept = [(line.get_linestyle(), line.get_marker()) for line in axes.get_lines()]
    assert kept == [("--", ""), ("-", "o"), ("-", "s")]


def test_the_charts_colours_are_readable_on_white() -> None:
    for colour in charts.COLOURS:
        red, green, blue = to_rgb(colour)
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.65


def test_a_picture_in_a_pdf_has_its_own_pixels() -> None:
    file = Figures("pdf", "84mm").as_picture(noise(20, 30, 3))
    assert re.search(rb"/Height 20\b", file) and re.search(rb"/Width 30\b", file)


def test_a_figure_of_cards_names_every_map() -> None:
    figure = cards_figure([map_card(7), map_card(40), map_card(171)])
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["map 5, strongest activation 12.3"] * 3 + [""]
    assert np.asarray(figure.axes[0].images[0].get_array()).shape[1] > 6 * 128
