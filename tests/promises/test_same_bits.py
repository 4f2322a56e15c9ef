"""Two runs of one recipe: the same bits, with two threads; one thread is `test_storage`'s."""

from __future__ import annotations

from pathlib import Path

from tests.promises.training import Bench, differences
from tests.promises.warm import Warm


def test_two_runs_of_one_recipe_have_the_same_bits(tmp_path: Path) -> None:
    """The first by the warm process, the second by a child of it."""
    with Warm(NUMBA_NUM_THREADS="2") as warm:
        bench = Bench.prepared(warm, tmp_path)
        out = bench.fresh()
        ended = bench.train(out)
    assert "2 threads" in ended.said
    assert (ended.status, differences(out, bench.whole)) == (0, [])
