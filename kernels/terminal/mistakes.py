"""Messages for a user's mistakes: one message and exit status 2, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from kernels.terminal.printable import printable


def run(app: Callable[[], None], name: str, out_of_memory: str) -> None:
    """Run the commands of program `name`; errors that the user can correct are printed in a line.

    out_of_memory: advice for using less memory.
    """
    try:
        app()
    except (ValueError, TypeError, FileNotFoundError) as error:
        _complain(name, str(error))
    except RecursionError as error:
        _complain(name, f"{error}: something that was read is nested too deeply")
    except OSError as error:
        _complain(name, f"{error.strerror or error}: {error.filename or 'the disk may be full'}")
    except MemoryError as error:
        _complain(name, f"out of memory: {error}; {out_of_memory}")


def _complain(name: str, message: str) -> None:
    line = Text.assemble((f"{name}:", "bold red"), " ", printable(message, "\n"))
    Console(stderr=True).print(line, soft_wrap=True)
    sys.exit(2)
