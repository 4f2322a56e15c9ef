"""Training, projection and occlusion on a device: the CPU's numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels import cuda
from kernels.bounds import eps
from kernels.contract.arrays import Emulated
from kernels.verify.arrays import normal
from minidl import device
from minidl import functional as F
from tests.zfnet import tiny
from zfnet import deconvnet, resuming
from zfnet import network as networks
from zfnet.cli import main
from zfnet.deconvnet import Deconvnet, Unit
from zfnet.experiments.occlusion.measure import occlusion_map

pytestmark = pytest.mark.usefixtures("one_thread")
WAITING = ("__bool__", "__float__", "__index__", "__int__", "__iter__", "item", "tolist", "tobytes")
"""Implicit conversions of an array to host values."""


def trained(where: str, out: Path, **options: Any) -> list[float]:
    """The losses of three steps of a small ZFNet."""
    network, losses = tiny.network(**options), list[float]()
    network.model.to(where)

    def note(progress: Any) -> bool:
        losses.append(progress.loss)
        return len(losses) < 3

    tiny.trainer(out, network, epochs=1, workers=0, on_step=note).run()
    return losses


@pytest.mark.parametrize("norm", ["lcn", "lrn"])
def test_training_on_the_device_loses_what_it_does_on_the_cpu(
    cuda_device: str, tmp_path: Path, norm: str
) -> None:
    here, there = (trained(at, tmp_path / at, norm=norm) for at in ("cpu", cuda_device))
    # A loss is the mean of logarithms near 1 of sums of some thousand products; the steps between
    # move weights by 1e-2 of gradients that are off by as little.
    assert not np.abs(np.array(here) - there).max() > 1e4 * eps(np.float32) * max(here)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The implicit conversions of the emulator's arrays that were called."""
    asked: list[str] = []
    for name in WAITING:

        def ask(self: Any, *given: Any, name: str = name) -> Any:
            asked.append(name)
            return getattr(np.ndarray, name)(self, *given)

        monkeypatch.setattr(Emulated, name, ask, raising=False)
    yield asked


def test_a_step_brings_the_loss_to_the_host_and_nothing_else(
    cuda_device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[str]
) -> None:
    network, brought = tiny.network(), list[int]()
    network.model.to(cuda_device)
    trainer = tiny.trainer(tmp_path, network, epochs=1, workers=0)
    step = trainer._one_step

    def counted(batch: Any) -> None:
        waits.clear()
        before = cuda.transfers.to_host, cuda.transfers.to_host_bytes
        step(batch)
        brought.append(cuda.transfers.to_host - before[0])
        assert (
            cuda.transfers.to_host_bytes - before[1] == 8
        )  # the loss and the number of correct answers
        assert not waits

    monkeypatch.setattr(trainer, "_one_step", counted)
    trainer.on_step = lambda progress: len(brought) < 2
    trainer.run()
    assert brought == [1, 1]


def test_a_memory_error_in_training_names_its_step_and_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = tiny.trainer(tmp_path, workers=0)

    def full(*arguments: Any) -> Any:
        raise MemoryError("Out of memory allocating 7 bytes")

    monkeypatch.setattr(F, "cross_entropy", full)
    said = r"allocating 7 bytes, at step 1 with [56] images of 32x32 in its batch; the weights are"
    with pytest.raises(MemoryError, match=said):
        trainer.run()


@pytest.mark.parametrize("layer", ["conv1", "conv3", "fc7"])
def test_projections_from_the_device_are_the_cpus(cuda_device: str, layer: str) -> None:
    model = tiny.network(norm="lrn").model
    x = np.stack([normal((3, 32, 32), np.random.default_rng(n), np.float32) for n in range(2)])
    units = [Unit(1, 1, 1), Unit(0, 0, 0)] if layer != "fc7" else [Unit(1), Unit(0)]
    here = Deconvnet(model).project_each(x, layer, units)
    model.to(cuda_device)
    there = Deconvnet(model).project_each(x, layer, units)
    for ours, theirs in zip(there, here, strict=True):
        # Forward and backward through eight layers, each of up to some thousand products.
        allowed = 1e4 * eps(np.float32)
        assert not abs(ours.value - theirs.value) > allowed * abs(theirs.value)
        assert not np.abs(ours.part - theirs.part).max() > allowed * np.abs(theirs.part).max()


def test_the_strongest_unit_is_found_on_the_device(cuda_device: str) -> None:
    y = normal((3, 4, 5, 6), np.random.default_rng(0), np.float32)
    assert deconvnet.strongest(device.move(y, cuda_device)) == deconvnet.strongest(y)


def test_occlusion_gives_the_same_numbers_on_the_device(cuda_device: str) -> None:
    x = normal((3, 32, 32), np.random.default_rng(0), np.float32)
    network = tiny.network()
    here = occlusion_map(network, x, 0, square=8, stride=8)
    network.model.to(cuda_device)
    there = occlusion_map(network, x, 0, square=8, stride=8)
    assert (there.map, there.label) == (here.map, here.label)
    for ours, theirs in (
        (there.activation, here.activation),
        (there.probability, here.probability),
    ):
        # As in training: eight layers, each of up to some thousand products.
        assert not np.abs(ours - theirs).max() > 1e4 * eps(np.float32) * np.abs(theirs).max()


def zfnet(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit status of `zfnet ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["zfnet", *map(str, arguments)])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.parametrize(
    "command", [("train", "--data", "scenes", "--out", "run"), ("occlusion", "--data", "scenes")]
)
def test_a_command_without_a_gpu_names_what_is_missing_and_the_alternative(
    command: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "cupy", None)  # as where it is not installed
    assert zfnet(monkeypatch, *command, "--device", "cuda") == 2
    said = capsys.readouterr().err
    assert "needs CuPy" in said and "pip install" in said and 'device="emulator"' in said
    assert not list(tmp_path.iterdir())


def test_zfnet_train_runs_and_goes_on_on_the_device(
    cuda_device: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*more: object) -> int:
        return zfnet(monkeypatch, "train", "--data", "memory", "--out", tmp_path, "--device",
                     cuda_device, *more)  # fmt: skip

    monkeypatch.setattr(resuming, "open_dataset", lambda data, split, **how: tiny.Pictures(9))
    sizes = ("--batch-size", 5, "--image-size", 32, "--width", 0.03, "--strides", 2, 1,
             "--pool5-padding", 1, "--hidden", 8, 6, "--workers", 0)  # fmt: skip
    assert run("--epochs", 1, *sizes) == 0
    assert f"on {cuda_device}" in capsys.readouterr().out
    assert run("--epochs", 2, "--workers", 0, "--resume") == 0
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2
    assert networks.load(tmp_path).model.device == "cpu"
