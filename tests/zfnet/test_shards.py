"""Shards of a batch: their cut, the tree of their sums, gradients that are those of the whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from kernels.bounds import same_bits
from minidl import functional as F
from minidl.leaf_gradients import backward_by_leaf
from tests.test_start import imported
from tests.zfnet.mpi_launcher import ROOT, environment, mpiexec
from tests.zfnet.tiny import Pictures, network, trainer
from zfnet.data import Loader, Loading
from zfnet.data.shards import ShardLoader
from zfnet.gradients import WholeBatches
from zfnet.parallel import tree
from zfnet.parallel.arena import Layout
from zfnet.parallel.launch import Launch, launched
from zfnet.parallel.sharded import ShardedBatches
from zfnet.parallel.slowness import Slowness
from zfnet.parallel.world import ALONE, opened


@given(st.integers(1, 40), st.integers(1, 40))
def test_the_nodes_of_all_processes_make_the_one_sum_in_one_order(shards: int, size: int) -> None:
    size = min(size, shards)
    words = {(i, i + 1): str(i) for i in range(shards)}

    def add(left: str, right: str) -> str:
        return f"({left}+{right})"

    whole = tree.total((0, shards), words, add)
    known = {}
    for rank in range(size):
        own = tree.own_shards(shards, size, rank)
        assert len(own) in (shards // size, shards // size + 1)
        for node in tree.maximal(shards, own):
            known[node] = tree.total(node, {(i, i + 1): str(i) for i in own}, add)
    assert tree.total((0, shards), known, add) == whole
    assert whole.count("+") == shards - 1


@given(st.integers(1, 30), st.integers(1, 12), st.data(), st.lists(st.integers(0, 29), max_size=4))
def test_the_shards_of_all_processes_have_each_image_of_a_batch_once(
    images: int, batch: int, data: st.DataObject, bad: list[int]
) -> None:
    shards = data.draw(st.integers(1, batch))
    size = data.draw(st.integers(1, shards))
    dataset, how = Pictures(images, bad=tuple(bad)), Loading("centre", 3, workers=0)
    if len(set(bad) & set(range(images))) == images:
        return
    pre = network().preprocess
    whole = {b.position: b.indices.tolist() for b in Loader(dataset, pre, batch, how).epoch(2)}
    parts: dict[int, list[Any]] = {}
    for rank in range(size):
        loader = ShardLoader(dataset, pre, batch, how, shards, tree.own_shards(shards, size, rank))
        for cut in loader.cut(2):
            parts.setdefault(cut.position, []).extend(cut.shards)
    for position, found in parts.items():
        indices = [index for shard in found for index in shard.batch.indices.tolist()]
        assert indices == whole.get(position, [])
        assert [shard.number for shard in found] == list(range(shards))


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_the_gradient_of_shards_is_that_of_the_batch(shards: int) -> None:
    """Dropout too: an image has its own row of the batch's mask."""
    net, how = network(dropout=0.5), Loading("centre", 3, workers=0)
    images, pre = Pictures(20, bad=(3,)), net.preprocess
    loader = ShardLoader(images, pre, 12, how, shards, range(shards))
    parts = ShardedBatches(net, loader, ALONE).steps(0, 1)
    # (The second batch of the epoch has all of its images.)
    whole = WholeBatches(net, Loader(images, pre, 12, how)).steps(0, 1)
    net.model.train()
    gradients, losses = [], []
    for steps in (whole, parts):
        net.model.zero_grad()
        outcome = next(steps).gradients(7, 5, losses.append)
        assert outcome is not None and outcome.images == len(set(range(20)) - {3}) - 11
        gradients.append({n: p.grad.data.copy() for n, p in net.model.named_parameters()})
        steps.close()
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for name, gradient in gradients[0].items():
        scale = np.abs(gradient).max()
        assert np.abs(gradients[1][name] - gradient).max() <= 1e-4 * scale, name


def test_gradients_leaf_by_leaf_are_those_of_backward_and_the_last_layers_come_first() -> None:
    net, x = network(dropout=0.0), np.random.default_rng(0).normal(size=(3, 3, 32, 32))
    model, seen = net.model, {}
    names = {id(p): name for name, p in model.named_parameters()}
    images = minidl.Tensor(x.astype(np.float32))
    F.cross_entropy(model(images), np.array([0, 1, 2])).backward()
    loss = F.cross_entropy(model(images), np.array([0, 1, 2]))
    backward_by_leaf(loss, lambda leaf, g: seen.update({names[id(leaf)]: g.data.copy()}))
    assert next(iter(seen)).startswith("fc8") and list(seen)[-1].startswith("conv1")
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        assert same_bits(seen[name], parameter.grad.data), name


