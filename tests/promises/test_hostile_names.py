"""A name that is markup, wherever a page shows names: it is text on the page and nothing else.

Files, folders, classes, layers, parts and the network itself have such names.
"""

from __future__ import annotations

import csv
import shutil
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minidl import nn
from tests.promises.pages import parsed
from tests.zfnet.tiny import Pictures, network
from tests.zfnet.tiny_folders import voc_folder
from zfnet.checkpoint import epoch_file
from zfnet.cli import main
from zfnet.data import Preprocess
from zfnet.experiments.shared.photographs import Photograph
from zfnet.experiments.tour import page as tour
from zfnet.imported import Imported
from zfnet.network import FILE, Network

NAME = '"><img src=x onerror=alert(1)>'
SCRIPT = "</script><script>alert(1)</script></style></title>"
"""No name of a file, for its slashes: one of a layer, a class or a part."""
CLASSES = tuple(f"{NAME}{number}" for number in range(3))
EVIL = "onerror=alert(1)"


@dataclass(frozen=True)
class Place:
    """The data, a run of ours, a network from elsewhere and a picture, all of such names."""

    data: Path
    run: Path
    imported: Path
    picture: Path
    regions: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    root = tmp_path_factory.mktemp("hostile") / NAME
    pictures = Pictures(18).images
    for index, pixels in enumerate(pictures):
        for part in ("train", "val"):
            folder = root / "data" / part / CLASSES[index % 3]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{NAME}{index}.png")
    run = root / f"run{NAME}"
    (run / "epochs").mkdir(parents=True)
    ours = network(classes=CLASSES)
    ours.save(run / FILE)
    for epoch in (1, 2):
        ours.save(epoch_file(run, epoch))
    (root / "imported").mkdir()
    _imported().save(root / "imported" / FILE)
    shutil.copy(folder / f"{NAME}17.png", root / f"{NAME}.png")
    return Place(
        root / "data", run, root / "imported", root / f"{NAME}.png", _regions(root / "regions.csv")
    )


def _imported() -> Network:
    """A network whose layers and classes have such names."""
    rng = np.random.default_rng(0)
    names = [f"{SCRIPT}{NAME}{number}" for number in range(4)]
    layers = {
        names[0]: nn.Conv2d(3, 4, 5, stride=2, rng=rng), names[1]: nn.ReLU(),
        names[2]: nn.GlobalAvgPool2d(), "flat": nn.Flatten(),
        names[3]: nn.Linear(4, 3, rng=rng),
    }  # fmt: skip
    wiring = dict(zip(layers, [[nn.INPUT], *([name] for name in layers)], strict=False))
    form = Preprocess.with_one_mean(32, 36, (120.0, 120.0, 120.0), "centre")
    graph = Imported(nn.Graph(layers, wiring, names[3]), 32)
    return Network(graph, form, tuple(f"{SCRIPT}{name}" for name in CLASSES))


