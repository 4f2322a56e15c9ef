"""Programs that compute in forked children and worker processes; `test_forked.py` runs them.

NUMBA_THREADING_LAYER=omp python -m tests.forked children
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable

import numpy as np

from kernels.contract import layer
from minidl import Tensor, get_num_threads
from minidl import functional as F

GENERATIONS = 3
SECONDS = 60
"""Within which a pool has to answer."""


def computed(seed: int = 0) -> bytes:
    """The bits of a convolution, of its gradients and of a sum over a parallel loop's threads."""
    rng = np.random.default_rng(seed)
    x = Tensor(rng.standard_normal((2, 8, 20, 20), np.float32), requires_grad=True)
    w = Tensor(rng.standard_normal((16, 8, 3, 3), np.float32), requires_grad=True)
    y = F.relu(F.conv2d(x, w, padding=1))
    y.backward(rng.standard_normal(y.shape, np.float32))
    assert x.grad is not None and w.grad is not None
    return b"".join(np.ascontiguousarray(t.data).tobytes() for t in (y, x.grad, w.grad))


def same() -> bool:
    return computed() == EXPECTED


def in_child(work: Callable[[], bool]) -> bool:
    """Whether `work` holds in a forked child, which ends as a program does."""
    pid = os.fork()
    if pid == 0:
        held = False
        try:
            held = work()
        finally:
            sys.stdout.flush()
            os._exit(0 if held else 1)
    return os.waitpid(pid, 0)[1] == 0


def descend(generations: int = GENERATIONS) -> bool:
    """A child that computes, forks, and computes again, and so its children."""
    return same() and (not generations or in_child(lambda: descend(generations - 1))) and same()


def children() -> bool:
    """Several, one after another, and the parent goes on."""
    return all(in_child(descend) and same() for _ in range(2))


def threads_in_child() -> bool:
    """A child's own Python threads compute."""
    return in_child(lambda: all(in_threads(4, same)))


def in_threads(count: int, work: Callable[[], bool]) -> list[bool]:
    """What `work` answers in that many threads at once; a thread that raises answers False."""
    answers = [False] * count

    def answer(i: int) -> None:
        answers[i] = work()

    running = [threading.Thread(target=answer, args=(i,)) for i in range(count)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return answers


def fork_beside_threads() -> bool:
    """Threads fork while others compute, and the main thread after them."""
    stop, answers = threading.Event(), list[bool]()

    def compute() -> None:
        while not stop.is_set():
            answers.append(same())

    busy = [threading.Thread(target=compute) for _ in range(2)]
    for thread in busy:
        thread.start()
    forked = [all(in_threads(2, lambda: in_child(same))) for _ in range(4)]
    forked += [in_child(descend)]
    stop.set()
    for thread in busy:
        thread.join()
    return all(forked) and all(answers) and bool(answers) and in_child(descend)


def pool(method: str) -> bool:
    """A pool's processes compute after the parent computed, and the parent after them."""
    with multiprocessing.get_context(method).Pool(2) as workers:
        answers = workers.map_async(computed, [0, 1, 0, 1]).get(timeout=SECONDS)
    return answers == [EXPECTED, computed(1)] * 2 and same()


PROGRAMS: dict[str, Callable[[], bool]] = {
    "children": children,
    "threads in a child": threads_in_child,
    "fork beside threads": fork_beside_threads,
    **{method: lambda method=method: pool(method) for method in ("fork", "spawn", "forkserver")},
}

if __name__ == "__main__":
    EXPECTED = computed()
    print(f"layer {layer.name()}, {get_num_threads()} threads", flush=True)
    sys.exit(0 if PROGRAMS[sys.argv[1]]() else 1)
