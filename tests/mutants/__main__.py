"""Mutation test of all planted bugs, `python -m tests.mutants`; exit status 0 if all are caught."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.hunt import hunt
from tests.mutants.page import page
from tests.mutants.tables import BUGS


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parts = list(dict.fromkeys(bug.part for bug in BUGS))
    parser.add_argument("--part", choices=parts, help="only bugs of this part")
    parser.add_argument("--page", type=Path, help="only write the page of all bugs here")
    options = parser.parse_args(arguments)
    if options.page is not None:
        options.page.write_text(page(BUGS), encoding="utf-8")
        print(f"wrote {options.page}")
        return 0
    escaped = 0
    for bug in (bug for bug in BUGS if options.part in (None, bug.part)):
        found = hunt(bug)
        escaped += not found.caught
        print(f"{bug.name}: {found.test or f'ESCAPED, {found.amiss}'} ({found.seconds:.0f} s)",
              flush=True)  # fmt: skip
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(main())
