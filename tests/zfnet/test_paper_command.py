"""The command `zfnet paper`: the parts that it runs, and one report of all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.zfnet.test_paper import BY_NAME
from tests.zfnet.tiny import COLOURS, Pictures, network
from tests.zfnet.tiny_folders import class_folders
from zfnet.cli.paper import COMMANDS, SCALES, paper_command
from zfnet.data import Dataset, Truth
from zfnet.experiments.paper.parts import PARTS

pytestmark = pytest.mark.usefixtures("one_thread")


def test_every_part_has_a_command_and_every_scale_speaks_of_parts() -> None:
    assert {part.command for part in PARTS} == set(COMMANDS)
    for sizes in SCALES.values():
        assert set(sizes) <= set(BY_NAME)


Given = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Given:
    """The options of each part's job for a command on `data` that runs nothing."""
    monkeypatch.setattr("zfnet.cli.paper.write_paper", lambda *others: tmp_path)
    found: dict[str, dict[str, Any]] = {}
    monkeypatch.setattr(
        "zfnet.cli.paper.run",
        lambda jobs, *others, **more: found.update({j.part.name: dict(j.options) for j in jobs}),
    )

    def options(data: Dataset | str, learned: str = "elsewhere", **more: Any) -> Any:
        net = network()
        net.data = learned
        net.save(tmp_path / "net.safetensors")
        if not isinstance(data, str):
            monkeypatch.setattr("zfnet.cli.paper.open_dataset", lambda *others, **named: data)
        paper_command(str(data), model=tmp_path / "net.safetensors", out=tmp_path / "out", **more)
        return found

    return options


class Half(Pictures):
    """Pictures of which only the odd ones have a known object."""

    def truth(self, index: int) -> Truth | None:
        return Truth(box=(0, 0, 18, 18)) if index % 2 else None


def test_the_game_is_played_if_any_image_allows_it_and_not_the_first_alone(given: Given) -> None:
    assert given(Half(12))["occlusion"]["pointing"] == 40
    assert given(Pictures(12))["occlusion"]["pointing"] == 0
    assert given(Half(12, classes=("cat",)))["occlusion"]["pointing"] == 0


def test_nothing_is_trained_from_scratch_on_the_networks_own_training_data(
    given: Given, tmp_path: Path
) -> None:
    data = str(class_folders(tmp_path / "photographs", COLOURS, 12))
    other = str(class_folders(tmp_path / "others", ("ant", "bee"), 2))
    assert given(data, "photographs")["transfer"]["scratch"] is False
    assert given(data, "photographs", caltech101=other)["caltech101"].get("scratch", True)
    assert given(data, "photographs", transfer=other)["transfer"].get("scratch", True)
    assert given(data, "photographs", transfer="nowhere")["transfer"].get("scratch", True)


def test_a_split_without_images_is_named(tmp_path: Path) -> None:
    network().save(tmp_path / "net.safetensors")
    data = class_folders(tmp_path / "single", COLOURS, 1)
    with pytest.raises(ValueError, match="single has no image in its split 'val'"):
        paper_command(str(data), model=tmp_path / "net.safetensors", out=tmp_path / "out")


def test_the_command_writes_what_each_command_writes_and_one_report(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "data", COLOURS, 40)
    network().save(tmp_path / "net.safetensors")
    out, only = tmp_path / "out", "features,evolution,correspondence,voc2012,layers"
    options: dict[str, Any] = {"model": tmp_path / "net.safetensors", "out": out, "seed": 2,
                               "scale": "quick", "only": only, "split": "train"}  # fmt: skip
    paper_command(str(data), **options)
    kept = json.loads((out / "paper.json").read_text())
    done = [name for name, part in kept["parts"].items() if not part["reason"]]
    assert done == ["features", "layers"]
    assert kept["settings"]["scale"] == "quick" and kept["settings"]["seed"] == 2
    assert "no class 'face'" in kept["parts"]["correspondence"]["reason"]
    assert "--voc2012" in kept["parts"]["voc2012"]["reason"]
    for name in done:
        own = json.loads((out / name / f"{name}.json").read_text())
        assert own["settings"]["seed"] == 2 and own["command"] == f"zfnet {name}"
    before = (out / "layers" / "layers.json").stat().st_mtime_ns
    paper_command(str(data), **options)
    assert (out / "layers" / "layers.json").stat().st_mtime_ns == before
    html = (out / "index.html").read_text("utf-8")
    assert "Table 7" in html and "Caltech-101 (30), published" in html
    assert "https://" not in html
