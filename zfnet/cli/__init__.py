"""The command line, `zfnet COMMAND`: a user's mistake gives one message and exit status 2."""

from __future__ import annotations

from zfnet.cli.app import main

__all__ = ["main"]
