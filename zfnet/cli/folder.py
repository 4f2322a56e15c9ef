"""Lock on the folder that a command writes into, for as long as it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from kernels.storage.atomic import writing_into

Command = Callable[..., None]


def holding_out(command: Command) -> Command:
    """The command, holding its folder `out`: a second process that asks for it is refused.

    Its temporary files of writes that were killed are removed. ValueError names the folder and the
    process that holds it.
    """

    signature = inspect.signature(command)

    @wraps(command)
    def held(*arguments: Any, **options: Any) -> None:
        bound = signature.bind(*arguments, **options)
        bound.apply_defaults()
        with writing_into(bound.arguments["out"]):
            command(*bound.args, **bound.kwargs)

    return held
