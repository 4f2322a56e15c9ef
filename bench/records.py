"""Measurements as JSON files, written and read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from bench.cases import Case, Contender
from bench.counters import Counts
from bench.machine import Machine
from bench.operations import OPERATIONS, of
from bench.rows import Row, baseline, ratios, spread
from minidl.serialize import replacing

FORMAT, BEFORE = "minidl bench 2", "minidl bench 1"
"""Current and earlier format. `BEFORE` lacks the operations really done; its peak is the rate of a
matrix product."""
Record = tuple[list[Row], Machine]


def write_json(path: Path, rows: Sequence[Row], machine: Machine) -> None:
    """The machine, and each row with the seconds of every round."""
    document = {
        "format": FORMAT,
        "machine": asdict(machine),
        "rows": [_as_json(row, rows, machine) for row in rows],
    }
    with replacing(path) as beside:
        beside.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _as_json(row: Row, rows: Sequence[Row], machine: Machine) -> dict[str, object]:
    against = baseline(rows, row.case)
    document = asdict(row)
    if row.seconds:
        document |= {"median": row.time, "spread": spread(row.seconds), "gflops": row.gflops}
        if share := row.share_of_peak(machine):
            document |= {"share_of_peak": share.value, "limit": share.limit}
    if row.seconds and against:
        document["ratio"] = float(np.median(ratios(row, against)))
    return document


def read_json(paths: Sequence[Path]) -> Record:
    """The rows that `write_json` wrote to these files; of a case in several files the last counts.

    FileNotFoundError, ValueError for a file of another kind or of another processor.
    """
    return reduce(_joined, [_read(path) for path in paths])


def _joined(old: Record, new: Record) -> Record:
    (rows, machine), (others, other) = old, new
    if (machine.processor, machine.threads) != (other.processor, other.threads):
        raise ValueError(
            f"one report is of one machine, these files are of {machine.processor} with "
            f"{machine.threads} threads and of {other.processor} with {other.threads}"
        )
    again = {row.case for row in others}
    kept = [row for row in rows if row.case not in again]
    limits, runs = machine.better(other), machine.runs + other.runs
    joined = replace(limits, date=other.date, versions=other.versions, runs=runs)
    return kept + others, replace(joined, again=machine.again + other.again)


def _read(path: Path) -> Record:
    text = path.read_text(encoding="utf-8")
    try:
        document: dict[str, Any] = json.loads(text)
        if document["format"] not in (FORMAT, BEFORE):
            raise ValueError(f"its format is {document['format']!r}")
        rows = [_row(row) for row in document["rows"]]
        return rows, _machine(document["machine"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is not what `python -m bench --json FILE` writes: "
            f"{type(error).__name__}: {error}"
        ) from None


def _row(document: dict[str, Any]) -> Row:
    case = document["case"]
    layer = OPERATIONS[case["operation"]].layer(**case["layer"])
    row = Row(
        Case(case["operation"], layer, case["batch"]),
        Contender(**document["contender"]),
        tuple(document["seconds"]),
        **{name: document[name] for name in ("memory", "peak", "share", "picked", "problem")},
        operations=document.get("operations"),
        counts=Counts(**document["counts"]) if document.get("counts") else None,
    )
    if "operations" in document:
        return row
    # The earlier format: the operations of today's kernel of that name.
    return replace(row, operations=of(row.case).done(row.case, row.contender))


def _machine(document: dict[str, Any]) -> Machine:
    copies = tuple((int(moved), float(rate)) for moved, rate in document.pop("copies"))
    if "matmul_gflops" in document:
        document |= {"peak_gflops": document.pop("matmul_gflops"), "product": True}
    return Machine(**document, copies=copies)
