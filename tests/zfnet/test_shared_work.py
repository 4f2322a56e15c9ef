"""Commands whose work several processes share: the files and sentences of one process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import serialize
from tests.zfnet.commands import CLASSES, pictures, zfnet
from tests.zfnet.mpi_launcher import ROOT, environment, mpiexec
from tests.zfnet.tiny import Pictures, network
from zfnet.cli.processes import SHARED
from zfnet.data import Loading
from zfnet.evaluate import mean_of_crops
from zfnet.over_batches import OfBatch, OverBatches

SMALL = ["--image-size", "32", "--width", "0.03", "--hidden", "8"]


def commands(data: Path, model: Path, out: Path) -> dict[str, list[str]]:
    """Of each kind one; all but the first write a folder of their name."""

    def of(name: str, *options: object) -> list[str]:
        return [name, "--data", str(data), "--out", str(out / name), *map(str, options)]

    look = ["--model", model, "--split", "train"]
    return {
        "evaluate": ["evaluate", "--data", str(data), "--model", str(model), "--split", "train",
                     "--batch-size", "8"],
        "features": of("features", *look, "--layer", "conv2,fc6", "--maps", 2),
        "layers": of("layers", *look, "--layers", "1,7", "--per-class", 4, "--folds", 2, "--c", 1),
        "ablation": of("ablation", "--rows", "zfnet", "--seeds", 2, "--epochs", 1, *SMALL),
        "check": ["check", "--model", str(model), "--only", "invariance", "--seeds", "3",
                  "--moved", "3", "--out", str(out / "check")],
    }  # fmt: skip


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Images, two of which cannot be read, and a network."""
    data = pictures(tmp_path_factory.mktemp("data"), 50)
    for torn in sorted(data.rglob("*.png"))[::60]:
        torn.write_bytes(torn.read_bytes()[:60])
    model = tmp_path_factory.mktemp("model") / "model.safetensors"
    network(classes=CLASSES).save(model)
    return data, model


@pytest.fixture(scope="module")
def answers(given: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two processes did."""
    out = tmp_path_factory.mktemp("two")
    asked = commands(*given, out)
    file = out / "commands.json"
    file.write_text(json.dumps([*asked.values(), ["occlusion"]]))
    command = [mpiexec(), "-n", "2", sys.executable, "-m", "tests.zfnet.shared_work", str(file)]
    run = subprocess.run(
        command, cwd=ROOT, env=environment(), text=True, capture_output=True, timeout=240
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    return {
        **found,
        "out": out,
        "commands": dict(zip([*asked, "?"], found["commands"], strict=True)),
    }


def files(folder: Path) -> dict[str, object]:
    """Its numbers, tables, pictures and networks: all that has no time or path in it."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".safetensors":
            arrays = serialize.load(path)[0]
            found[name] = {each: array.tobytes() for each, array in arrays.items()}
        elif path.suffix in (".json", ".csv", ".png"):
            found[name] = path.read_bytes()
    return found


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", ["evaluate", "features", "layers", "ablation", "check"])
def test_two_processes_write_and_say_what_one_does(
    name: str, given: tuple[Path, Path], answers: dict[str, Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    status, said = answers["commands"][name]
    assert status == 0, said
    assert zfnet(monkeypatch, *commands(*given, tmp_path)[name]) == 0
    if name == "evaluate":
        alone = capsys.readouterr().out
        assert "133 of 135 images" in alone
        assert alone.strip() in said
        return
    one, two = files(tmp_path / name), files(answers["out"] / name)
    assert sorted(one) == sorted(two) and len(one) >= 2
    for file, content in one.items():
        assert content == two[file], file


def test_other_commands_are_refused_in_a_sentence(answers: dict[str, Any]) -> None:
    status, said = answers["commands"]["?"]
    assert status == 2
    assert "`zfnet occlusion` runs in one alone; in several: zfnet train, evaluate" in said
    assert all(name in said for name in SHARED)


def test_results_come_in_order_and_errors_and_stops_reach_all(answers: dict[str, Any]) -> None:
    assert answers["cases"] == {
        "none": [],
        "one": [0],
        "seven": [0, 1, 4, 9, 16, 25, 36],
        "first of many": [0, 1, 4],
        "given up while others compute": [0, 1, 4],
        "bad in another": "LookupError: no square of 3",
        "bad here": "LookupError: no square of 2",
        "bad in another, while this one computes": "LookupError: no square of 1",
        "nested": [[], [0], [0, 1]],
        "again": [0, 1, 4],
    }
    assert answers["said"].count("process 1 on") == 2
    assert "cannot go on" in answers["said"]


class OnOneMachine(Pictures):
    """Images of which the others cannot read the first."""


def test_an_image_that_only_another_process_cannot_read_is_refused() -> None:
    over = OverBatches(network(), OnOneMachine(6), 3, Loading.in_order(workers=0), mean_of_crops)
    none = np.empty(0, np.int64)
    batch = OfBatch(0, np.array([1, 2]), none, np.zeros((2, 3)), {"0.png": "no such file"})
    with pytest.raises(ValueError, match=r"0\.png of memory can be read in process 0 and not in"):
        over._require_bad_here(batch)
    torn = OverBatches(
        network(), Pictures(6, bad=(0,)), 3, Loading.in_order(workers=0), mean_of_crops
    )
    torn._require_bad_here(batch)
    bad: dict[str, str] = {}
    assert [batch.indices.tolist() for batch in torn.each(bad)] == [[1, 2], [3, 4, 5]]
    assert bad == {"0.png": "torn"}
