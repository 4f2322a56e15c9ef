"""Commands in one watched process, for what they do beside their work.

    python -m tests.promises.confined FOLDER < commands.json

The commands are lists of arguments of `zfnet`. Files may be written below FOLDER and in caches.
Connecting or listening is refused. The answer is a list of deeds and statuses, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from tests.promises.watch import Watch
from zfnet.cli import main as zfnet


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """No address is looked up, connected to or listened at."""
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"):
        raise RuntimeError(f"{event} {arguments[1:]!r}")


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.addaudithook(refuse)
    watch = Watch()
    watch.begin(None, (os.path.realpath(sys.argv[1]),))
    statuses = [_status(arguments) for arguments in json.load(sys.stdin)]
    watch.on = False
    json.dump({"deeds": watch.deeds, "statuses": statuses}, answers)
    answers.flush()


def _status(arguments: list[str]) -> Any:
    sys.argv = ["zfnet", *arguments]
    try:
        zfnet()
    except SystemExit as ended:
        return ended.code or 0
    return 0


if __name__ == "__main__":
    main()
