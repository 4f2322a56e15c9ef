"""Training: learns, stops and goes on without a trace, and loses nothing when it fails."""

from __future__ import annotations

import errno
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import COLOURS, Pictures, network
from tolerances import eps, same_bits

from minidl import serialize
from zfnet import network as networks
from zfnet.data import BadImage
from zfnet.evaluate import evaluate
from zfnet.network import Network
from zfnet.train import CHECKPOINT, Diverged, Progress, Recipe, Trainer, load_checkpoint

# 20 images in batches of 6: 4 steps an epoch, the last one smaller.
RECIPE: dict[str, Any] = {"epochs": 3, "batch_size": 6, "crops": "random", "patience": 1, "seed": 7}


class Killed(BaseException):
    """What `kill -9` is to the trainer: nothing after it runs that saves anything."""


def trainer(out: Path, net: Network | None = None, **options: Any) -> Trainer:
    """A run on the pictures; `train` and `val` replace them, other options are the recipe's."""
    train = options.pop("train", Pictures(bad=(3,)))
    val = options.pop("val", Pictures(9, seed=1))
    kept = {k: options.pop(k) for k in ("workers", "strict", "on_step") if k in options}
    recipe = Recipe(**{**RECIPE, **options})
    return Trainer(net or network(), train, val, out, recipe, **kept)


def resumed(out: Path, **options: Any) -> Trainer:
    net, recipe, arrays, state = load_checkpoint(out)
    going_on = Trainer(net, Pictures(bad=(3,)), Pictures(9, seed=1), out, recipe, **options)
    going_on.restore(arrays, state)
    return going_on


def until(step: int) -> Callable[[Progress], bool]:
    """Says stop after so many steps of the whole run."""
    return lambda progress: progress.epoch * progress.steps + progress.step < step


def killer(step: int) -> Callable[[Progress], bool]:
    def kill(progress: Progress) -> bool:
        if not until(step)(progress):
            raise Killed
        return True

    return kill


def state_of(out: Path) -> dict[str, np.ndarray]:
    """Weights and velocities of the run's checkpoint."""
    return serialize.load(out / CHECKPOINT)[0]


def log_of(out: Path) -> list[dict[str, float]]:
    """The lines of the log, but for what the clock says."""
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    clock = ("seconds", "images_per_second")
    return [{key: v for key, v in line.items() if key not in clock} for line in lines]


def same_run(a: Path, b: Path) -> bool:
    first, second = state_of(a), state_of(b)
    alike = first.keys() == second.keys() and log_of(a) == log_of(b)
    return alike and all(same_bits(first[name], second[name]) for name in first)


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
@pytest.mark.parametrize("step", [1, 6, 8])
def test_a_run_stopped_and_resumed_reaches_the_same_bits(
    tmp_path: Path, schedule: str, step: int
) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    assert trainer(once, schedule=schedule).run()
    assert not trainer(twice, schedule=schedule, on_step=until(step)).run()
    assert resumed(twice).run()
    assert same_run(once, twice)


@pytest.mark.parametrize("every", [0, 2])
def test_a_killed_run_goes_on_from_its_last_checkpoint_to_the_same_bits(
    tmp_path: Path, every: int
) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    trainer(once).run()
    with pytest.raises(Killed):
        trainer(twice, on_step=killer(8), checkpoint_every=every).run()
    going_on = resumed(twice)
    assert going_on.at.step == (6 if every else 4)
    going_on.run()
    assert same_run(once, twice)


def test_the_same_seed_gives_the_same_bits_however_many_workers_decode(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    trainer(first, workers=0, epochs=1).run()
    trainer(second, workers=3, epochs=1).run()
    assert same_run(first, second)


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    trainer(first, epochs=1).run()
    trainer(second, epochs=1, seed=8).run()
    name = "fc8.weight"
    assert not np.array_equal(state_of(first)[name], state_of(second)[name])


def test_a_finished_run_that_is_resumed_stays_as_it_is(tmp_path: Path) -> None:
    trainer(tmp_path, epochs=1).run()
    before = state_of(tmp_path), log_of(tmp_path)
    assert resumed(tmp_path).run()
    assert log_of(tmp_path) == before[1]
    assert all(same_bits(before[0][name], a) for name, a in state_of(tmp_path).items())


def test_training_learns_to_tell_colours_apart(tmp_path: Path) -> None:
    net = network(dropout=0.0, width=0.06, hidden=(16, 16))
    run = trainer(tmp_path, net, train=Pictures(60), epochs=8, patience=8)
    run.run()
    assert run.history[-1]["val_accuracy"] > 0.8  # chance is 1 of 3
    assert run.history[-1]["train_loss"] < run.history[0]["train_loss"] / 4


def test_no_filter_exceeds_the_largest_rms(tmp_path: Path) -> None:
    run = trainer(tmp_path, epochs=1, max_rms=0.01)
    run.run()
    for name in run.network.model.convolutions:
        weight = getattr(run.network.model, name).weight.data.astype(np.float64)
        rms = np.sqrt((weight**2).mean(axis=(1, 2, 3)))
        assert rms.max() <= 0.01 * (1 + 2 * eps(np.float32)), name


def test_the_log_has_a_line_an_epoch_and_the_curve_is_a_picture(tmp_path: Path) -> None:
    lines: list[dict[str, float]] = []
    run = trainer(tmp_path, epochs=2)
    run.on_epoch = lines.append
    run.run()
    stored = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert stored == lines == run.history
    assert [line["epoch"] for line in stored] == [1, 2]
    assert ElementTree.parse(tmp_path / "curve.svg").getroot().tag.endswith("svg")


def test_the_network_of_a_run_is_the_trained_one(tmp_path: Path) -> None:
    run = trainer(tmp_path, epochs=1)
    run.run()
    loaded, x = networks.load(tmp_path), np.ones((2, 3, 32, 32), np.float32)
    assert same_bits(loaded.probabilities(x), run.network.probabilities(x))
    assert (loaded.classes, loaded.data) == (COLOURS, "memory")
    assert same_bits(loaded.preprocess.mean, run.network.preprocess.mean)


def test_an_unreadable_image_is_skipped_named_and_counted(tmp_path: Path) -> None:
    run = trainer(tmp_path, epochs=1)
    run.run()
    assert run.loader.bad == {"3.png": "torn"}
    assert run.history[0]["unreadable"] == 1


def test_strict_training_refuses_an_unreadable_image(tmp_path: Path) -> None:
    with pytest.raises(BadImage, match=r"3\.png: torn"):
        trainer(tmp_path, strict=True).run()


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
    with pytest.raises(ValueError, match=r"checkpoint.*fc6\.weight: float32 .* expected"):
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
