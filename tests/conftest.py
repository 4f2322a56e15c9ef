"""How hypothesis draws: the same examples on every run, or many new ones where asked for."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile(
    "default", max_examples=25, deadline=None, derandomize=True, database=None
)
settings.register_profile("intense", max_examples=500, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
