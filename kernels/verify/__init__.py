"""Property suite: drawn calls, properties, bounds, and planted bugs that it must catch.

What `__all__` lists is a library for tests of kernels, for whoever writes them: strategies of
hypothesis (`geometries_of`, `arrays_of`, `options_of`, `calls_of`), oracles (`by_definition`,
`in_float64`, `by_pytorch`, `by_onnx`), bounds (`bounds_of`, `agree`), and properties, each a
function of a kernel and a call. docs/verify-your-kernels.md shows them at work. `suite` runs all
properties; `python -m kernels verify` is its command, and `plugin` shows each property as a test of
pytest. hypothesis is imported here only (extra `verify`).
"""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("hypothesis") is None:
    raise ModuleNotFoundError(
        "kernels.verify needs hypothesis, which draws the examples: pip install hypothesis, or "
        "this project with the extra `verify`",
        name="hypothesis",
    )

import kernels.verify.operations
import kernels.verify.properties  # noqa: F401  (which finds them all)
from kernels.verify.calls import OPERATIONS, Call, make
from kernels.verify.judging import (
    bounds_of,
    by_definition,
    by_onnx,
    by_pytorch,
    error_in_bounds,
    in_float64,
)
from kernels.verify.outcome import Failure, Outcome
from kernels.verify.property import PROPERTIES, Property, agree, assume, holds, require, same
from kernels.verify.required import load_kernels, properties_of, require_properties
from kernels.verify.runner import PROFILES, try_property
from kernels.verify.strategies import (
    arrays_of,
    calls_of,
    geometries_of,
    listed_geometries,
    options_of,
)
from kernels.verify.verdicts import Inapplicable, Violation

__all__ = [
    "OPERATIONS",
    "PROFILES",
    "PROPERTIES",
    "Call",
    "Failure",
    "Inapplicable",
    "Outcome",
    "Property",
    "Violation",
    "agree",
    "arrays_of",
    "assume",
    "bounds_of",
    "by_definition",
    "by_onnx",
    "by_pytorch",
    "calls_of",
    "error_in_bounds",
    "geometries_of",
    "holds",
    "in_float64",
    "listed_geometries",
    "load_kernels",
    "make",
    "options_of",
    "properties_of",
    "require",
    "require_properties",
    "same",
    "try_property",
]
