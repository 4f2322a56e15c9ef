"""Names in files from elsewhere are no paths: what is written for them stays in the folder."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minidl import nn
from zfnet.cli import main
from zfnet.data import Preprocess
from zfnet.imported import Imported
from zfnet.network import FILE, Network

LAYERS = "../../../up", "/absolute", "a/../../b", "..", "."


def written(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layers_name_is_no_way_out_of_the_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    layers = {
        name: nn.Conv2d(3, 4, 5, stride=2, rng=rng), "relu": nn.ReLU(),
        "pool": nn.GlobalAvgPool2d(), "flat": nn.Flatten(), "scores": nn.Linear(4, 2, rng=rng),
    }  # fmt: skip
    wiring = dict(zip(layers, [[nn.INPUT], *([each] for each in layers)], strict=False))
    form = Preprocess.with_one_mean(32, 36, (120.0, 120.0, 120.0), "centre")
    run, out, picture = tmp_path / "run", tmp_path / "a" / "b" / "c" / "out", tmp_path / "x.png"
    run.mkdir()
    model = Imported(nn.Graph(layers, wiring, "scores"), 32)
    Network(model, form, ("../../../class", "/class")).save(run / FILE)
    Image.new("RGB", (40, 40), (200, 30, 30)).save(picture)
    before = written(tmp_path)
    arguments = ["project", "--model", str(run), "--layer", name, "--map", "1", str(picture)]
    monkeypatch.setattr(sys, "argv", ["zfnet", *arguments, "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    new = written(tmp_path) - before
    assert new and all(path.is_relative_to(out) for path in new)
    assert not Path("/absolute.png").exists()
