"""Result files of an experiment: page, pictures, numbers, tables, settings.

A folder has `index.html`, which is self-contained, files of the same figures, the numbers as
NAME.json (with the command, the seed and all settings) and tables as CSV. Each file is written to
a temporary name and renamed as soon as its content is known, so that an interrupted experiment
leaves its results so far.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from minidl import serialize
from zfnet.file_names import file_name
from zfnet.report import Page, charts
from zfnet.report.figures import OWN, Figures, distinguish
from zfnet.report.markup import NOTHING

Report = Callable[[str, int, int], None]
"""A progress callback: title, done, total."""


def silent(title: str, done: int, total: int) -> None:
    """A `Report` that shows nothing."""


@dataclass(frozen=True)
class Results:
    """The folder `out` of one experiment.

    name:     the command's: "invariance"; its numbers go to invariance.json.
    settings: every option as given or chosen, with the seed; values for JSON.
    figures:  format and width of the files of figures.
    """

    out: Path
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    figures: Figures = OWN

    def __post_init__(self) -> None:
        self.figures.inches()  # (refused before anything is computed)

    def numbers(self, **found: Any) -> Path:
        """Write NAME.json: the command, its settings and the findings."""
        made: dict[str, Any] = {"command": f"zfnet {self.name}", "version": program_version()}
        described = {**made, "settings": dict(self.settings), **found}
        text = json.dumps(described, indent=1, default=_plain)
        return self._write(f"{self.name}.json", text.encode())

    def table(self, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
        """Write `name`.csv."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        return self._write(f"{name}.csv", text.getvalue().encode(errors="backslashreplace"))

    def picture(self, name: str, pixels: np.ndarray) -> np.ndarray:
        """Write a picture, (H,W,3) uint8, to a file of its name; returns it for the page."""
        self._write(f"{name}.{self.figures.format}", self.figures.as_picture(pixels))
        return pixels

    def chart(self, name: str, figure: Figure) -> str:
        """Write a figure to a file of its name; returns it as SVG text for the page."""
        distinguish(figure)
        shown = charts.svg(figure)
        self.figure(name, figure)
        return shown

    def figure(self, name: str, figure: Figure, dots_per_inch: int = 160) -> Path:
        """Write a figure, which is changed to the asked width, to a file of its name."""
        content = self.figures.as_file(figure, dots_per_inch)
        return self._write(f"{name}.{self.figures.format}", content)

    def page(self, title: str, lead: str, facts: Sequence[tuple[str, str]] = ()) -> Page:
        """An empty page of this experiment."""
        return Page(title, lead, facts, kicker=f"zfnet {self.name}")

    def write(self, page: Page, unfinished: str = "") -> Path:
        """Add a section with the settings, and write index.html; returns its path.

        unfinished: how far the page is, while it is computed.
        """
        page.unfinished = unfinished
        section = page.section("How this was made")
        section.table(["setting", "value"], [(k, _shown(v)) for k, v in self.settings.items()])
        section.paragraph(f"The numbers are in `{self.name}.json` beside this page.")
        return page.write(self.out / "index.html")

    def _write(self, name: str, content: bytes) -> Path:
        stem, dot, suffix = name.rpartition(".")
        path = self.out / file_name(stem, dot + suffix)  # (layers have names from outside)
        with serialize.replacing(path) as beside:
            beside.write_bytes(content)
        return path


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays, and paths, as JSON has them."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _shown(value: Any) -> str:
    """A setting as it would be typed, set as code, so that numbers are left-aligned too."""
    if value is None:
        return NOTHING
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return f"`{text}`" if text else NOTHING


def program_version() -> str:
    """The installed version of the program."""
    try:
        return version("minidl-zfnet")
    except PackageNotFoundError:  # run from the source folder, never installed
        return "unknown"
