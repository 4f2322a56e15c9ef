"""Tests of autotuning: the chosen kernels, the cache on disk, and resumed runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import config

import minidl
from kernels import ConvGeometry, Kernel, all_kernels, kernel, pick
from kernels.bounds import same_bits
from kernels.contract import registry, threads
from minidl import Tensor, serialize, tuning
from minidl import functional as F
from tests.zfnet.tiny import resumed, trainer
from zfnet.checkpoint import CHECKPOINT, KERNELS

G = ConvGeometry.of((2, 16, 20, 20), (32, 16, 3, 3), 1, 1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache for the test; tuning is switched off afterwards."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield tmp_path / "cache" / "minidl" / "kernels.json"
    registry.choose_with(None)


def clock_of(monkeypatch: pytest.MonkeyPatch, best: str) -> list[list[str]]:
    """A fake clock by which `best` is the fastest; returns the list of measured kernels."""
    measured: list[list[str]] = []

    def seconds(calls: Mapping[Kernel, Any]) -> dict[Kernel, list[float]]:
        measured.append([k.name for k in calls])
        for call in calls.values():
            call()
        return {k: [1.0 if k.name == best else 2.0] for k in calls}

    monkeypatch.setattr(tuning, "_seconds", seconds)
    return measured


def another_than_picked(operation: str = "conv2d") -> str:
    """A kernel that estimates do not choose, but whose cost is low enough to be measured."""
    usual = pick(operation, "cpu", G)
    others = [
        k
        for k in registry.all_kernels(operation)
        if k.device == "cpu" and k.supports(G) and k is not usual and k.cost(G) < 10 * usual.cost(G)
    ]
    return others[0].name


def test_the_fastest_is_taken_and_remembered(
    monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    other = another_than_picked()
    measured = clock_of(monkeypatch, other)
    with minidl.autotune() as tuned:
        assert pick("conv2d", "cpu", G).name == other
        assert pick("conv2d", "cpu", G).name == other
    assert len(measured) == 1 and "loops" not in measured[0]
    assert list(tuned.choices.values()) == [other]
    assert pick("conv2d", "cpu", G).name != other  # back to estimates
    clock_of(monkeypatch, "im2col").append(["not asked"])
    with minidl.autotune():
        assert pick("conv2d", "cpu", G).name == other  # from the file
    (cases,) = json.loads(own_cache.read_text()).values()
    assert list(cases.values()) == [other]


def test_a_named_algorithm_is_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = clock_of(monkeypatch, another_than_picked())
    with minidl.autotune():
        assert pick("conv2d", "cpu", G, "loops").name == "loops"
        assert pick("conv2d", "cpu", G, "exact").exact
    assert not measured


def test_another_number_of_threads_is_another_case(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = clock_of(monkeypatch, another_than_picked())
    before = threads.get_num_threads()
    try:
        with minidl.autotune():
            for count in (1, before, 1):
                threads.set_num_threads(count)
                pick("conv2d", "cpu", G)
    finally:
        threads.set_num_threads(before)
    assert len(measured) == len({1, before})


def test_the_real_clock_chooses_kernels_that_compute_the_same() -> None:
    rng = np.random.default_rng(0)
    x, w = (Tensor(rng.normal(size=s).astype(np.float32), requires_grad=True)
            for s in (G.x_shape, G.w_shape))  # fmt: skip
    usual = F.conv2d(x, w, padding=1)
    with minidl.autotune() as tuned:
        y = F.conv2d(x, w, padding=1)
        y.backward(np.ones(y.shape, np.float32))
    # Each is within its kernel's bound of the definition; norm-wise is the larger of the two forms.
    scale = np.einsum("nc,kc->nk", np.abs(x.data).max((2, 3)), np.abs(w.data).sum((2, 3)))
    serving = [k for k in all_kernels("conv2d") if k.device == "cpu" and k.supports(G)]
    worst = max(k.error_bound(G) for k in serving if k.error_bound is not None)
    allowed = 2 * worst * np.finfo(np.float32).eps * scale[:, :, None, None]
    assert (np.abs(y.data - usual.data) <= allowed).all()
    assert sorted(case.split(",")[0] for case in tuned.choices) == sorted(tuning.OPERANDS)


def test_a_kernel_that_raises_is_left_out_with_a_warning() -> None:
    @kernel("conv2d", name="broken", cost=pick("conv2d", "cpu", G).cost)
    def broken(x: np.ndarray, w: np.ndarray, g: Any, *, bias: Any = None) -> np.ndarray:
        raise RuntimeError("not today")

    try:
        with pytest.warns(UserWarning, match="leaves out broken: not today"), minidl.autotune():
            assert pick("conv2d", "cpu", G).name != "broken"
    finally:
        registry.unregister(broken)


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"a": {"b": 3}}', '{"a": "b"}', "\x00"])
def test_a_damaged_file_is_overwritten_with_a_warning(
    text: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_cache.parent.mkdir(parents=True)
    own_cache.write_text(text)
    other = another_than_picked()
    clock_of(monkeypatch, other)
    with pytest.warns(UserWarning, match="autotune ignores"), minidl.autotune():
        assert pick("conv2d", "cpu", G).name == other
    assert other in own_cache.read_text()


def test_a_remembered_kernel_that_is_gone_is_measured_again(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = another_than_picked()
    clock_of(monkeypatch, other)
    with minidl.autotune():
        pick("conv2d", "cpu", G)
    own_cache.write_text(own_cache.read_text().replace(f'"{other}"', '"gone"'))
    with minidl.autotune():
        assert pick("conv2d", "cpu", G).name == other


def test_a_cache_that_cannot_be_written_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    other = another_than_picked()
    clock_of(monkeypatch, other)
    switch = minidl.autotune(path=tmp_path / "file" / "kernels.json")
    with pytest.warns(UserWarning, match="cannot keep its choices"), switch:
        assert pick("conv2d", "cpu", G).name == other


def test_choices_that_another_process_wrote_are_kept(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_of(monkeypatch, another_than_picked())
    with minidl.autotune():
        own_cache.parent.mkdir(parents=True)
        own_cache.write_text('{"their machine": {"their case": "their kernel"}}')
        pick("conv2d", "cpu", G)
    assert json.loads(own_cache.read_text())["their machine"] == {"their case": "their kernel"}


def test_a_record_is_followed_without_measuring(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, record = another_than_picked(), tmp_path / "run" / "kernels.json"
    measured = clock_of(monkeypatch, other)
    with minidl.autotune(record=record):
        pick("conv2d", "cpu", G)
    own_cache.unlink()
    clock_of(monkeypatch, "im2col")
    with minidl.autotune(record=record):
        assert pick("conv2d", "cpu", G).name == other
    assert len(measured) == 1


def test_a_record_that_cannot_be_followed_is_an_error(tmp_path: Path) -> None:
    record = tmp_path / "kernels.json"
    case = f"conv2d, {threads.get_num_threads()} threads, {G}"
    record.write_text(json.dumps({case: "gone"}))
    says = r"'gone' computes conv2d.*remove that file"
    with pytest.raises(ValueError, match=says), minidl.autotune(record=record):
        pick("conv2d", "cpu", G)
    record.write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        minidl.autotune(record=record)


def test_within_exact_no_winograd_is_picked() -> None:
    large = ConvGeometry.of((16, 256, 13, 13), (384, 256, 3, 3), 1, 1)
    usual = pick("conv2d", "cpu", large)
    assert not usual.exact
    with minidl.exact():
        assert pick("conv2d", "cpu", large) is pick("conv2d", "cpu", large, "exact")
    assert pick("conv2d", "cpu", large) is usual


def second_of(calls: Mapping[Kernel, Any]) -> dict[Kernel, list[float]]:
    """A fake clock that contradicts the estimates: the second cheapest kernel is the fastest."""
    order = list(calls)
    return {k: [2.0 if k is order[0] and len(order) > 1 else 1.0] for k in order}


def test_a_tuned_run_is_resumed_with_its_kernels(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "_seconds", second_of)
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    with minidl.autotune(record=whole / KERNELS):
        assert trainer(whole).run()
    with minidl.autotune(record=halves / KERNELS):
        assert not trainer(halves, on_step=lambda p: p.epoch < 1 or p.step < 2).run()
    own_cache.unlink()
    monkeypatch.setattr(tuning, "_seconds", lambda calls: pytest.fail("measured again"))
    with minidl.autotune(record=halves / KERNELS) as tuned:
        assert resumed(halves).run()
    first, second = (serialize.load(out / CHECKPOINT)[0] for out in (whole, halves))
    assert first.keys() == second.keys()
    assert all(same_bits(first[name], second[name]) for name in first)
    taken = json.loads((whole / KERNELS).read_text())
    assert tuned.choices
    assert tuned.choices.items() <= taken.items()


def test_what_is_remembered_is_of_the_processor_that_is_compiled_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = set()
    for name in (None, "haswell", "generic"):
        monkeypatch.setattr(config, "CPU_NAME", name)
        named.add(tuning._machine())
    assert len(named) == 3


def test_exactness_holds_for_the_thread_that_asked_for_it_alone() -> None:
    g = ConvGeometry.of((16, 256, 13, 13), (384, 256, 3, 3), 1, 1)
    before, registered = pick("conv2d", "cpu", g), registry.all_kernels()
    assert not before.exact  # Winograd's, in so large a convolution
    picked: list[Kernel] = []

    def other() -> None:
        picked.append(pick("conv2d", "cpu", g))

    with minidl.exact():
        assert pick("conv2d", "cpu", g).exact
        assert registry.all_kernels() == registered
        with pytest.raises(ValueError, match=f"no kernel '{before.name}' on 'cpu' serves"):
            pick("conv2d", "cpu", g, before.name)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert picked == [before] == [pick("conv2d", "cpu", g)]
