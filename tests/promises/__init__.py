"""Trials behind docs/promises.md; `python -m tests.promises` runs all of them."""
