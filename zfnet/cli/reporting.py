"""Progress bars for consecutive steps, each reported as (title, done, total)."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from kernels.terminal.progress import Task, progress_bars, say


def reporter() -> Callable[[str, int, int], None]:
    """A function that shows a bar (or lines) for each title until its last step is done."""
    stack, tasks, began = ExitStack(), dict[str, Task](), time.monotonic()

    def report(title: str, done: int, total: int) -> None:
        if title not in tasks:
            stack.close()
            tasks[title] = Task(stack.enter_context(progress_bars()), title, total)
        tasks[title].update(done, total)
        if done >= total:
            stack.close()
            del tasks[title]  # the title may come again, for the next network
            say(f"{title}: done after {time.monotonic() - began:.0f} s")

    return report
