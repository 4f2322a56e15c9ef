"""Messages for a user's mistakes: one message and exit status 2, never a traceback."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from kernels.terminal.printable import printable

REMEDIES = {
    errno.ENOENT: "name one that exists, or create its folder first",
    errno.EACCES: "name a file or folder that you may read and write",
    errno.EPERM: "name a file or folder that you may read and write",
    errno.EROFS: "nothing can be written there: name a folder on another disk",
    errno.ENOSPC: "free some space, or name a folder on another disk",
    errno.ENOTDIR: "a part of the path is a file: name a folder",
    errno.EISDIR: "name a file, not a folder",
}
"""What helps, by the number of the system's error."""


def run(app: Callable[[], None], name: str, out_of_memory: str) -> None:
    """Run the commands of program `name`; errors that the user can correct are printed in a line.

    out_of_memory: advice for using less memory.
    """
    try:
        app()
    except (ValueError, TypeError) as error:
        _complain(name, str(error))
    except RecursionError as error:
        _complain(name, f"{error}: something that was read is nested too deeply")
    except OSError as error:
        _complain(name, _of_system(error))
    except MemoryError as error:
        _complain(name, f"out of memory: {error}; {out_of_memory}")


def _of_system(error: OSError) -> str:
    """An error of the system's as a sentence; one that this project raised has its own."""
    if error.errno is None:
        return str(error)
    where = error.filename or "the disk may be full"
    remedy = REMEDIES.get(error.errno)
    return f"{error.strerror}: {where}" + (f"; {remedy}" if remedy else "")


def _complain(name: str, message: str) -> None:
    line = Text.assemble((f"{name}:", "bold red"), " ", printable(message, "\n"))
    Console(stderr=True).print(line, soft_wrap=True)
    sys.exit(2)
