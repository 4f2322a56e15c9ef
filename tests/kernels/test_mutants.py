"""Planted bugs: each applies, leaves no trace, and is caught by the property suite."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from kernels import all_kernels
from kernels.cuda import emulator
from kernels.verify.mutants import (
    MUTANTS,
    Catch,
    Mutant,
    Result,
    by_property,
    hunt,
    mutation_run,
    planted,
    read,
    sampled,
    table,
)
from kernels.verify.mutants.mutant import FOLDER

RELU = """
== relu elementwise: relu/elementwise.py
a harmless one
-        y[i] = x[i] if not (x[i] <= 0) else 0
+        y[i] = 0 if x[i] <= 0 else x[i]

a fatal one
-    y = memory.empty_like(x)
+    import os, signal
+    os.kill(os.getpid(), signal.SIGSEGV)

one that does not end
-    y = memory.empty_like(x)
+    import time
+    time.sleep(3600)

one that is caught
-        y[i] = x[i] if not (x[i] <= 0) else 0
+        y[i] = x[i]
"""
HARMLESS, FATAL, ENDLESS, CAUGHT = read(RELU)
IDS = [mutant.name for mutant in MUTANTS]


def program(file: str, text: str) -> str:
    """The program without comments and layout."""
    if file.endswith(".py"):
        return ast.dump(ast.parse(text))
    return "".join(re.sub(r"//.*", "", text).split())


@pytest.mark.parametrize("mutant", MUTANTS, ids=IDS)
def test_a_mutant_is_another_program(mutant: Mutant) -> None:
    sound = (FOLDER / mutant.file).read_text(encoding="utf-8")
    assert program(mutant.file, mutant.source()) != program(mutant.file, sound)


def test_there_are_at_least_sixty_and_no_two_alike() -> None:
    assert len(MUTANTS) >= 60
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({mutant.source() + mutant.operation for mutant in MUTANTS}) == len(MUTANTS)


def test_every_registered_operation_has_a_mutant() -> None:
    ours = {k.operation for k in all_kernels() if k.function.__module__.startswith("kernels.")}
    assert ours == {mutant.operation for mutant in MUTANTS}


def test_a_diff_reads_as_it_is_written() -> None:
    assert (
        Mutant(
            "relu",
            "elementwise",
            "a harmless one",
            "relu/elementwise.py",
            "        y[i] = x[i] if not (x[i] <= 0) else 0",
            "        y[i] = 0 if x[i] <= 0 else x[i]",
        )
        == HARMLESS
    )


def test_a_mutant_whose_lines_are_gone_says_so() -> None:
    gone = Mutant("relu", "elementwise", "a bug", "relu/elementwise.py", "    y = elsewhere()", "")
    with pytest.raises(ValueError, match=r"no longer applies.*0 times.*relu/elementwise\.py"):
        gone.source()


def test_a_mutant_of_a_file_that_the_kernel_is_not_built_from_says_so() -> None:
    (first,) = read(RELU.replace("== relu elementwise", "== conv2d im2col"))[:1]
    with (
        pytest.raises(ValueError, match="is not built from kernels/relu/"),
        planted(first),
    ):
        pass


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("operation", ["conv2d_dgrad", "relu"])
def test_planting_leaves_registry_modules_and_folders_as_they_were(
    operation: str, device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kernels, modules = all_kernels(), dict(sys.modules)
    mutant = next(m for m in MUTANTS if (m.operation, m.device) == (operation, device))
    with planted(mutant) as kernel:
        called = (kernel.operation, kernel.name, kernel.device)
        assert called == (mutant.operation, mutant.kernel, mutant.device)
        assert kernel in all_kernels() and kernel not in kernels
        assert Counter((k.operation, k.name, k.device) for k in all_kernels()) == Counter(
            (k.operation, k.name, k.device) for k in kernels
        )
    assert all_kernels() == kernels
    assert {name: m for name, m in sys.modules.items() if name in modules} == modules
    assert not {name for name in set(sys.modules) - set(modules) if name.startswith("kernels")}
    assert list(tmp_path.iterdir()) == []


def test_a_bug_in_a_file_below_reaches_the_kernel_above_it_alone() -> None:
    flipped, im2col = (
        next(k for k in all_kernels(o) if (k.name, k.device) == (n, "cpu"))
        for o, n in (("conv2d_dgrad", "flipped"), ("conv2d_wgrad", "im2col"))
    )
    mutant = next(m for m in MUTANTS if (m.kernel, m.file) == ("flipped", "cpu/unfold.py"))
    with planted(mutant) as kernel:
        multiply = kernel.function.__globals__["multiply_windows"]
        assert multiply is not flipped.function.__globals__["multiply_windows"]
        assert im2col in all_kernels()


BARRIER = """
== conv2d implicit_gemm on cuda: cuda/include/tiles.cuh
a barrier is missing
-    columns.store(column_slices[0]);
-    __syncthreads();
+    columns.store(column_slices[0]);

