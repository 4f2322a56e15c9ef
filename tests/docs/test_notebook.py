"""The notebook: executed in a clean kernel, with the outputs that are committed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.docs.notebook import NOTEBOOK, ROOT, code_cells, differences, executed, read

MOST_BYTES = 400_000


@pytest.fixture(scope="module")
def fresh() -> Any:
    return executed(read())


def test_every_cell_is_executed_in_order_and_has_its_output() -> None:
    cells = code_cells(read())
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell.outputs for cell in cells)
    kinds = {kind for cell in cells for o in cell.outputs for kind in o.get("data", {})}
    assert "image/png" in kinds
    assert not any(o.output_type == "error" or o.get("name") == "stderr"
                   for cell in cells for o in cell.outputs)  # fmt: skip


def test_the_committed_outputs_are_those_of_the_execution(fresh: Any) -> None:
    pairs = list(zip(code_cells(read()), code_cells(fresh), strict=True))
    wrong = {n: found for n, pair in enumerate(pairs, 1) if (found := differences(*pair))}
    assert not wrong, f"execute it again with `python -m tests.docs.notebook`: {wrong}"


def test_an_output_that_differs_would_be_noticed(fresh: Any) -> None:
    cells = code_cells(read())
    with_text = next(c for c in cells if any("text" in o for o in c.outputs))
    other = copy.deepcopy(with_text)
    other.outputs[0].text = other.outputs[0].text.replace("1", "7") + "."
    assert differences(with_text, other)
    with_picture = next(
        c for c in cells if any("image/png" in o.get("data", {}) for o in c.outputs)
    )
    other = copy.deepcopy(with_picture)
    other.outputs = []
    assert differences(with_picture, other)


def test_it_is_small_and_the_readme_leads_to_it() -> None:
    assert NOTEBOOK.stat().st_size < MOST_BYTES
    assert f"docs/{NOTEBOOK.name}" in (ROOT / "README.md").read_text(encoding="utf-8")
