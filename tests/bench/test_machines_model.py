"""The model of a data-parallel step: its limits, its tables, and the page that has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.machines.__main__ import RECORD, main, read
from bench.machines.compute import Meter, Subject, operations
from bench.machines.links import CLUSTERS, of_images
from bench.machines.page import BEGIN, END, at, pays
from bench.machines.step import Bucket, Compute, Link, efficiency, exchange, pays_up_to, step

TWO = Compute(16, 1.0, 2.0, 0.5, (Bucket(8e6, 0.5), Bucket(4e6, 2.0)))


def test_one_process_sends_nothing() -> None:
    found = step(TWO, Link(1.0, 1.0), 1, 4)
    assert (found.computing, found.waiting, found.sending) == (4 * 3.0 + 0.5, 0.0, 0.0)


def test_what_is_sent_while_earlier_layers_compute_costs_nothing() -> None:
    """Bucket 1 takes 2 (1) latency + 2 8e6 / 2 / bandwidth = 0.2 + 0.8 s, behind 1.5 s; bucket 2
    0.2 + 0.4 s, after all is computed."""
    found = step(TWO, Link(0.1, 1e7), 2, 4)
    assert found.computing == pytest.approx(2 * 3.0 + 0.5)
    assert found.waiting == pytest.approx(0.6)
    assert found.sending == pytest.approx(1.6)
    assert found.hidden == pytest.approx(1 - 0.6 / 1.6)


def test_a_bucket_waits_for_the_one_in_front_of_it() -> None:
    """Of 3 processes with 4 shards the second has the shards 1 and 2, of which no node has both."""
    slow = Link(0.0, 1e6)
    assert exchange(8e6, slow, 3, 2) == pytest.approx(3 * 8 * 2 / 3)
    assert step(TWO, slow, 2, 4).waiting == pytest.approx(0.5 + 8 + 4 - 2)


@given(
    st.integers(1, 64), st.floats(0, 1), st.floats(1e3, 1e12), st.floats(1, 4), st.integers(1, 64)
)
def test_a_faster_link_never_makes_a_step_longer(
    processes: int, latency: float, bandwidth: float, times: float, more: int
) -> None:
    shards = processes * more
    slow = step(TWO, Link(latency, bandwidth), processes, shards)
    fast = step(TWO, Link(latency / times, bandwidth * times), processes, shards)
    free = step(TWO, Link(0.0, 1e30), processes, shards)
    assert free.seconds - 1e-9 <= fast.seconds <= slow.seconds * (1 + 1e-12)
    assert 0 <= slow.hidden <= 1
    assert efficiency(TWO, Link(0.0, 1e30), processes, shards) == pytest.approx(1)


def test_more_processes_than_shards_are_refused_and_slow_links_stop_paying() -> None:
    with pytest.raises(ValueError, match="5 processes of 4 shards"):
        step(TWO, Link(0.0, 1e9), 5, 4)
    assert pays_up_to(TWO, Link(0.0, 1e30), [1, 2, 4, 8], 8) == 8
    assert pays_up_to(TWO, Link(1.0, 1e30), [1, 2, 4, 8], 8) < 8


def test_a_shard_is_measured_bucket_by_bucket() -> None:
    subject = Subject("zfnet", 56, 5, 0.03)
    model = subject.model()
    meter = Meter(model, 2)
    for _ in range(3):
        meter.once()
    found = meter.compute()
    assert found.bytes == 4 * model.parameter_count
    ready = [bucket.ready for bucket in found.buckets]
    assert ready == sorted(ready) and ready[0] > 0 and ready[-1] <= found.backward
    conv1 = dict(model.children())["conv1"].weight.size * 6 * 25 * 25
    assert conv1 < operations(model)


def test_the_page_has_the_tables_of_the_record(tmp_path: Path) -> None:
    """`python -m bench.machines` writes it; whoever changes the model or the record runs it."""
    record, page = tmp_path / "machines.json", tmp_path / "machines.md"
    record.write_bytes(RECORD.read_bytes())
    kept = (RECORD.parents[1] / "machines.md").read_text("utf-8")
    before, rest = kept.split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{END}{rest.split(END)[1]}", "utf-8")
    main(["--record", str(record), "--page", str(page)])
    assert page.read_text("utf-8") == kept
    assert (tmp_path / "machines.svg").read_text("utf-8").count("<svg") == 1


def test_larger_batches_bear_more_nodes() -> None:
    runs, computed, _ = read(RECORD)
    assert [run.processes for run in runs] == [1, 2, 4, 8]
    for one in computed:
        for cluster in CLUSTERS:
            assert pays(cluster, 128, one) <= pays(cluster, 8192, one)
            assert at(cluster, 1, 128, one)[1] == pytest.approx(1)
        compute = of_images(one.compute, 8)
        assert compute.forward == pytest.approx(8 / one.compute.images * one.compute.forward)
    assert json.loads(RECORD.read_text("utf-8"))["machine"]
