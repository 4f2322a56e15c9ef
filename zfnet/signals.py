"""Exceptions and warnings whose text is meant for the user as it stands.

The command line prints them as sentences. They need no other module, so that it can start quickly.
"""

from __future__ import annotations


class Stopped(Exception):
    """Ctrl-C or SIGTERM, after a checkpoint; the message says how to resume.

    status: the exit status, 130 or 143.
    """

    def __init__(self, message: str, status: int = 130) -> None:
        super().__init__(message)
        self.status = status


class DataWarning(UserWarning):
    """What was passed over in a data set's folder, or taken for something that it may not be."""
