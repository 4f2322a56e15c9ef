"""Record of a hunt with every property: a JSON file that grows mutant by mutant.

A hunt that tries every property on every mutant takes hours, so what it found is kept: for each
mutant the properties that were tried, those that caught it and at which example, the profile, the
seed and the day. A run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from kernels.verify.mutants.hunt import Result, properties_of
from kernels.verify.mutants.mutant import Mutant
from kernels.verify.mutants.plant import sound_kernel


@dataclass(frozen=True)
class Hunted:
    """One mutant's entry.

    tried:    names of the properties that were tried on it.
    caught:   the number of the example at which each that caught it did; 0 if its process died.
    amiss:    why the hunt did not come to its end; "" if it did.
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
    """What the file holds; nothing if there is none."""
    if not path.exists():
        return {}
    entries = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Hunted(**entry | {"tried": tuple(entry["tried"])}) for name, entry in entries.items()
    }


def write_record(path: Path, record: Record) -> None:
    """One line a mutant, in the order of their names."""
    lines = (f"{json.dumps(name)}: {json.dumps(asdict(record[name]))}" for name in sorted(record))
    beside = path.with_name(path.name + ".part")
    beside.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    beside.replace(path)


def left_to_hunt(mutants: Sequence[Mutant], record: Record) -> list[Mutant]:
    """Those that the record does not have, or whose hunt did not come to its end."""
    return [m for m in mutants if m.name not in record or record[m.name].amiss]


def entry(result: Result, profile: str, seed: int) -> Hunted:
    """What a hunt with every property found.

    Where a mutant brought its process down, nothing is known of the other properties.
    """
    caught = {catch.property: catch.examples for catch in result.catches}
    died = 0 in caught.values()
    concerning = (p.name for p in properties_of(sound_kernel(result.mutant)))
    tried = tuple(caught if died else () if result.amiss else concerning)
    return Hunted(f"{datetime.now(UTC):%Y-%m-%d}", profile, seed, tried, caught, result.amiss)
