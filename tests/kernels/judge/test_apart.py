"""Reach of a kernel's process, and work that is not its own or is hidden from the clock."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from kernels import ConvGeometry
from kernels.judge import timing
from kernels.judge.callers import INTERRUPTED
from kernels.judge.narrow import rounded_operands
from kernels.judge.process import Limits
from kernels.verify.calls import make
from kernels.verify.property import PROPERTIES
from kernels.verify.runner import try_property
from tests.kernels.judge.guests import (
    HEAD,
    all_loaded,
    convolution,
    convolutions,
    found,
    loaded,
)

REACHES = """
import ctypes, os, signal
JUDGE = {judge}

def reach():
    for what, attempt in (
        ("a signal", lambda: os.kill(JUDGE, 0)),
        ("its memory", lambda: open(f"/proc/{{JUDGE}}/mem", "rb")),
        ("tracing", lambda: ctypes.CDLL(None).ptrace(16, JUDGE, 0, 0) == 0 or 1 / 0),
    ):
        try:
            attempt()
            print("reached by", what)
        except (OSError, ZeroDivisionError):
            pass
    os.kill(os.getppid(), signal.SIGTERM)  # the first process of the name space ignores it
"""


def test_the_judge_is_out_of_a_kernels_reach(tmp_path: Path) -> None:
    text = convolution(
        REACHES.format(judge=os.getpid()),
        "reach() if os.getppid() == 1 else None\nreturn right(x, w, g, bias)",
    )
    with loaded(tmp_path / "guest.py", text) as kernel:
        guest = kernel.guest
        if guest.apart != "name spaces":
            pytest.skip(guest.apart)
        assert not found(kernel, "inputs kept", examples=2)
    assert "reached" not in guest.output


def test_a_process_that_left_its_session_ends_with_the_kernels(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    before = (
        "import fcntl, os, time\n"
        f"file = open({str(lock)!r}, 'w')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    time.sleep(60)\n"
        "    os._exit(0)\n"
    )
    with loaded(tmp_path / "guest.py", convolution(before, "return x")) as kernel:
        if kernel.guest.apart != "name spaces":
            pytest.skip(kernel.guest.apart)
    with lock.open("w") as file:
        for _ in range(100):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(0.1)
    raise AssertionError("a process of the kernel lives on")


def test_a_crash_is_reported_with_a_call_that_crashes(tmp_path: Path) -> None:
    """Processes are not begun without end while a simpler call is looked for."""
    body = "if g.stride[0] == 3: os.abort()\nreturn right(x, w, g, bias)"
    with loaded(tmp_path / "guest.py", convolution("import os", body)) as kernel:
        outcome = try_property(kernel, PROPERTIES["definition"], 80)
    assert outcome.failure is not None
    assert outcome.failure.call.g.stride[0] == 3
    assert "SIGABRT" in outcome.failure.reason


def test_a_file_that_names_a_module_of_the_suite_that_is_not_there_is_judged(
    tmp_path: Path,
) -> None:
    before = "import kernels.verify.oracles.nowhere as T\nT.conv = lambda *a: None"
    text = convolution(before, "return right(x, w, g, bias)")
    with loaded(tmp_path / "guest.py", text) as kernel:
        assert "kernels.verify.oracles.nowhere" in found(kernel, "inputs kept", examples=2)[0]


def test_after_an_interruption_no_old_answer_is_taken_for_a_new_one(tmp_path: Path) -> None:
    body = "time.sleep(60 if g.R == 2 else 0)\nreturn right(x, w, g, bias)"
    slow, quick = (ConvGeometry.of((1, 1, 4, 4), (1, 1, R, R), 1, 0) for R in (2, 3))
    with loaded(tmp_path / "guest.py", convolution("import time", body)) as kernel:
        timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            timer.start()
            make("conv2d", slow, "normal", 0, np.float32).run(kernel)
        call = make("conv2d", quick, "integers", 0, np.float32)
        assert (call.run(kernel)[0] == call.define()[0]).all()


BORROWED = {
    "conv2d im2col": (
        "import kernels\nborrowed = kernels.named('conv2d', 'im2col').function",
        "return borrowed(np.ascontiguousarray(x), np.ascontiguousarray(w), g, bias=bias)",
    ),
    "the definition of conv2d": (
        "from kernels import reference",
        "y = reference.conv2d(x.astype(float), w.astype(float), g)\n"
        "return (y if bias is None else y + bias[:, None, None]).astype(x.dtype)",
    ),
}


def test_functions_of_this_project_that_a_kernel_calls_are_named(tmp_path: Path) -> None:
    text = convolutions(BORROWED)
    with all_loaded(tmp_path / "guest.py", text, Limits(120.0)) as kernels:
        for kernel, named in zip(kernels, BORROWED, strict=True):
            assert named in found(kernel, "inputs kept", examples=6)[-1]


def test_a_buffer_that_two_callers_share_is_found(tmp_path: Path) -> None:
    text = convolution(
        "kept = np.empty(1 << 20)",
        "v = kept[:x.size].reshape(x.shape)\n"
        "v[...] = x\n"
        "v = v.astype(x.dtype)\n"
        "return right(v, w, g, bias)",
    )
    with loaded(tmp_path / "guest.py", text) as kernel:
        outcome = try_property(kernel, INTERRUPTED, 20, shrink=False)
    assert outcome.failure is not None
    assert "between two lines" in outcome.failure.reason


WIDE = """
@kernel("conv2d", name="NAME", spreads="plane", exact=False, error_bound=lambda g: 1e6,
        amplification=lambda g: 1e6, growth=lambda g: 1e6, supports=plain)
