"""Reasons that quote a file: on one line, of a readable length."""

from __future__ import annotations

import pytest

from kernels.terminal.sentences import MOST, shortened

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("length", [0, 1, MOST - 1, MOST])
def test_a_short_reason_stays_as_it_is(length: int) -> None:
    assert shortened("x" * length) == "x" * length


@pytest.mark.parametrize("length", [MOST + 1, 100_000])
def test_a_long_reason_keeps_its_beginning_and_its_end(length: int) -> None:
    found = shortened("begin" + "x" * length + "end")
    assert found.startswith("beginx") and found.endswith("xend") and len(found) <= MOST


def test_a_reason_of_several_lines_becomes_one() -> None:
    assert shortened(ValueError("a\n  b\tc")) == "a b c"
