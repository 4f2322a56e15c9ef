"""Training: it learns, and it resumes to the same weights."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import minidl
from kernels.bounds import eps, same_bits
from minidl import serialize
from tests.zfnet.tiny import COLOURS, Pictures, network, resumed, trainer
from zfnet import network as networks
from zfnet.checkpoint import CHECKPOINT, kept_epochs, load_checkpoint
from zfnet.train import Trainer
from zfnet.training_state import Progress


class Killed(BaseException):
    """A `kill -9`: no code after it saves anything."""


def until(step: int) -> Callable[[Progress], bool]:
    """Stops after so many steps of the whole run."""
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
    """The lines of the log without times."""
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    clock = ("seconds", "images_per_second", "processor_seconds")
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


def test_every_step_draws_dropout_masks_of_its_own(tmp_path: Path) -> None:
    net, drawn = network(), []

    def note(progress: Progress) -> bool:
        layer = net.model.dropout6  # type: ignore[attr-defined]
        drawn.append((layer.seed, layer.step))
        return True

    trainer(tmp_path, net, epochs=2, on_step=note).run()
    assert drawn == [(7, step) for step in range(8)]


def test_the_networks_of_chosen_epochs_are_kept(tmp_path: Path) -> None:
    run = trainer(tmp_path, keep_epochs=(1, 3))
    seen: dict[int, dict[str, np.ndarray]] = {}

    def remember(line: dict[str, float]) -> None:
        seen[int(line["epoch"])] = {k: a.copy() for k, a in run.network.arrays().items()}

    run.on_epoch = remember
    assert run.run()
    kept = kept_epochs(tmp_path)
    assert list(kept) == [1, 3]
    for epoch, file in kept.items():
        arrays = networks.load(file).arrays()
        assert all(same_bits(array, seen[epoch][name]) for name, array in arrays.items())
    assert not same_bits(seen[1]["conv1.weight"], seen[3]["conv1.weight"])


def test_a_run_that_kept_no_networks_says_how_to_keep_some(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--keep-epochs 1,2,5,10"):
        kept_epochs(tmp_path)


@pytest.mark.parametrize("epochs", [(0,), (2, -1)])
def test_epochs_count_from_one(tmp_path: Path, epochs: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="counts from 1"):
        trainer(tmp_path, keep_epochs=epochs)


def test_a_finished_run_that_is_resumed_stays_as_it_is(tmp_path: Path) -> None:
    trainer(tmp_path, epochs=1).run()
    before = state_of(tmp_path), log_of(tmp_path)
    assert resumed(tmp_path).run()
    assert log_of(tmp_path) == before[1]
    assert all(same_bits(before[0][name], a) for name, a in state_of(tmp_path).items())


def test_a_run_is_not_restored_on_other_images_or_threads_unless_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer(tmp_path, on_step=until(2)).run()
    net, recipe, arrays, state = load_checkpoint(tmp_path)

    def other_images() -> Trainer:
        run = Trainer(net, Pictures(20, seed=5), Pictures(9, seed=1), tmp_path, recipe)
        run.restore(arrays, state)
        return run

    with pytest.raises(ValueError, match="the digest of the list of images was"):
        other_images().run()
    with monkeypatch.context() as patch:
        patch.setattr(minidl, "get_num_threads", lambda: 999)
        with pytest.raises(ValueError, match=r"--threads was \d+ and is 999"):
            resumed(tmp_path).run()
    run = other_images()
    run.allow_changes = True
    assert run.run()


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
