"""Files that the report of a run is written to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Files:
    """The JSON file and the XML file of a report; None: not in that form."""

    json: Path | None = None
    junit: Path | None = None
