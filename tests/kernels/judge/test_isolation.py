"""Kernels that crash, hang, end, steal or spoil: each is found, and the judge goes on."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from kernels.judge.process import GIGABYTE, Limits
from kernels.verify.property import PROPERTIES
from kernels.verify.runner import try_property
from tests.kernels.judge.guests import all_loaded, convolution, convolutions, found, loaded

DEATHS = {
    "reads or writes outside": ("import ctypes", "ctypes.string_at(0)"),
    "ends its process with status 0": ("import os", "os._exit(0)"),
    "died of SIGKILL": ("import os", "os.kill(os.getpid(), 9)"),
    "raises KeyboardInterrupt": ("", "raise KeyboardInterrupt"),
    "raises SystemExit": ("import sys", "sys.exit(0)"),
    "no message": (
        "import os",
        "for file in range(3, 500):\n"
        "    try: os.write(file, b'x' * 64)\n"
        "    except OSError: pass\n"
        "return right(x, w, g, bias)",
    ),
    "MemoryError": ("", "return np.empty(1 << 45, x.dtype)"),
    "ZeroDivisionError": ("", "return 1 / 0"),
}


def test_a_kernel_that_does_not_return_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    """One process for all; it is begun anew after each that ends it."""
    with all_loaded(tmp_path / "guest.py", convolutions(DEATHS)) as kernels:
        for kernel, said in zip(kernels, DEATHS, strict=True):
            kernel.guest.begin_trial()
            outcome = try_property(kernel, PROPERTIES["definition"], 1, shrink=False)
            assert outcome.failure is not None
            assert said in outcome.failure.reason


def test_a_kernel_that_hangs_is_ended_and_nothing_waits_for_it_again(tmp_path: Path) -> None:
    text = convolution("import time", "time.sleep(1000)")
    with loaded(tmp_path / "guest.py", text, Limits(seconds=1.0)) as kernel:
        began = time.monotonic()
        wrong = found(kernel, "definition", "linear", "bias")
        assert kernel.guest.given_up
    assert "no answer within 1 s" in wrong[0]
    assert time.monotonic() - began < 15


def test_after_a_crash_the_other_calls_are_judged(tmp_path: Path) -> None:
    text = convolution("import os", "if g.R == 2: os._exit(3)\nreturn right(x, w, g, bias)")
    with loaded(tmp_path / "guest.py", text) as kernel:
        outcome = try_property(kernel, PROPERTIES["definition"], 80, shrink=False)
        assert outcome.failure is not None and "status 3" in outcome.failure.reason
        kernel.guest.begin_trial()
        assert try_property(kernel, PROPERTIES["1x1"], 3).holds


PAST = """
import numba
@numba.njit
def read(x, far):
    total = 0.0
    for i in range(-far[0], x.size + far[1]):
        total += x[i] if i >= 0 else x[np.uint64(i)]
    return total
"""


def test_a_read_past_the_end_faults(tmp_path: Path) -> None:
    body = "read(x.transpose(0, 2, 3, 1).reshape(-1), (0, 1))\nreturn right(x, w, g, bias)"
    with loaded(tmp_path / "guest.py", convolution(PAST, body)) as kernel:
        wrong = found(kernel, "definition", examples=20)
    assert "outside of its operands" in wrong[0]


def test_a_write_beside_an_operand_is_found(tmp_path: Path) -> None:
    before = """
import numba
@numba.njit
def write(x):
    x[np.uint64(2**64 - 1)] = 7