def forward(x, w, g, *, bias=None):
    def narrow(a):
        if a.dtype == np.float64:
            return a
        return (np.ascontiguousarray(a).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    return right(narrow(x), narrow(w), g, bias)
"""


def test_a_wide_bound_does_not_hide_a_narrow_type_that_the_name_does_not_say(
    tmp_path: Path,
) -> None:
    text = HEAD + WIDE.replace("NAME", "fast") + WIDE.replace("NAME", "fast-bf16")
    with all_loaded(tmp_path / "guest.py", text) as (kernel, honest):
        assert "bfloat16" in rounded_operands(kernel)
        assert not rounded_operands(honest)


def test_a_subclass_of_arrays_is_taken_for_what_lies_in_its_memory(tmp_path: Path) -> None:
    before = (
        "hidden = []\nclass Lazy(np.ndarray):\n    def view(self, *kind): return hidden.pop()\n"
    )
    body = (
        "hidden.append(right(x, w, g, bias))\n"
        "return np.ndarray.view(np.zeros(g.y_shape, x.dtype), Lazy)"
    )
    with loaded(tmp_path / "guest.py", convolution(before, body)) as kernel:
        assert "the result is 0" in found(kernel, "definition", examples=20)[0]


CLOCK = {
    "tells timed calls by the stack": (
        "import sys\nkept = {}",
        "frame, names = sys._getframe(), set()\n"
        "while frame: names.add(frame.f_code.co_name); frame = frame.f_back\n"
        "if 'run' in names and (g, x.dtype) in kept: return kept[g, x.dtype].copy()\n"
        "return kept.setdefault((g, x.dtype), right(x, w, g, bias)).copy()",
    ),
    "goes on after it has returned": (
        "import threading, time",
        "y, given = np.zeros(g.y_shape, x.dtype), (x.copy(), w.copy(), g, bias)\n"
        "def work():\n"
        "    time.sleep(0.02)\n"
        "    y[...] = right(*given)\n"
        "threading.Thread(target=work).start()\n"
        "return y",
    ),
}


def test_the_clock_sees_through_hidden_work(tmp_path: Path) -> None:
    g = ConvGeometry.of((1, 3, 12, 12), (4, 3, 3, 3), 1, 1)
    with all_loaded(tmp_path / "guest.py", convolutions(CLOCK)) as kernels:
        for kernel in kernels:
            assert "in a turn that was checked" in timing.timed(kernel, g, 0).wrong