def test_a_leaf_that_is_used_twice_is_complete_after_its_first_use() -> None:
    x = minidl.Tensor(np.arange(3, dtype=np.float32), requires_grad=True)
    found: list[np.ndarray] = []
    loss = ((x * x) + x * np.float32(3)).sum()
    backward_by_leaf(loss, lambda leaf, g: found.append(g.data.copy()))
    assert len(found) == 1
    assert found[0].tolist() == [3, 5, 7]
    with pytest.raises(ValueError, match="one element"):
        backward_by_leaf(x * x, lambda leaf, g: None)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(1, 7))
def test_a_part_of_a_batch_has_its_rows_of_the_dropout_mask(a: int, b: int, width: int) -> None:
    x = minidl.Tensor(np.ones((a + b, width), np.float32))
    whole = F.dropout(x, 0.4, seed=1, step=2, stream=3).data
    part = F.dropout(x[a:], 0.4, seed=1, step=2, stream=3, first=a).data
    assert same_bits(part, whole[a:])


def test_an_arena_has_every_parameter_once_in_its_own_order_of_memory() -> None:
    parameters = dict(network(width=0.1, hidden=(200, 90)).model.named_parameters())
    layout = Layout(parameters, {})
    arena = np.arange(layout.size, dtype=np.float32)
    taken = np.concatenate([layout.view(arena, n).ravel() for n in parameters])
    assert sorted(taken.tolist()) == arena.tolist()
    assert len(layout.buckets) > 2
    assert layout.buckets[0].names[0] == list(parameters)[-1]
    conv = layout.view(arena, "conv2.weight")
    assert (
        np.argsort(conv.strides).tolist()
        == np.argsort(parameters["conv2.weight"].data.strides).tolist()
    )
    with pytest.raises(TypeError, match="float32"):
        Layout({"a": minidl.Tensor(np.zeros(2))}, {})


def test_a_run_without_shards_is_that_of_the_option_0(tmp_path: Path) -> None:
    assert trainer(tmp_path / "a", epochs=1).recipe.shards == 0
    with pytest.raises(ValueError, match="6 images cannot be cut into 7"):
        trainer(tmp_path / "b", shards=7)


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, None),
        ({"PMI_SIZE": "4", "PMI_RANK": "2", "MPI_LOCALNRANKS": "2"},
         Launch("MPICH's mpiexec", 4, 2, 2)),
        ({"OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_RANK": "0"},
         Launch("Open MPI's mpirun", 3, 0, 1)),
        ({"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5", "SLURM_STEP_TASKS_PER_NODE": "4(x2)"},
         Launch("Slurm's srun", 8, 5, 4)),
        ({"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, None),
        ({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, None),
    ],
)  # fmt: skip
def test_a_launcher_is_known_by_its_variables(variables: dict[str, str], found: object) -> None:
    assert launched(variables) == found


def test_mpi_is_imported_in_no_process_that_was_not_launched() -> None:
    assert not {name for name in imported("import zfnet.cli.train") if "mpi4py" in name}


def test_a_launch_without_mpi4py_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(None) is ALONE
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", None)
    with pytest.raises(ValueError, match=r"started 2 processes, but mpi4py cannot.*\[mpi\]"):
        opened(Launch("MPICH's mpiexec", 2, 0, 2))


def test_processes_that_a_launcher_of_another_mpi_leaves_alone_are_refused(tmp_path: Path) -> None:
    mpiexec()
    other = {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"}
    command = [sys.executable, "-c", "from zfnet.cli import main; main()", "train"]
    options = ["--data", "scenes", "--out", str(tmp_path / "run")]
    run = subprocess.run(
        [*command, *options], cwd=ROOT, env=environment(**other), text=True, capture_output=True
    )
    said = " ".join(run.stderr.split())
    assert run.returncode == 2, said
    assert "Open MPI's mpirun started 2 processes, but MPI here knows 1: mpi4py has" in said
    assert "Traceback" not in said


def test_a_slow_process_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    class Two:
        """Names alone: nothing is sent."""

        size = 2

        def name(self, rank: int) -> str:
            return f"process {rank} on node{rank}"

    slowness = Slowness(Two())  # type: ignore[arg-type]
    for _ in range(20):
        slowness.note([(0.1, 1), (0.5, 1)])
    slowness.report()
    assert "process 1 on node1 is slow: 500 ms a shard" in capsys.readouterr().out
    slowness.late([1], 12.0)
    assert "waiting for process 1 on node1 since 12 s" in capsys.readouterr().out
