"""Chains of compiled calls: what each call does alone, on any number of threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import pytest

from kernels.contract import chain, threads
from kernels.contract.bound import in_turn
from kernels.contract.compilation import AS_ONE_UNIT, entry_point

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not AS_ONE_UNIT, reason="chains are of Numba's known versions")


class Pair(NamedTuple):
    """A structure that a call takes."""

    values: np.ndarray
    factor: float


@entry_point(parallel=True)
def _scaled(x, pair, axes, negative, y):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.shape[0]):
        for j in range(x.shape[1]):
            value = x[i, j] * pair.factor + pair.values[j] + axes[0] - axes[1]
            y[i, j] = -value if negative else value


@entry_point()
def _raises(x, most):  # type: ignore[no-untyped-def]
    if x[0] > most:
        raise ValueError("too large")
    x[0] += 1


@entry_point()
def _returns(x):  # type: ignore[no-untyped-def]
    x[0] += 1
    return x[0]


def _call(dtype: type, y: np.ndarray, rows: int = 7) -> partial[None]:
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((2 * rows, 10)).astype(dtype)
    values = rng.standard_normal(5).astype(dtype)
    values.flags.writeable = False
    return partial(_scaled, whole[::2, ::2], Pair(values, 1.5), (3, 2.5), True, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_chain_does_what_its_calls_do(dtype: type) -> None:
    """Strided and read-only arrays, structures, tuples of several types, flags."""
    y, other = np.zeros((7, 5), dtype), np.zeros((7, 5), dtype)
    call = _call(dtype, y)
    call()
    expected = y.copy()
    (together,) = chain.joined([_call(dtype, y), _call(dtype, other)])
    assert isinstance(together, chain.Chain)
    for _ in range(3):
        y[...] = other[...] = 0
        together()
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(other, expected)
    call.args[0][...] = 0
    (again,) = chain.joined([call])
    again()
    assert not np.array_equal(y, expected)  # arrays are read again


def test_calls_that_cannot_be_chained_stay_in_their_place() -> None:
    order, x = list[str](), np.zeros(1)

    def python() -> None:
        order.append(f"python sees {x[0]:.0f}")

    add = partial(_raises, x, 100.0)
    calls = chain.joined([in_turn(add, add), python, add, partial(_returns, x), python])
    kinds = [isinstance(call, chain.Chain) for call in calls]
    assert kinds == [True, False, True, False, False]
    for call in calls:
        call()
    assert order == ["python sees 2", "python sees 4"]


def test_what_a_call_raises_is_raised_and_ends_the_chain() -> None:
    x = np.zeros(1)
    (together,) = chain.joined([partial(_raises, x, 2.0)] * 5)
    with pytest.raises(ValueError, match="too large"):
        together()
    assert x[0] == 3


@entry_point()
def _long(x):  # type: ignore[no-untyped-def]
    value = x[1]
    for _ in range(20_000_000):  # each product waits for the one before
        value = value * 0.999 + 1
    x[1] = value
    x[0] += 1


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="the system has no such signal")
def test_a_long_chain_ends_at_a_signal() -> None:
    """Not before its first run showed that it is long."""
    x = np.zeros(2)
    (together,) = chain.joined([partial(_long, x)] * 20)
    together()
    assert x[0] == 20
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            together()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    done = x[0]
    assert done < 40
    together()
    assert x[0] == done + 20


def _all_run_once(rows: int, calls: int, runs: int) -> None:
    """Every piece of every loop of a chain runs once in each run, on all numbers of threads."""
    found = [np.zeros((rows, 2), np.int64) for _ in range(calls)]
    (together,) = chain.joined([partial(_count, y) for y in found])
    total = 0
    for count in range(1, threads.most() + 1):
        threads.set_num_threads(count)
        for _ in range(runs):
            with threads.region():
                together()
        total += runs
        for y in found:
            assert np.all(y == [total, total * (total - 1) // 2])


@entry_point(parallel=True)
def _count(y):  # type: ignore[no-untyped-def]
    for i in numba.prange(len(y)):
        y[i, 1] += y[i, 0]
        y[i, 0] += 1


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 50])
def test_every_piece_runs_once(rows: int) -> None:
    before = threads.get_num_threads()
    try:
        _all_run_once(rows, 20, 50)
    finally:
        threads.set_num_threads(before)


def _alone(code: str, **environment: str) -> None:
    """Run code in an interpreter of its own."""
    places = os.pathsep.join([str(ROOT), *sys.path])
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": places} | environment,
        timeout=500,
    )
    assert ran.returncode == 0, ran.stderr
    assert "done" in ran.stdout


def test_more_threads_than_cores() -> None:
    _alone(
        "from tests.kernels import test_chain\n"
        "test_chain._all_run_once(50, 20, 30)\n"
        "test_chain._all_run_once(5, 20, 30)\n"
        "print('done')",
        NUMBA_NUM_THREADS="8",
    )


def test_a_forked_child_runs_a_chain() -> None:
    """Of the thread that started the layer, and of another one."""
    _alone(
        """
import os
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from kernels.contract import chain
from tests.kernels.test_chain import _call

y = np.zeros((7, 5), np.float32)
call = _call(np.float32, y)
call()
(together,) = chain.joined([call] * 3)
together()

def child():
    expected = y.copy()
    y[...] = 0
    process = os.fork()
    if not process:
        together()
        os._exit(0 if np.array_equal(y, expected) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    together()
    assert np.array_equal(y, expected)

child()
with ThreadPoolExecutor(1) as other:
    other.submit(child).result()
child()
print("done")
"""
    )


def test_threads_of_python_run_chains_one_at_a_time() -> None:
    """And beside a chain other Python code runs."""
    found = [np.zeros((50, 2), np.int64) for _ in range(4)]
    errors = list[BaseException]()

    def several(run: Callable[[], object]) -> None:
        try:
            for _ in range(100):
                with threads.region():
                    run()
        except BaseException as error:
            errors.append(error)

    runs = [chain.joined([partial(_count, y)] * 5)[0] for y in found]
    of = [threading.Thread(target=several, args=(run,)) for run in runs]
    for thread in of:
        thread.start()
    for thread in of:
        thread.join()
    assert not errors
    for y in found:
        assert np.all(y[:, 0] == 500)
