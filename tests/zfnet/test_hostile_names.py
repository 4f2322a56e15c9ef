"""Names from outside on every page, chart, terminal and file that the project writes."""

from __future__ import annotations

import io
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from kernels.terminal import progress
from kernels.terminal.printable import printable
from tests.zfnet.reporting import without_script
from zfnet.experiments.shared.photographs import read_photographs
from zfnet.experiments.shared.results import Results
from zfnet.file_names import MOST_BYTES, file_name
from zfnet.report import OcclusionCard, Page, charts
from zfnet.report.occlusion_figure import occlusion_figure

pytestmark = pytest.mark.quick

HOSTILE = (
    "caf\udce9", "cost $5 or $10", "a$b^$", "Ba$$in", "<script>alert(1)</script>", "quo\"te's & co",
    "-rf", "..", "new\nline", "\x1b[31mred\x07", "[red]bold[/red]", "\u202egnp.exe", "שלום عربي",
    "n" * 300, "\udc80\ud800", "`code`", "a/b", "\\frac{1}{0}", "%s {0} {x}", "\x00", "名前" * 90,
)  # fmt: skip
every = pytest.mark.parametrize("name", HOSTILE)


@every
def test_a_printable_name_is_text_in_utf_8_that_moves_nothing(name: str) -> None:
    shown = printable(name)
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert not set(shown) & set("\x00\x07\x1b\n\u202e\ud800")
    assert printable(shown) == shown


def test_letters_of_every_script_stay_and_the_rest_is_escaped() -> None:
    for name in ("café", "naïve 🙂", "שלום عربي", "日本\u3000語", "می\u200cخ", "👩\u200d🔬"):
        assert printable(name) == name
    assert printable("caf\udce9 \n\x1b\u2028\u202e") == "caf\\xe9 \\n\\x1b\\u2028\\u202e"
    assert printable("two\nlines\t", "\n") == "two\nlines\\t"


@every
def test_a_file_can_be_written_for_every_name(tmp_path: Path, name: str) -> None:
    file = file_name(name, ".png")
    assert len(file.encode()) <= MOST_BYTES and file.endswith(".png") and file[0] not in "-."
    (tmp_path / file).write_bytes(b"")
    assert [path.name for path in tmp_path.iterdir()] == [file]


def test_long_names_with_one_beginning_stay_different() -> None:
    assert file_name("n" * 300 + "a", ".png") != file_name("n" * 300 + "b", ".png")
    assert file_name("short", ".png") == "short.png"


class Reader(HTMLParser):
    """The text and the elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.elements = "", set[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def card(name: str) -> OcclusionCard:
    picture, cells = np.zeros((8, 8, 3), np.uint8), np.zeros((2, 2))
    return OcclusionCard(
        name, picture, 0, (name, "other"), 3, cells, cells, cells.astype(int), 0, note=name
    )


@every
def test_a_page_shows_every_name_as_text(tmp_path: Path, name: str) -> None:
    page = Page(name, name, [(name, name)], kicker=name, footer=name)
    section = page.section(name, name).table([name], [[name]]).code(name).subheading(name)
    section.figure(np.zeros((2, 2, 3), np.uint8), name, name).occlusion([card(name)])
    read = Reader()
    read.feed(without_script(page.write(tmp_path / "index.html").read_text("utf-8")))
    assert "script" not in read.elements
    assert printable(name, "\n").strip("`") in read.text


@every
def test_results_take_every_name(tmp_path: Path, name: str) -> None:
    results = Results(tmp_path, "features", {"data": name, "path": Path("x")})
    results.picture(name, np.zeros((2, 2, 3), np.uint8))
    results.table(f"table-{name}", [name], [[name]])
    kept = json.loads(results.numbers(image=name).read_text("utf-8"))
    assert kept["image"] == name and kept["settings"]["data"] == name
    results.write(results.page(name, name))


@every
def test_charts_take_text_literally(name: str) -> None:
    """Also texts on axes, in legends and beside ticks, drawn by `charts` alone."""
    figure, (axes,) = charts.panels()
    charts.style_axes(axes, name, name, name)
    axes.plot([0, 1], [0, 1], label=f"_{name}"[1:])
    axes.set_xticks([0, 1], [printable(name)] * 2)  # (as data sets and networks name classes)
    axes.annotate(name, (0, 0))
    charts.legend(axes)
    svg = charts.svg(figure)
    assert svg.startswith("<svg") and charts.png(figure).startswith(b"\x89PNG")
    drawn = figure.findobj(Text)
    assert not any(text.get_parse_math() for text in drawn if isinstance(text, Text))


@pytest.mark.parametrize("name", ["cost $5 or $10", "a$b^$", "Ba$$in", "\udce9", "new\nline"])
def test_the_figure_of_an_occlusion_is_drawn_for_every_name(name: str) -> None:
    assert charts.png(occlusion_figure(card(name)), 40).startswith(b"\x89PNG")


def test_what_is_between_two_dollars_is_drawn_as_it_stands() -> None:
    """As mathematics, the letters would be set in italics without the dollars: fewer glyphs."""
    figure, (axes,) = charts.panels()
    axes.set_title("cost $5 or $10")
    assert "cost $5 or $10" in charts.svg(figure)


@every
def test_a_line_on_the_terminal_stays_a_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, "utf-8", newline="")
    monkeypatch.setattr(progress.console, "_file", stream)
    progress.say(f"skipped {name}: torn")
    stream.flush()
    assert written.getvalue().decode() == f"skipped {printable(name, chr(10))}: torn\n"


def test_files_of_every_name_are_read_as_photographs(tmp_path: Path) -> None:
    names = ["caf\udce9", "a$b^$", "new\nline", "\x1b[31m", "n" * 251]
    for name in names:
        Image.new("RGB", (3, 2)).save(tmp_path / "x.png")
        (tmp_path / "x.png").rename(tmp_path / f"{name}.png")
    found = read_photographs([tmp_path / f"{name}.png" for name in names])
    assert [photograph.name for photograph in found] == [printable(f"{n}.png") for n in names]
