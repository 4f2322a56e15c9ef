"""`python -m bench.machines`: measures steps here, writes the tables of docs/machines.md."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import minidl
from bench.machines.compute import Meter, Subject, operations
from bench.machines.links import SUBJECTS
from bench.machines.measured import Run
from bench.machines.page import BEGIN, CHART, END, Measured, chart, text
from bench.machines.step import Bucket, Compute

DOCS = Path(__file__).resolve().parents[2] / "docs"
RECORD = DOCS / "bench" / "machines.json"
HELD = Subject("zfnet", 56, 100, 0.25)
"""The network of the measured steps."""
PROCESSES = (1, 2, 4, 8)


def measured_runs(steps: int) -> list[dict[str, Any]]:
    """Steps of each number of processes, oversubscribed where there are fewer cores."""
    mpiexec = shutil.which("mpiexec", path=str(Path(sys.executable).parent))
    if mpiexec is None and (mpiexec := shutil.which("mpiexec")) is None:
        raise SystemExit("mpiexec is missing: pip install 'minidl-zfnet[mpi]' brings MPICH's")
    found = []
    for count in PROCESSES:
        worker = [sys.executable, "-m", "bench.machines.measured", HELD.name]
        sizes = [str(n) for n in (HELD.image_size, HELD.classes, HELD.width)]
        command = [mpiexec, "-n", str(count), *worker, *sizes, "--steps", str(steps)]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found.append(json.loads(said.strip().splitlines()[-1]))
    return found


def measured_compute(subject: Subject, images: int, passes: int) -> dict[str, Any]:
    """A subject's computation on one thread."""
    minidl.set_num_threads(1)
    model = subject.model()
    meter = Meter(model, images)
    for _ in range(passes + 1):
        meter.once()
    found = {"title": subject.title, "operations": operations(model)}
    return {**found, "compute": asdict(meter.compute())}


def read(record: Path) -> tuple[list[Run], list[Measured], str]:
    """The measured steps and computations of a record, and the machine in words."""
    stored = json.loads(record.read_text("utf-8"))
    computed = []
    for one in stored["computed"]:
        buckets = tuple(Bucket(**bucket) for bucket in one["compute"].pop("buckets"))
        compute = Compute(**one["compute"], buckets=buckets)
        computed.append(Measured(one["title"], one["operations"], compute))
    return [Run.of_json(run) for run in stored["runs"]], computed, stored["machine"]


def write(record: Path, page: Path) -> None:
    """The chart, and the tables in place of those between the page's marks."""
    runs, computed, machine = read(record)
    chart(computed, record.with_name(CHART))
    before, rest = page.read_text("utf-8").split(BEGIN)
    _, after = rest.split(END)
    page.write_text(f"{before}{BEGIN}\n{text(runs, computed, machine)}{END}{after}", "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.machines", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="Measure here, and keep it.")
    parser.add_argument("--machine", default="this machine", help="Its name in the page.")
    parser.add_argument("--steps", type=int, default=5, help="Steps and passes that are measured.")
    parser.add_argument("--record", type=Path, default=RECORD, help="File of what was measured.")
    parser.add_argument("--page", type=Path, default=DOCS / "machines.md", help="Page to write.")
    given = parser.parse_args(arguments)
    if given.measure:
        computed = [measured_compute(subject, 4, given.steps) for subject in SUBJECTS]
        found = {"machine": given.machine, "runs": measured_runs(given.steps)}
        given.record.write_text(json.dumps({**found, "computed": computed}, indent=1), "utf-8")
    write(given.record, given.page)


if __name__ == "__main__":
    main()
