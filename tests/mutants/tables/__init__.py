"""Tables of the planted bugs, one file for each package."""

from __future__ import annotations

from tests.mutants.bug import read
from tests.mutants.tables import contract, engine, pictures

BUGS = tuple(bug for table in (contract, engine, pictures) for bug in read(table.TABLE))