def _regions(file: Path) -> Path:
    """Two parts of every image of the first class in val."""
    with open(file, "w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["image", "part", "row", "column"])
        for index in range(0, 18, 3):
            for part in (f"{SCRIPT}1", f"{NAME}2"):
                writer.writerow([f"val/{CLASSES[0]}/{NAME}{index}.png", part, 10 + index, 12])
    return file


COMMANDS: dict[str, list[str]] = {
    "features": ["features", "--data", "DATA", "--model", "RUN", "--maps", "1"],
    "imported features": ["features", "--data", "DATA", "--model", "IMPORTED", "--maps", "1"],
    "project": ["project", "--model", "RUN", "--layer", "conv3", "--map", "1", "PICTURE"],
    "occlusion": ["occlusion", "--model", "RUN", "--data", "DATA", "--count", "1",
                  "--square", "16", "--stride", "16", "--search", "3"],
    "occlusion of a file": ["occlusion", "--model", "IMPORTED", "--image", "PICTURE",
                            "--square", "16", "--stride", "16"],
    "invariance": ["invariance", "--model", "RUN", "--data", "DATA", "--count", "1",
                   "--statistics", "2"],
    "evolution": ["evolution", "--run", "RUN", "--data", "DATA", "--maps", "1", "--images", "3",
                  "--layer", "conv2"],
    "correspondence": ["correspondence", "--model", "RUN", "--regions", "REGIONS",
                       "--data", "DATA"],
    "first-layer": ["first-layer", "--model", "RUN", "--data", "DATA", "--maps", "1",
                    "--images", "3"],
    "layers": ["layers", "--model", "RUN", "--data", "DATA", "--per-class", "2", "--folds", "2",
               "--c", "1", "--layers", "1,7"],
    "transfer": ["transfer", "--model", "RUN", "--data", "DATA", "--per-class", "2",
                 "--folds", "2", "--c", "1", "--no-scratch"],
    "ablation": ["ablation", "--data", "DATA", "--rows", "zfnet", "--seeds", "1", "--epochs", "1",
                 "--width", "0.03", "--hidden", "8", "--image-size", "32"],
    "paper": ["paper", "--data", "DATA", "--model", "RUN", "--scale", "quick",
              "--only", "evolution"],
}  # fmt: skip


def zfnet(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run a command, which must succeed."""
    monkeypatch.setattr(sys, "argv", ["zfnet", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code


@pytest.mark.parametrize("command", COMMANDS)
def test_a_name_that_is_markup_stays_text_on_the_page_of(
    command: str, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {
        "DATA": place.data, "RUN": place.run, "IMPORTED": place.imported,
        "PICTURE": place.picture, "REGIONS": place.regions,
    }  # fmt: skip
    arguments = [str(named.get(each, each)) for each in COMMANDS[command]]
    out = tmp_path / NAME
    zfnet(monkeypatch, *arguments, "--out", str(out))
    pages = list(out.rglob("*.html"))
    assert pages
    for file in pages:
        page = parsed(file.read_text("utf-8"))
        assert page.foreign == []
        assert EVIL in page.text, "no hostile name is on this page: it shows nothing"
        assert page.pictures > 0


def test_a_name_that_is_markup_stays_text_on_the_page_of_the_tour(
    place: Place, tmp_path: Path
) -> None:
    pixels = np.asarray(Image.open(place.picture))
    photographs = [Photograph(f"{NAME}.png", pixels)]
    page = tour.first_page(photographs, lambda title, done, total: None)
    page.section(SCRIPT + NAME, SCRIPT + NAME)
    shown = parsed(page.html())
    assert shown.foreign == [] and EVIL in shown.text


def test_a_name_that_is_markup_stays_text_on_the_page_of_voc(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes = tuple(each.replace(" ", "") for each in CLASSES)
    data = voc_folder(tmp_path / NAME, classes)
    for file in data.glob("Annotations/*.xml"):
        text = file.read_text()
        for name in classes:
            text = text.replace(f"<name>{name}<", f"<name>{escape(name)}<")
        file.write_text(text)
    arguments = ["transfer", "--protocol", "voc2012", "--c", "1", "--data", str(data)]
    zfnet(monkeypatch, *arguments, "--model", str(place.run), "--out", str(tmp_path / "out"))
    page = parsed((tmp_path / "out" / "index.html").read_text("utf-8"))
    assert page.foreign == [] and EVIL in page.text


@pytest.mark.parametrize(
    "html",
    [
        f'<p>{NAME}</p><a title="{NAME}">', f'<img alt="{NAME}" src="data:image/png;base64,">',
        '<img src="//elsewhere/x.png">', "<a href='javascript:alert(1)'>", "<p onclick=x>",
        "<script>", '<p style="background:url(&quot;//x&quot;)">', "<svg><script>",
    ],
)  # fmt: skip
def test_the_parser_finds_markup_in_names(html: str) -> None:
    assert parsed(html).foreign
