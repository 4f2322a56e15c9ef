"""Training of networks by name: resumption with running statistics, options, commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import nn
from tests.zfnet.commands import pictures, stopped, zfnet
from tests.zfnet.named_networks import network
from tests.zfnet.test_train import Killed, killer, same_run, state_of, until
from tests.zfnet.tiny import resumed, trainer
from zfnet.architectures import NamedNet
from zfnet.checkpoint import CHECKPOINT, load_checkpoint
from zfnet.network import load
from zfnet.training_state import Diverged

RESNET = ("--network", "resnet18", "--image-size", "32", "--width", "0.05", "--blocks", "1,1")
RUN = (*RESNET, "--batch-size", "8", "--epochs", "1", "--workers", "0")


def run(out: Path, **options: Any) -> Any:
    return trainer(out, network(), max_rms=0, **options)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


@pytest.mark.parametrize("step", [1, 3, 6, 8])
def test_a_run_stopped_and_resumed_has_the_same_statistics_bit_for_bit(
    tmp_path: Path, step: int
) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    assert run(once).run()
    assert not run(twice, on_step=until(step)).run()
    assert resumed(twice).run()
    assert same_run(once, twice)
    means = state_of(once)["bn1.running_mean"], network().model.state_dict()["bn1.running_mean"]
    assert not np.array_equal(*means)


@pytest.mark.parametrize("step", [2, 5, 7])
def test_a_checkpoint_within_an_epoch_has_the_statistics_before_the_next_batch(
    tmp_path: Path, step: int
) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    assert run(once, checkpoint_every=1).run()
    with pytest.raises(Killed):
        run(twice, checkpoint_every=1, on_step=killer(step)).run()
    counted = load_checkpoint(twice)[2]["bn1.num_batches_tracked"]
    assert counted == load_checkpoint(twice)[3]["position"]["step"]
    assert resumed(twice).run()
    assert same_run(once, twice)


def test_validation_neither_uses_nor_changes_the_statistics_of_its_batches(tmp_path: Path) -> None:
    training = run(tmp_path, epochs=1)
    assert training.run()
    counted = load_checkpoint(tmp_path)[2]["bn1.num_batches_tracked"]
    assert counted == training.at.step == 4
    images = np.random.default_rng(0).normal(0, 50, (5, 3, 32, 32)).astype(np.float32)
    together = training.network.probabilities(images)
    alone = np.concatenate([training.network.probabilities(images[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


def test_statistics_that_are_no_numbers_are_not_kept(tmp_path: Path) -> None:
    assert run(tmp_path, epochs=1).run()
    before = (tmp_path / CHECKPOINT).read_bytes()
    again = run(tmp_path, epochs=2, on_step=lambda progress: False)
    norm = dict(again.network.model.named_children())["bn1"]
    norm.running_var.assign(np.full_like(norm.running_var.data, np.inf))
    with pytest.raises(Diverged, match=r"bn1\.running_var is no longer finite"):
        again.run()
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_filters_of_a_network_by_name_can_be_renormalised_too(tmp_path: Path) -> None:
    training = trainer(tmp_path, network(), epochs=1, max_rms=0.01)
    assert training.run()
    for _, layer in training.network.model.named_children():
        if isinstance(layer, nn.Conv2d):
            rms = np.sqrt((layer.weight.data**2).mean(axis=(1, 2, 3)))
            assert not rms.max() > 0.01 * (1 + 1e-5)


def test_the_command_trains_resumes_and_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = pictures(tmp_path / "data"), tmp_path / "run"
    assert stopped(monkeypatch, "--data", data, "--out", out, *RUN) == 130
    assert zfnet(monkeypatch, "train", "--resume", "--out", out, *RESNET) == 0
    net = load(out)
    assert isinstance(net.model, NamedNet) and net.model.settings.blocks == (1, 1)
    state = load_checkpoint(out)[3]["recipe"]
    usual = {"lr": 0.05, "weight_decay": 5e-4, "schedule": "cosine", "crops": "random"}
    assert usual | {"max_rms": 0.0} == {name: state[name] for name in (*usual, "max_rms")}
    line = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert line["processor_seconds"] > 0
    capsys.readouterr()
    assert zfnet(monkeypatch, "check-run", out) == 0
    assert zfnet(monkeypatch, "evaluate", "--model", out, "--data", data) == 0
    assert zfnet(monkeypatch, "show", out) == 0
    assert "layer2.0.add" in said(capsys)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--network", "resnet18", "--strides", "2", "1", "--norm", "lrn"),
         "resnet18 has no --norm, --strides; it has --blocks, --dropout, --image-size, --stem"),
        (("--blocks", "1,1"), "zfnet has no --blocks; it has"),
        (("--network", "alexnet", "--stem", "2"), "alexnet has no --stem"),
        (("--network", "alexnet", "--architecture", "zfnet"), "are two networks"),
        (("--network", "resnet18", "--blocks", "1,a"), "--blocks takes whole numbers"),
        (("--network", "resnet18", "--blocks", "1,1,1,1,1"), "of 5 stages; resnet18 has 4"),
        (("--network", "resnet18", "--stem", "3"), "stem must be 1, 2 or 4"),
        (("--network", "resnet18", "--width", "0"), "width must be above 0"),
        (("--network", "resnet50"), "'resnet34', 'mobilenet_v2', 'vgg11_bn'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_options_that_do_not_fit_the_network_are_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...], message: str,
) -> None:  # fmt: skip
    data, out = pictures(tmp_path / "data", 2), tmp_path / "run"
    assert zfnet(monkeypatch, "train", "--data", data, "--out", out, *options) == 2
    assert message in said(capsys).replace("│ ", "").replace("│", "")
    assert not (out / CHECKPOINT).exists()


def test_a_run_keeps_its_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = pictures(tmp_path / "data", 4), tmp_path / "run"
    assert stopped(monkeypatch, "--data", data, "--out", out, *RUN) == 130
    for option, message in (
        (("--network", "resnet34"), "was begun with --network resnet18, which a run keeps"),
        (("--blocks", "1,1,1"), "was begun with --blocks 1 1, which a run keeps; 1 1 1 needs"),
        (("--variant", "b"), "is a run of resnet18, which has no --variant"),
    ):
        assert zfnet(monkeypatch, "train", "--resume", "--out", out, *option) == 2
        assert message in said(capsys)


def test_the_papers_networks_have_names_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = pictures(tmp_path / "data", 4), tmp_path / "run"
    own = ("--network", "alexnet", "--image-size", "64", "--width", "0.02", "--hidden", "4", "4",
           "--norm", "lrn", "--strides", "2", "1")  # fmt: skip
    assert stopped(monkeypatch, "--data", data, "--out", out, *own, "--batch-size", "8") == 130
    net, recipe, _, _ = load_checkpoint(out)
    assert net.model.settings.architecture == "alexnet" and recipe.lr == 0.01  # type: ignore
    assert zfnet(monkeypatch, "train", "--resume", "--out", out, "--network", "zfnet") == 2
    assert "was begun with --network alexnet" in said(capsys)
