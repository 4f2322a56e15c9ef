"""Catalogue of properties: complete, up to date, and with the record of a hunt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kernels.verify.properties  # noqa: F401 (which finds them all)
from kernels.cli.app import main
from kernels.verify.catalogue import page
from kernels.verify.mutants import MUTANTS, Catch, Result
from kernels.verify.mutants.record import (
    Hunted,
    entry,
    left_to_hunt,
    read_record,
    write_record,
)
from kernels.verify.property import PROPERTIES
from kernels.verify.readings import READINGS

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "properties.md").read_text(encoding="utf-8")
RECORD = read_record(DOCS / "properties.json")
BUG = next(m for m in MUTANTS if m.operation == "relu" and m.device == "cpu")


def kernels_command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["kernels", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_every_property_is_in_the_catalogue_with_what_its_failure_means() -> None:
    assert re.findall(r"^### (.*)$", PAGE, flags=re.MULTILINE) == list(PROPERTIES)
    assert list(READINGS) == list(PROPERTIES)
    for each in PROPERTIES.values():
        text = PAGE.split(f"\n### {each.name}\n")[1].split("\n##")[0]
        assert each.sentence in text
        assert READINGS[each.name] in text
        assert re.search(r"\*\*Catches\*\*: (\d+ of \d+ planted bugs|not yet hunted)", text)


def test_the_page_is_up_to_date() -> None:
    assert page(RECORD) == PAGE, "python -m kernels verify --catalogue docs/properties.md"


def test_the_record_is_of_bugs_and_properties_that_exist() -> None:
    assert set(RECORD) <= {mutant.name for mutant in MUTANTS}
    for name, hunted in RECORD.items():
        assert set(hunted.tried) <= set(PROPERTIES), name
        assert set(hunted.caught) <= set(hunted.tried), name


def test_the_page_counts_what_a_property_caught_and_caught_alone() -> None:
    others = [m for m in MUTANTS if m.operation == "relu"][:2]
    record = {
        others[0].name: Hunted("2026-01-01", "dev", 0, ("definition", "gate"), {"definition": 2}),
        others[1].name: Hunted(
            *("2026-01-02", "dev", 0, ("definition", "gate"), {"definition": 1, "gate": 4})
        ),
        MUTANTS[-1].name: Hunted("2026-01-03", "dev", 0, (), {}, amiss="no answer"),
    }
    text = page(record)
    kernel, bug = others[1].name.split(": ", 1)
    assert f"| {kernel} | {bug} | definition, gate | 2 |" in text.split("## Planted bugs")[1]
    definition, gate = (text.split(f"\n### {name}\n")[1] for name in ("definition", "gate"))
    assert f"2 of 2 planted bugs, 1 of them alone; for example {others[0].name}" in definition
    assert "1 of 2 planted bugs; for example" in gate.split("###")[0]
    assert f"2 of {len(MUTANTS)} planted bugs were hunted, from 2026-01-01 to 2026-01-02" in text
    assert f"Not yet hunted by 2026-01-02: {len(MUTANTS) - 2}, of" in text
    assert "not yet hunted" in text.split("\n### ties\n")[1].split("###")[0]


def test_without_a_record_the_page_says_that_nothing_was_hunted() -> None:
    assert f"None of {len(MUTANTS)} planted bugs has been hunted yet." in page({})


def test_a_record_is_read_as_it_was_written_and_leaves_what_is_not_in_it(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    assert read_record(file) == {}
    found = entry(Result(BUG, (Catch("definition", 3, "off"),)), "dev", 7)
    assert found.caught == {"definition": 3}
    assert {"definition", "rectified twice"} <= set(found.tried)
    died = entry(Result(BUG, (Catch("gate", 0, "the process died: SIGSEGV"),)), "dev", 7)
    assert died.tried == ("gate",)
    late = entry(Result(BUG, amiss="no answer in 300 s"), "dev", 7)
    assert late.tried == ()
    write_record(file, {BUG.name: found, MUTANTS[0].name: late})
    record = read_record(file)
    assert record == {BUG.name: found, MUTANTS[0].name: late}
    left = left_to_hunt(MUTANTS, record)
    assert BUG not in left
    assert MUTANTS[0] in left
    assert len(left) == len(MUTANTS) - 1


def test_a_hunt_goes_on_where_its_record_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "record.json"
    relus = [m for m in MUTANTS if (m.operation, m.kernel) == ("relu", "elementwise")]
    kept = Hunted("2026-01-01", "few", 0, ("definition",), {"definition": 1})
    write_record(file, {mutant.name: kept for mutant in relus[1:]})
    arguments = ("--mutants", "--every", "--profile", "few", "--record", str(file))
    where = ("--op", "relu", "--kernel", "elementwise")
    assert kernels_command(monkeypatch, "verify", *arguments, *where) == 0
    record = read_record(file)
    assert set(record) == {mutant.name for mutant in relus}
    assert record[relus[0].name].caught
    assert all(record[mutant.name] == kept for mutant in relus[1:])


def test_the_command_writes_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_record(tmp_path / "page.json", RECORD)
    assert kernels_command(monkeypatch, "verify", "--catalogue", str(tmp_path / "page.md")) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == PAGE


def test_a_record_needs_every_property(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    arguments = ("verify", "--mutants", "--record", str(tmp_path / "record.json"))
    assert kernels_command(monkeypatch, *arguments) == 2
