"""Property suite: drawn calls, properties, bounds, and planted bugs that it must catch.

`suite` runs it; `python -m kernels verify` is its command. hypothesis is imported here only
(extra `verify`).
"""

from __future__ import annotations

from kernels.verify import operations, properties
from kernels.verify.calls import OPERATIONS, Call, make
from kernels.verify.property import PROPERTIES, Property, Violation
from kernels.verify.runner import PROFILES, Failure, Outcome, try_property

__all__ = [
    "OPERATIONS",
    "PROFILES",
    "PROPERTIES",
    "Call",
    "Failure",
    "Outcome",
    "Property",
    "Violation",
    "make",
    "operations",
    "properties",
    "try_property",
]