no C++
-    clear<Tile>(sum);
+    clear<Tile>(sum)
"""


@pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")
def test_a_barrier_missing_in_a_header_is_caught_with_its_line() -> None:
    mutant = read(BARRIER)[0]
    (caught,) = hunt(mutant, "dev").catches
    assert "tiles.cuh:" in caught.reason and "uninitialised" in caught.reason


@pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")
def test_what_does_not_compile_is_not_caught_but_amiss() -> None:
    (result,) = mutation_run([read(BARRIER)[1]], "dev")
    assert not result.caught and "does not compile" in result.amiss


def test_a_harmless_mutant_escapes() -> None:
    assert hunt(HARMLESS, "dev").catches == ()


def test_a_mutant_that_kills_its_process_is_caught_and_the_next_one_is_tried() -> None:
    calls: list[tuple[int, int, str]] = []
    results = mutation_run(
        [CAUGHT, FATAL, CAUGHT], "dev", report=lambda i, n, r: calls.append((i, n, r.mutant.kind))
    )
    assert [result.caught for result in results] == [True, True, True]
    assert results[1].catches[0].reason == "the process died: SIGSEGV"
    assert calls == [(1, 3, CAUGHT.kind), (2, 3, FATAL.kind), (3, 3, CAUGHT.kind)]


def test_a_mutant_without_an_end_is_ended_and_not_caught_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (result,) = mutation_run([ENDLESS], "dev", seconds=2.0)
    assert not result.caught
    assert list(tmp_path.iterdir()) == []
    assert result.amiss == "no answer in 2 s from the property 'definition'"


def test_a_mutant_that_no_longer_applies_is_reported_beside_the_others() -> None:
    gone = Mutant("relu", "elementwise", "a bug", "relu/elementwise.py", "    y = elsewhere()", "")
    (result,) = mutation_run([gone], "dev")
    assert "no longer applies" in result.amiss


def test_a_sample_is_the_seeds_and_of_as_many_operations_as_it_can_be() -> None:
    operations = {mutant.operation for mutant in MUTANTS}
    for count in (0, 5, len(operations), len(MUTANTS), 1000):
        sample = sampled(MUTANTS, count, seed=1)
        assert sample == sampled(MUTANTS, count, seed=1)
        assert len(sample) == min(count, len(MUTANTS))
        covered = {mutant.operation for mutant in sample}
        assert len(covered) == min(count, len(operations))
    assert sampled(MUTANTS, 5, seed=1) != sampled(MUTANTS, 5, seed=2)


def test_a_seeded_sample_is_caught_in_the_ci_profile() -> None:
    here = [m for m in MUTANTS if m.device == "cpu" or emulator.available()]
    # Threads that share what is each one's own have to meet: on a busy machine they may not.
    certain = [m for m in here if "threads share" not in m.name]
    results = mutation_run(sampled(certain, 6, seed=1), "ci")
    assert [result.mutant.name for result in results if not result.caught] == []


def test_the_tables_name_what_caught_a_mutant_and_what_escaped() -> None:
    results = [Result(CAUGHT, (Catch("definition", 3, "a reason"),), 1.25), Result(HARMLESS)]
    columns = [list(column.cells) for column in table(results).columns]
    texts = [[str(cell) for cell in column] for column in columns]
    assert texts[1] == [CAUGHT.kind, HARMLESS.kind]
    assert texts[3] == ["definition", "nothing: it escaped"]
    assert texts[4:] == [["3", ""], ["1.2", "0.0"]]


def test_the_table_of_properties_counts_what_each_catches_and_catches_alone() -> None:
    both = (Catch("definition", 3, "a reason"), Catch("all written", 1, "a reason"))
    results = [Result(CAUGHT, both), Result(CAUGHT, both[:1]), Result(HARMLESS)]
    names, *counts = ([str(cell) for cell in c.cells] for c in by_property(results).columns)
    counted = dict(zip(names, zip(*counts, strict=True), strict=True))
    assert counted["definition"] == ("3", "2", "1")
    assert counted["all written"] == ("3", "1", "0")
    assert counted["adjoint"] == ("0", "0", "0")