"""
    body = "write(x.transpose(0, 2, 3, 1).reshape(-1))\nreturn right(x, w, g, bias)"
    with loaded(tmp_path / "guest.py", convolution(before, body)) as kernel:
        wrong = found(kernel, "definition", examples=20)
    assert "before the start" in wrong[0] or "outside of its operands" in wrong[0]


CHANGES = {
    "print options": "np.set_printoptions(precision=2)",
    "NumPy's global random generator": "np.random.seed(0)",
    "Python's random generator": "import random; random.seed(0)",
    "NumPy's handling of errors": "np.seterr(all='ignore')",
    "the working directory": "import os; os.chdir('/')",
    "the environment": "import os; os.environ['GUEST'] = '1'",
    "Python's limit of recursion": "import sys; sys.setrecursionlimit(5000)",
    "handler of SIGUSR1": "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
    "numpy.allclose": "np.allclose = lambda *a, **k: True",
    "time.perf_counter": "import time; time.perf_counter = lambda: 0.0",
    "kernels.reference.conv2d": "import kernels.reference as R; R.conv2d = right",
    "number of Numba's threads": "import numba; numba.set_num_threads(3 - numba.get_num_threads())",
}


def test_state_that_a_call_changes_is_named(tmp_path: Path) -> None:
    bodies = {n: ("", f"{change}\nreturn right(x, w, g, bias)") for n, change in CHANGES.items()}
    seen: set[str] = set()
    with all_loaded(tmp_path / "guest.py", convolutions(bodies)) as kernels:
        for kernel, named in zip(kernels, CHANGES, strict=True):
            try_property(kernel, PROPERTIES["inputs kept"], 1)
            new = set(kernel.guest.conduct.changed) - seen
            seen |= new
            assert named in " ".join(new), named


def test_what_loading_the_file_replaces_is_named(tmp_path: Path) -> None:
    before = "np.testing.assert_allclose = lambda *a, **k: None"
    with loaded(tmp_path / "g.py", convolution(before, "return right(x, w, g, bias)")) as kernel:
        assert "numpy.testing.assert_allclose" in found(kernel, "inputs kept")[0]


CHEATS = {
    "patches the definition": (
        "import kernels.reference\n"
        "kernels.reference.conv2d = lambda x, w, g, bias=None: np.zeros(g.y_shape)",
        "return np.zeros(g.y_shape, x.dtype)",
    ),
    "patches the suite": (
        "import kernels.verify.property as P\nP.require = P.agree = lambda *a, **k: None",
        "return np.zeros(g.y_shape, x.dtype)",
    ),
    "looks for the suite on the stack": (
        "import sys",
        "frame = sys._getframe()\n"
        "while frame:\n"
        "    if 'verify' in frame.f_code.co_filename: return right(x, w, g, bias)\n"
        "    frame = frame.f_back\n"
        "return np.zeros(g.y_shape, x.dtype)",
    ),
    "hopes that the result lies there": ("", "return np.empty(g.y_shape, x.dtype)"),
}


def test_a_cheat_gives_wrong_results_where_the_definition_is_out_of_reach(tmp_path: Path) -> None:
    with all_loaded(tmp_path / "guest.py", convolutions(CHEATS)) as kernels:
        for kernel, cheat in zip(kernels, CHEATS, strict=True):
            outcome = try_property(kernel, PROPERTIES["definition"], 20, shrink=False)
            assert outcome.failure is not None, cheat
            assert "expected" in outcome.failure.reason


def test_a_call_of_another_kernel_is_named(tmp_path: Path) -> None:
    body = "import kernels\nreturn kernels.named('conv2d', 'im2col')(x, w, g, bias=bias)"
    with loaded(tmp_path / "guest.py", convolution("", body)) as kernel:
        assert "conv2d im2col" in found(kernel, "definition")[-1]


def test_an_earlier_result_that_changes_is_found(tmp_path: Path) -> None:
    text = convolution(
        "kept = {}",
        "y = right(x, w, g, bias)\n"
        "kept.setdefault(y.shape + (y.dtype,), y)[...] = y\n"
        "return kept[y.shape + (y.dtype,)]",
    )
    with loaded(tmp_path / "guest.py", text) as kernel:
        assert "an earlier call has changed" in found(kernel, "same bits")[0]


def test_a_view_of_an_operand_is_the_judges_operand(tmp_path: Path) -> None:
    text = (
        "from kernels import kernel\n\n@kernel('relu', name='guest')\ndef relu(x):\n    return x\n"
    )
    with loaded(tmp_path / "guest.py", text) as kernel:
        x = np.arange(6.0, dtype=np.float32).reshape(2, 3)  # (6,) -> (2,3)
        y = kernel(x)
        assert np.shares_memory(x, y)
        assert (y == x).all()
        assert "shares memory with x" in found(kernel, "inputs kept")[0]


def test_what_a_kernel_prints_is_kept_apart(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    text = convolution("", "print('hello from the guest')\nreturn right(x, w, g, bias)")
    with loaded(tmp_path / "guest.py", text) as kernel:
        assert not found(kernel, "inputs kept")
        guest = kernel.guest
    assert "hello from the guest" in guest.output
    assert "hello" not in capfd.readouterr().out


def test_memory_is_limited(tmp_path: Path) -> None:
    body = "big = np.ones(1 << 31, np.uint8)\nreturn right(x, w, g, bias)"
    limits = Limits(20.0, memory=GIGABYTE)
    with loaded(tmp_path / "guest.py", convolution("", body), limits) as kernel:
        assert "MemoryError" in found(kernel, "definition")[0]


def test_own_kernels_are_judged_as_they_are_verified(tmp_path: Path) -> None:
    """Prepared weights, results into operands, chunks and threads pass between the processes."""
    text = "import kernels.conv2d.direct as d\nfrom kernels import kernel\n" + (
        "k = d.forward\n"
        "from dataclasses import replace\n"
        "from kernels import register\n"
        "register(replace(k, name='guest'))\n"
    )
    with loaded(tmp_path / "guest.py", text, Limits(seconds=300.0)) as kernel:  # it compiles
        assert kernel.prepare is not None
        laws = ["definition", "prepared", "any memory", "two threads", "racing", "NaN and infinity"]
        (wrong,) = found(kernel, *laws, examples=3)
    assert "conv2d direct, of this project" in wrong
