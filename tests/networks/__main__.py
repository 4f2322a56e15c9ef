"""Networks against ONNX Runtime: `python -m tests.networks --record FILE`.

    python -m tests.networks --record results.jsonl              # all; begun again, it goes on
    python -m tests.networks --record results.jsonl --only vit   # the cases with this in the name
    python -m tests.networks --record results.jsonl --table      # the results so far
    python -m tests.networks --record files.jsonl --files FOLDER --images PHOTOGRAPHS

For each of torchvision's 80 classification and six segmentation networks and a U-Net: export with
drawn weights, import, compare, delete, in a process of its own. Each result is one line of JSON in
the record, written at once. It needs torch, torchvision, onnx, onnxruntime and, for the newer
exporter, onnxscript; hours on two cores, 16 GiB of memory and 8 GiB of disk.

With --files: the ONNX files in folders, each output, on photographs that are prepared as the
network's owner does. What cannot be imported is listed with the reason, and is no failure.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kernels.terminal.sentences import shortened
from tests.networks import files
from tests.networks.cases import Case, cases
from tests.networks.compare import compared
from tests.networks.files import networks

COLUMNS = ("layers", "weights", "export", "import", "first image", "difference", "bound", "spread")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if every network that was tried is equal."""
    chosen = options(arguments)
    if chosen.case:
        print(json.dumps(one(chosen)))
        return 0
    record = read(chosen.record)
    if not chosen.table:
        names = map(str, networks(chosen.files)) if chosen.files else (c.name for c in cases())
        wanted = [name for name in names if chosen.only in name and name not in record]
        for at, name in enumerate(wanted, start=1):
            row = in_a_process(name, chosen)
            record[name] = row
            with open(chosen.record, "a") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{at} of {len(wanted)}: {name}: {verdict(row)}", flush=True)
    print(table(record))
    return int(not all(row.get("equal") or "refused" in row for row in record.values()))


def one(chosen: argparse.Namespace) -> dict[str, Any]:
    """The result of one case."""
    if chosen.images:
        return files.compared(Path(chosen.case), chosen.images)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        return compared(Case.of(chosen.case), Path(folder))


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.networks", description=__doc__)
    parser.add_argument("--record", type=Path, default=Path("networks.jsonl"))
    parser.add_argument("--only", default="", help="Part of the cases' names.")
    parser.add_argument("--folder", type=Path, help="Where the files are written meanwhile.")
    parser.add_argument("--table", action="store_true", help="Print the record alone.")
    parser.add_argument("--case", help="One case, here: its result as a line of JSON.")
    parser.add_argument("--files", type=Path, nargs="+", help="ONNX files, or folders of them.")
    parser.add_argument("--images", type=Path, help="A folder of photographs for these files.")
    chosen = parser.parse_args(arguments)
    if chosen.files and not chosen.images:
        parser.error("--files needs --images, a folder of photographs")
    return chosen


def read(record: Path) -> dict[str, dict[str, Any]]:
    """The results so far by the case's name; a failure is tried again."""
    if not record.exists():
        return {}
    rows = map(json.loads, record.read_text().splitlines())
    return {row["case"]: row for row in rows if "error" not in row}


def in_a_process(name: str, chosen: argparse.Namespace) -> dict[str, Any]:
    """The result of one case, or its error."""
    command = [sys.executable, "-m", "tests.networks", "--case", name]
    if chosen.folder is not None:
        chosen.folder.mkdir(parents=True, exist_ok=True)
    more = [] if chosen.folder is None else ["--folder", str(chosen.folder)]
    more += [] if chosen.images is None else ["--images", str(chosen.images)]
    ended = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
    if ended.returncode:
        last = ended.stderr.strip().splitlines()[-1:] or [f"exit status {ended.returncode}"]
        return {"case": name, "error": shortened(last[0])}
    row: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return row


def table(record: dict[str, dict[str, Any]]) -> str:
    """The results as a table of Markdown."""
    lines = ["| case | " + " | ".join(COLUMNS) + " | result |", "|---" * (len(COLUMNS) + 2) + "|"]
    for name, row in record.items():
        values = [f"{row[c]:.3g}" if c in row else "" for c in COLUMNS]
        lines.append(f"| {name} | {' | '.join(values)} | {verdict(row)} |")
    return "\n".join(lines)


def verdict(row: dict[str, Any]) -> str:
    if "refused" in row:
        return f"refused: {row['refused']}"
    if "error" in row or row.get("equal"):
        return str(row.get("error", "equal"))
    within = row["difference"] <= row["bound"]
    return "nothing shown, the bound is as wide as the results differ" if within else "NOT EQUAL"


if __name__ == "__main__":
    sys.exit(main())
