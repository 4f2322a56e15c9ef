"""Requirements of commands: packages that not everybody has."""

from __future__ import annotations

import importlib.util


def require_hypothesis() -> None:
    """ValueError that says how to install hypothesis, if it is missing."""
    if importlib.util.find_spec("hypothesis") is None:
        raise ValueError(
            "hypothesis, which draws the examples, is not installed: pip install hypothesis"
        )
