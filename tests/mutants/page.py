"""Page of the planted bugs of `tests/mutants`, in Markdown: their number for each part, and each
with the tests that must catch it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.mutants.bug import Bug

HEAD = """# Planted bugs beside the kernels

Written by `python -m tests.mutants --page docs/mutants.md`; a test holds that it is up to date. \
`python -m tests.mutants` plants each bug in turn and runs the tests beside it, of which one must \
fail. Bugs of kernels, which properties catch, are in [properties.md](properties.md).

"""


def page(bugs: Sequence[Bug]) -> str:
    parts = Counter(bug.part for bug in bugs)
    counts = "".join(f"| {part} | {count} |\n" for part, count in parts.items())
    rows = "".join(f"| {b.part} | {_cell(b.kind)} | {b.file} | {b.tests} |\n" for b in bugs)
    return (
        f"{HEAD}| part | bugs |\n| --- | ---: |\n{counts}\n"
        f"| part | bug | file | caught by |\n| --- | --- | --- | --- |\n{rows}"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
