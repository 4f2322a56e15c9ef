"""Training that cannot continue: its messages, with the numbers, and what is kept."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import serialize
from tests.zfnet.tiny import Pictures, network, resumed, trainer
from zfnet import network as networks
from zfnet.checkpoint import CHECKPOINT, load_checkpoint
from zfnet.data import BadImage
from zfnet.evaluate import evaluate
from zfnet.recipe import Recipe
from zfnet.training_state import Diverged


def test_strict_training_refuses_an_unreadable_image(tmp_path: Path) -> None:
    with pytest.raises(BadImage, match=r"3\.png: torn"):
        trainer(tmp_path, strict=True).run()


def test_a_refused_validation_image_does_not_lose_the_epoch(tmp_path: Path) -> None:
    run = trainer(tmp_path, train=Pictures(), val=Pictures(9, seed=1, bad=(4,)), strict=True)
    with pytest.raises(BadImage, match=r"4\.png: torn"):
        run.run()
    _, _, arrays, state = load_checkpoint(tmp_path)
    assert state["position"]["seen"] == len(Pictures())
    for name, parameter in run.network.model.named_parameters():
        np.testing.assert_array_equal(arrays[name], parameter.data)


def test_stopping_right_after_a_step_that_diverged_keeps_the_last_good_state(
    tmp_path: Path,
) -> None:
    trainer(tmp_path, epochs=1).run()
    before = (tmp_path / CHECKPOINT).read_bytes()
    run = trainer(tmp_path, epochs=2)
    run.on_step = lambda progress: False
    run.network.model.conv3.weight.data[...] = np.nan
    run._one_step = lambda batch: setattr(run.at, "seen", 1) or setattr(run.at, "seconds", 1.0)
    with pytest.raises(Diverged, match=r"conv3\.weight is no longer finite"):
        run.run()
    assert (tmp_path / CHECKPOINT).read_bytes() == before


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("batch_size", "step"), [(6, 2), (20, 2)], ids=["a step", "validation"])
def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_state(
    tmp_path: Path, batch_size: int, step: int
) -> None:
    trainer(tmp_path, epochs=1).run()
    files = [tmp_path / CHECKPOINT, tmp_path / networks.FILE, tmp_path / "log.jsonl"]
    before = [file.read_bytes() for file in files]
    run = trainer(tmp_path, lr=1e30, checkpoint_every=1, batch_size=batch_size)
    with pytest.raises(Diverged, match=rf"step {step}, in epoch 1, .*1e\+30; .*{CHECKPOINT}"):
        run.run()
    assert [file.read_bytes() for file in files] == before
    assert np.isfinite(evaluate([load_checkpoint(tmp_path)[0]], Pictures()).loss)


def test_a_full_disk_keeps_the_checkpoint_and_leaves_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer(tmp_path, epochs=1).run()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        trainer(tmp_path, epochs=1, seed=3).run()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path, epochs=1).run()
    _, _, arrays, state = load_checkpoint(tmp_path)
    other = trainer(tmp_path, network(hidden=(9, 6)))
    with pytest.raises(ValueError, match=r"no velocity that fits .*fc6\.weight"):
        other.restore(arrays, state)


def test_a_file_whose_weights_do_not_fit_its_architecture_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path, epochs=1).run()
    arrays, metadata = serialize.load(tmp_path / CHECKPOINT)
    described = json.loads(metadata["network"])
    described["settings"]["hidden"] = [9, 6]
    changed = {**metadata, "network": json.dumps(described)}
    serialize.save(tmp_path / CHECKPOINT, arrays, changed)
    with pytest.raises(ValueError, match=r"checkpoint.*fc6\.weight \(8, 8\), expected \(9, 8\)"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"recipe": 3}', '{"recipe": {}}'])
def test_a_state_that_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    trainer(tmp_path, epochs=0).run()
    arrays, metadata = serialize.load(tmp_path / CHECKPOINT)
    serialize.save(tmp_path / CHECKPOINT, arrays, {**metadata, "training": text})
    with pytest.raises(ValueError, match="cannot be re"):
        resumed(tmp_path)


def test_a_truncated_checkpoint_is_refused_with_its_name(tmp_path: Path) -> None:
    trainer(tmp_path, epochs=0).run()
    whole = (tmp_path / CHECKPOINT).read_bytes()
    (tmp_path / CHECKPOINT).write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=CHECKPOINT):
        load_checkpoint(tmp_path)


def test_there_is_nothing_to_resume_without_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing to resume"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"train": Pictures(classes=("red",))}, r"one class \('red'\)"),
        ({"val": Pictures(classes=("red",))}, r"one class \('red'\)"),
        ({"val": Pictures(0)}, "no image in this split"),
        ({"train": Pictures(0)}, "no image in this split"),
        ({"val": Pictures(classes=("a", "b", "c"))}, r"red, green, blue.*a, b, c"),
    ],
)
def test_data_that_do_not_fit_are_refused_before_training(
    tmp_path: Path, data: dict[str, Any], shown: str
) -> None:
    with pytest.raises(ValueError, match=shown):
        trainer(tmp_path, **data)


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        ({"schedule": "steps"}, "'steps'"),
        ({"epochs": -1}, "got -1"),
        ({"batch_size": 0}, "got 0"),
        ({"factor": 0.0}, "got 0.0"),
        ({"factor": float("nan")}, "got nan"),
        ({"max_rms": float("nan")}, "got nan"),
        ({"crops": "five"}, "'five'"),
        ({"lr": float("inf")}, "lr=inf"),
        ({"momentum": 1.0}, "momentum=1.0"),
        ({"weight_decay": -1e-4}, "weight_decay=-0.0001"),
    ],
)
def test_impossible_recipes_are_refused_with_their_numbers(
    tmp_path: Path, wrong: dict[str, Any], shown: str
) -> None:
    with pytest.raises(ValueError, match=shown):
        trainer(tmp_path, **wrong)


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        ({"lr": -0.1}, "lr=-0.1"),
        ({"lr": float("nan")}, "lr=nan"),
        ({"momentum": 1.5}, "momentum=1.5"),
        ({"weight_decay": float("inf")}, "weight_decay=inf"),
    ],
)
def test_an_impossible_recipe_is_refused_before_any_image_is_read(
    wrong: dict[str, Any], shown: str
) -> None:
    with pytest.raises(ValueError, match=shown):
        Recipe(**wrong)
