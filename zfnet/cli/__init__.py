"""The command line: `zfnet COMMAND`. A user's mistake is one message and exit status 2."""

from __future__ import annotations

from zfnet.cli.app import main

__all__ = ["main"]
