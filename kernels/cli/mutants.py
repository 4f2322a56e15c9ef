"""`python -m kernels verify --mutants`: mutation testing, with a table of its results."""

from __future__ import annotations

import time
from pathlib import Path

from kernels.terminal.progress import Task, console, progress_bars, say
from kernels.verify.catalogue import page
from kernels.verify.mutants import (
    MUTANTS,
    Mutant,
    Result,
    by_property,
    mutation_run,
    sampled,
    table,
)
from kernels.verify.mutants.record import entry, left_to_hunt, read_record, write_record
from kernels.verify.mutants.run import SECONDS
from kernels.verify.suite import words

EVERY_SECONDS = 4 * SECONDS
"""Time limit of a mutant on which every property is tried."""


def write_catalogue(file: Path) -> None:
    """Writes the page of all properties; the record of catches is the .json file beside it."""
    file.write_text(page(read_record(file.with_suffix(".json"))), encoding="utf-8")
    say(f"wrote {file}")


def hunt_mutants(
    operation: str | None,
    kernel: str | None,
    profile: str,
    seed: int,
    sample: int | None,
    every: bool,
    record: Path | None = None,
) -> int:
    """Hunt the selected mutants, print the catches; 0 if all were caught, 1 if one escaped.

    record: a file to which each result is added at once; mutants that it contains are skipped.
    """
    mutants = _chosen(operation, kernel)
    if sample is not None:
        mutants = sampled(mutants, sample, seed)
    if record is not None:
        mutants = left_to_hunt(mutants, read_record(record))
    began, results = time.monotonic(), list[Result]()
    interrupted = False
    try:
        _hunt(mutants, profile, seed, every, results, record)
    except KeyboardInterrupt:
        interrupted = True
    console.print(table(results))
    if every:
        console.print(by_property(results))
    return _conclude(mutants, results, interrupted, f"profile {profile}, seed {seed}, "
                     f"{time.monotonic() - began:.0f} s")  # fmt: skip


def _chosen(operations: str | None, kernel: str | None) -> list[Mutant]:
    wanted = words(operations) or list(dict.fromkeys(m.operation for m in MUTANTS))
    found = [m for m in MUTANTS if m.operation in wanted and kernel in (None, m.kernel)]
    without = [name for name in wanted if name not in {m.operation for m in found}]
    if without if operations else not found:
        known = ", ".join(dict.fromkeys(f"{m.operation} {m.kernel}" for m in MUTANTS))
        named = " ".join(
            word for word in (", ".join(without if operations else ()), kernel) if word
        )
        raise ValueError(f"no bug is planted in {named!r}; there are some in {known}")
    return found


def _hunt(
    mutants: list[Mutant],
    profile: str,
    seed: int,
    every: bool,
    results: list[Result],
    record: Path | None,
) -> None:
    with progress_bars() as bars:
        task = Task(bars, "hunting", len(mutants))

        def report(done: int, total: int, result: Result) -> None:
            results.append(result)
            if record is not None:
                found = {result.mutant.name: entry(result, profile, seed)}
                write_record(record, read_record(record) | found)
            task.update(done, total, result.mutant.name)

        mutation_run(mutants, profile, seed, report, every, EVERY_SECONDS if every else SECONDS)


def _conclude(mutants: list[Mutant], results: list[Result], interrupted: bool, how: str) -> int:
    escaped = [result for result in results if not result.caught]
    for result in escaped:
        say(f"escaped: {result.mutant.name} {result.amiss}")
    say(f"{len(results) - len(escaped)} of {len(results)} planted bugs are caught ({how})")
    if interrupted:
        say(f"interrupted: {len(mutants) - len(results)} were not hunted")
        return 2
    return 1 if escaped else 0
