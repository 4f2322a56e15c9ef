"""All trials of the promises: `python -m tests.promises`, hours on two cores.

    python -m tests.promises                          # everything; begun again, it goes on
    python -m tests.promises --only faults,kills      # these parts
    python -m tests.promises --only faults --case new-17-once-EIO    # one case

Each result is a line of JSON in a file of the folder --out, written at once. The file's name has a
digest of the sources: results of other code do not count.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import queue
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.promises.faults import FAULTS
from tests.promises.kills import KILLS
from tests.promises.mutations import MUTATIONS
from tests.promises.part import Part, Trial
from tests.promises.races import RACES

PARTS = {part.name: part for part in (FAULTS, KILLS, RACES, MUTATIONS)}
ROOT = Path(__file__).resolve().parents[2]
SOURCES = "kernels", "minidl", "zfnet", "tests/promises", "tests/shared"


@dataclass
class Record:
    """The results so far of this state of the sources."""

    file: Path
    found: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def opened(cls, folder: Path) -> Record:
        folder.mkdir(parents=True, exist_ok=True)
        record = cls(folder / f"results-{digest()}.jsonl")
        if record.file.exists():
            lines = map(json.loads, record.file.read_text().splitlines())
            record.found = {line["case"]: line["broken"] for line in lines}
        return record

    def add(self, case: str, broken: list[str]) -> None:
        self.found[case] = broken
        with open(self.file, "a") as file:
            file.write(json.dumps({"case": case, "broken": broken}) + "\n")


def digest() -> str:
    """Of all sources that a result depends on."""
    made = hashlib.sha256()
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in (".py", ".c", ".html", ".css"):
                made.update(file.read_bytes())
    return made.hexdigest()[:12]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if every promise was kept."""
    chosen = options(arguments)
    record = Record.opened(chosen.out)
    broken = 0
    for name in chosen.only:
        broken += tried(PARTS[name], chosen.case, chosen.jobs, record)
    print(f"Results are in {record.file}. Promises broken in {broken} cases.")
    return int(broken > 0)


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.promises", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--case", help="one case of one part, whatever its last result")
    parser.add_argument("--jobs", type=int, default=2, help="trials at the same time")
    parser.add_argument("--out", type=Path, default=Path("runs/promises"), help="for the results")
    chosen = parser.parse_args(arguments)
    chosen.only = chosen.only.split(",")
    unknown = [name for name in chosen.only if name not in PARTS]
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return chosen


def tried(part: Part, one: str | None, jobs: int, record: Record) -> int:
    """How many cases of a part broke a promise, now or in an earlier run of the command."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="promises-")))
        trials = [_opened(stack, part, folder / str(n)) for n in range(1 if one else jobs)]
        names = [one] if one else list(trials[0].cases)
        left = names if one else [n for n in names if f"{part.name} {n}" not in record.found]
        random.Random(0).shuffle(left)  # so that a run that is stopped has seen something of all
        print(f"{part.name}: {part.what}; {len(names)} cases, {len(left)} to try", flush=True)
        for done, (name, found) in enumerate(judged(trials, left), start=1):
            record.add(f"{part.name} {name}", found)
            _say(part, name, found, done, len(left))
    return sum(bool(record.found[f"{part.name} {name}"]) for name in names)


def _opened(stack: ExitStack, part: Part, folder: Path) -> Trial:
    folder.mkdir()
    return stack.enter_context(part.opened(folder))


def judged(trials: Sequence[Trial], cases: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """(case, what was broken) in the order of their ends, one thread a trial."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    ended: queue.SimpleQueue[tuple[str, list[str]]] = queue.SimpleQueue()
    for case in cases:
        waiting.put(case)

    def work(trial: Trial) -> None:
        while not waiting.empty():
            try:
                case = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                ended.put((case, trial.judge(case)))
            except Exception as error:  # the harness itself failed: that is no kept promise
                ended.put((case, [f"could not be judged: {error!r}"]))

    for trial in trials:
        threading.Thread(target=work, args=(trial,), daemon=True).start()
    for _ in cases:
        yield ended.get()


def _say(part: Part, name: str, found: list[str], done: int, total: int) -> None:
    for each in found:
        print(f"{part.name} {name}: {each}", flush=True)
    if done % 25 == 0 or done == total:
        print(f"{time.strftime('%H:%M:%S')} {part.name}: {done} of {total}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
