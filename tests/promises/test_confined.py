"""Commands write below their output's folder and in caches, and open no connection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.promises.training import CLASSES, OPTIONS
from tests.promises.watch import Watch
from tests.zfnet.tiny_folders import class_folders

ROOT = Path(__file__).resolve().parents[2]


def confined(folder: Path, commands: list[list[str]]) -> dict[str, Any]:
    """The deeds and the statuses of commands that may write below the folder."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.promises.confined", str(folder)],
        input=json.dumps(commands), capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(folder / "matplotlib")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_commands_write_nothing_elsewhere_and_open_no_connection(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "data", CLASSES, 6)
    picture = tmp_path / "picture.png"
    Image.new("RGB", (40, 40), (200, 30, 30)).save(picture)
    run, out = tmp_path / "out" / "run", tmp_path / "out"
    model = ["--model", str(run)]
    commands = [
        ["train", "--data", str(data), "--out", str(run), *OPTIONS],
        ["evaluate", *model, "--data", str(data)],
        ["show", str(run)],
        ["project", *model, "--layer", "conv3", "--map", "1", str(picture), "--out",
         str(out / "project")],
        ["occlusion", *model, "--image", str(picture), "--square", "16", "--stride", "16",
         "--out", str(out / "occlusion")],
        ["features", *model, "--data", str(data), "--layer", "conv3", "--maps", "1", "--out",
         str(out / "features")],
        ["import", str(tmp_path / "nothing.onnx"), "--out", str(out / "imported")],
    ]  # fmt: skip
    found = confined(out, commands)
    assert found["statuses"] == [0, 0, 0, 0, 0, 0, 2]
    fonts = [each for each in found["deeds"] if "fc-list" in each]  # matplotlib's list of fonts
    assert [each for each in found["deeds"] if each not in fonts] == []


@pytest.fixture(scope="module")
def watch() -> Watch:
    """An audit hook cannot be taken back: there is one, which is mostly off."""
    return Watch()


def test_what_is_done_elsewhere_is_seen(watch: Watch, tmp_path: Path) -> None:
    """Or else the empty lists above would prove nothing."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    watch.begin(None, (str(inside),))
    (inside / "a").write_text("1")
    (inside / "a").rename(inside / "b")
    allowed = list(watch.deeds)
    outside.mkdir()
    (inside / "b").rename(outside / "b")
    (outside / "c").write_text("2")
    watch.on = False
    assert allowed == []
    assert [each.split("(")[0].split(" ")[0] for each in watch.deeds] == [
        "os.mkdir", "os.rename", "open",
    ]  # fmt: skip
