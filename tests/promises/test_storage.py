"""A drawn share of the trials of storage; `python -m tests.promises` runs all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises import shim
from tests.promises.faults import cases, judged, traced
from tests.promises.kills import duration
from tests.promises.kills import judged as killed
from tests.promises.part import drawn
from tests.promises.races import judged as raced
from tests.promises.training import Bench
from tests.promises.warm import Warm

INTENSE = os.environ.get("HYPOTHESIS_PROFILE") == "intense"
TIMES = 20 if INTENSE else 1
SEED = int.from_bytes(os.urandom(4)) if INTENSE else 0
pytestmark = pytest.mark.skipif(bool(shim.missing()), reason=shim.missing())


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Warm() as warm:
        yield Bench.prepared(warm, tmp_path_factory.mktemp("trainings"))


def test_a_failed_storage_call_loses_nothing_and_the_next_start_has_the_same_bits(
    bench: Bench,
) -> None:
    chosen = drawn(cases(bench), 20 * TIMES, SEED)
    broken = {case: found for case in chosen if (found := judged(bench, case))}
    assert not broken


def test_a_training_killed_at_any_moment_resumes_to_the_same_bits(bench: Bench) -> None:
    seconds = duration(bench)
    chosen = [str(SEED + number) for number in range(3 * TIMES)]
    broken = {case: found for case in chosen if (found := killed(bench, case, seconds))}
    assert not broken


def test_of_two_trainings_in_one_folder_exactly_one_trains(bench: Bench) -> None:
    seconds = duration(bench)
    chosen = [str(SEED + number) for number in range(4 * TIMES)]
    broken = {case: found for case in chosen if (found := raced(bench, case, seconds))}
    assert not broken


def test_a_file_is_on_the_disk_before_its_name_and_its_name_before_the_next_file(
    bench: Bench,
) -> None:
    """A power cut keeps what was synced: the bytes before the rename, and then the rename."""
    calls = traced(bench, "new")
    renames = [at for at, (call, _, _) in enumerate(calls) if call.startswith("rename")]
    assert len(renames) >= 8
    for at, following in zip(renames, [*renames[1:], len(calls)], strict=True):
        _, target, source = calls[at]
        of_file = [call for call, path, _ in calls[:at] if path == Path(source)]
        last = max(i for i, call in enumerate(of_file) if call == "write")
        assert "fsync" in of_file[last:], f"{source} was renamed before it was synced"
        after = [(call, path) for call, path, _ in calls[at:following]]
        assert ("fsync", target.parent) in after, f"{target.parent} was not synced"
