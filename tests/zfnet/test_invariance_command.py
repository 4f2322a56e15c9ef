"""The command `zfnet invariance`: pictures of the user, and options that exclude each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.zfnet.test_invariance import noise
from tests.zfnet.tiny import network
from zfnet.cli import invariance as command
from zfnet.experiments.invariance.measure import Subject
from zfnet.network import Network

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    network().save(tmp_path / "run")
    return tmp_path / "run"


def own_pictures(where: Path) -> list[Path]:
    files = [where / f"{i}.png" for i in range(2)]
    for i, file in enumerate(files):
        Image.fromarray(noise(50, 40 + i)).save(file)
    return files


def test_pictures_of_the_users_own_have_the_classes_they_are_given(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Subject] = []
    options: dict[str, Any] = {}

    def write(network: Network, subjects: list[Subject], out: Path, **others: Any) -> Path:
        given.extend(subjects)
        options.update(others)
        return out

    monkeypatch.setattr(command, "write_invariance", write)
    command.invariance_command(run, image=own_pictures(tmp_path), label=["blue", "red"])
    assert [(subject.title, subject.label) for subject in given] == [("0.png", 2), ("1.png", 0)]
    assert options["lines"] == 2 and options["settings"]["label"] == ["blue", "red"]
    assert options["settings"]["count"] == options["settings"]["statistics"] == 2


def test_options_that_exclude_each_other_are_refused(run: Path, tmp_path: Path) -> None:
    files = own_pictures(tmp_path)
    with pytest.raises(ValueError, match="give either --data"):
        command.invariance_command(run)
    with pytest.raises(ValueError, match="give either --data"):
        command.invariance_command(run, data="scenes", image=files)
    with pytest.raises(ValueError, match="--label is for --image"):
        command.invariance_command(run, data="scenes", label=["red"])
    with pytest.raises(ValueError, match="2 times --image and 1 times --label"):
        command.invariance_command(run, image=files, label=["red"])
    with pytest.raises(ValueError, match="no class 'pink'; there are red, green, blue"):
        command.invariance_command(run, image=files, label=["red", "pink"])
