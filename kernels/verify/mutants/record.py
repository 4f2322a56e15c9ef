"""Record of a mutation test with every property: a JSON file with an entry for each mutant.

A hunt that tries every property on every mutant takes hours, so its results are saved: for each
mutant the properties that were tried, those that caught it and at which example, the profile, the
seed and the day. An interrupted run can be resumed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from kernels.storage.atomic import replacing
from kernels.verify.mutants.hunt import Result, properties_of
from kernels.verify.mutants.mutant import Mutant
from kernels.verify.mutants.plant import sound_kernel


@dataclass(frozen=True)
class Hunted:
    """One mutant's entry.

    tried:    names of the properties that were tried on it.
    caught:   for each property that caught it, the number of the example; 0 if the process died.
    amiss:    why the hunt was not completed; "" if it was.
    """

    date: str
    profile: str
    seed: int
    tried: tuple[str, ...]
    caught: dict[str, int]
    amiss: str = ""


Record = dict[str, Hunted]
"""By the mutant's name."""


def read_record(path: Path) -> Record:
    """The record in the file; empty if there is no file."""
    if not path.exists():
        return {}
    entries = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Hunted(**entry | {"tried": tuple(entry["tried"])}) for name, entry in entries.items()
    }


def write_record(path: Path, record: Record) -> None:
    """Writes one line for each mutant, in the order of their names."""
    lines = (f"{json.dumps(name)}: {json.dumps(asdict(record[name]))}" for name in sorted(record))
    with replacing(path) as beside:
        beside.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def left_to_hunt(mutants: Sequence[Mutant], record: Record) -> list[Mutant]:
    """The mutants that the record lacks, or whose hunt was not completed."""
    return [m for m in mutants if m.name not in record or record[m.name].amiss]


def entry(result: Result, profile: str, seed: int) -> Hunted:
    """The entry for the result of a hunt with every property.

    If a mutant ended its process, nothing is known of the remaining properties.
    """
    caught = {catch.property: catch.examples for catch in result.catches}
    died = 0 in caught.values()
    concerning = (p.name for p in properties_of(sound_kernel(result.mutant)))
    tried = tuple(caught if died else () if result.amiss else concerning)
    return Hunted(f"{datetime.now(UTC):%Y-%m-%d}", profile, seed, tried, caught, result.amiss)
