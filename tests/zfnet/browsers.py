"""Chromium for the tests of pages.

It takes Playwright and Debian's Chromium. Where one is missing the tests are skipped, but with CI
set they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """The browser, started with these arguments too."""
    wanting = pytest.fail if os.environ.get("CI") else pytest.skip
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        wanting("Playwright is missing: pip install -e '.[test]'")
    path = shutil.which("chromium")
    if path is None:
        wanting("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", *arguments]
        )
        yield launched
        launched.close()
