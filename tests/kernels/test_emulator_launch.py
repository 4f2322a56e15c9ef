"""Launching in the emulator: its errors, and the state of the process after a fault."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from kernels.cuda import emulator

HERE = Path(__file__).parent / "cuda"
ORDERLY = HERE / "orderly.cu"

pytestmark = pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")


def source(folder: Path, text: str) -> Path:
    path = folder / "kernel.cu"
    path.write_text(text)
    return path


def simple(path: Path, y: np.ndarray, threads: int = 1, blocks: int = 1, shared: int = 0) -> None:
    emulator.launch(path, "f", (blocks, 1, 1), (threads, 1, 1), [y], shared)


KERNEL = 'extern "C" __global__ void f(float *y) {\n%s\n}\n'


def test_after_a_fault_the_arrays_are_as_before_and_the_next_launch_runs(tmp_path: Path) -> None:
    path = source(tmp_path, KERNEL % "y[threadIdx.x] = 1; __syncthreads(); y[threadIdx.x + 1] = 2;")
    y = np.zeros(32, np.float32)
    for _ in range(20):
        with pytest.raises(emulator.Undefined):
            simple(path, y, 32)
    np.testing.assert_array_equal(y, 0)
    path = source(tmp_path, KERNEL % "y[threadIdx.x] = 1; __syncthreads(); y[threadIdx.x] += 2;")
    simple(path, y, 32)
    np.testing.assert_array_equal(y, 3)


def test_the_report_says_what_who_and_where(tmp_path: Path) -> None:
    path = source(tmp_path, KERNEL % "y[blockIdx.x * 8 + threadIdx.x] = 1;")
    with pytest.raises(emulator.Undefined) as caught:
        simple(path, np.zeros(13, np.float32), 8, 2)
    error = caught.value
    assert (error.kind, error.line, error.block, error.thread) == (
        "outside",
        2,
        (1, 0, 0),
        (5, 0, 0),
    )
    assert "writes 4 bytes right past the end of the array in argument 0 (52 bytes)" in str(error)


def test_of_two_threads_that_race_both_are_named(tmp_path: Path) -> None:
    body = "__shared__ float s;\nif (threadIdx.x == 3) s = 1;\nif (threadIdx.x == 9) s = 2;"
    with pytest.raises(emulator.Undefined, match="shared variable `s`") as caught:
        simple(source(tmp_path, KERNEL % body), np.zeros(1, np.float32), 10)
    error = caught.value
    assert error.kind == "race"
    assert {(error.line, error.thread), (error.other_line, error.other_thread)} == {
        (3, (3, 0, 0)),
        (4, (9, 0, 0)),
    }


def test_a_fault_in_a_header_names_the_headers_line(tmp_path: Path) -> None:
    (tmp_path / "inner.cuh").write_text("\ninline __device__ void set(float *y) { *y = 1; }\n")
    path = source(tmp_path, '#include "inner.cuh"\n' + KERNEL % "set(y - 1);")
    with pytest.raises(emulator.Undefined) as caught:
        simple(path, np.zeros(1, np.float32))
    assert (caught.value.path, caught.value.line) == (str(tmp_path / "inner.cuh"), 2)


def test_an_array_far_past_its_end_is_still_named(tmp_path: Path) -> None:
    path = source(tmp_path, KERNEL % "y[100000000] = 1;")
    with pytest.raises(emulator.Undefined, match=r"399999996 bytes past the end of .* argument 0"):
        simple(path, np.zeros(1, np.float32))


def test_overlapping_arrays_are_one_memory() -> None:
    text = np.zeros(100, np.float32)
    x, y = text[:64].reshape(1, 64), text[36:].reshape(1, 64)
    with pytest.raises(emulator.Undefined, match="arguments 0 and 1"):
        # 16 threads each: what one block reads of x, another writes as y
        emulator.launch(ORDERLY, "reversed", (4, 1, 1), (4, 1, 1), [x, y, np.int32(4)], 64)


def test_a_compile_error_names_the_kernels_line(tmp_path: Path) -> None:
    path = source(tmp_path, KERNEL % "/* two\n lines */ y[0] = unknown;")
    with pytest.raises(emulator.CompileError, match=r"kernel\.cu:3:\d+: error: .*unknown"):
        simple(path, np.zeros(1, np.float32))


def test_an_unknown_kernel_is_a_compile_error_with_its_name() -> None:
    with pytest.raises(emulator.CompileError, match="nowhere<float>"):
        emulator.launch(ORDERLY, "nowhere<float>", (1, 1, 1), (1, 1, 1), [])


def test_a_changed_header_is_compiled_anew(tmp_path: Path) -> None:
    header, y = tmp_path / "value.cuh", np.zeros(1, np.float32)
    path = source(tmp_path, '#include "value.cuh"\n' + KERNEL % "y[0] = VALUE;")
    for value in ("1", "17"):
        header.write_text(f"#define VALUE {value}\n")
        simple(path, y)
        assert y[0] == float(value)


def test_a_shared_variable_in_an_unknown_form_is_refused_with_its_line(tmp_path: Path) -> None:
    path = source(tmp_path, KERNEL % "\n__shared__ float a[4], *b;")
    with pytest.raises(ValueError, match=r"kernel\.cu:3: this `__shared__` is not understood"):
        simple(path, np.zeros(1, np.float32))


SHAPE = np.array((3, 4), [("rows", np.int32), ("columns", np.int32)])[()]
FLOATS = np.zeros((2, 3, 4), np.float32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([SHAPE, np.float64(1)], "takes 3 arguments, 2 were passed"),
        ([np.int32(3), np.float64(1), FLOATS], "argument 0 of places is a struct of 8 bytes"),
        ([SHAPE, np.float32(1), FLOATS], "argument 1 .* of 8 bytes, not float32"),
        ([SHAPE, np.int64(1), FLOATS], "argument 1 .* a floating-point number of 8 bytes"),
        ([SHAPE, 1.0, FLOATS], "argument 1 of places is passed by value"),
        ([SHAPE, np.float64(1), FLOATS.astype(np.float64)], "points to .* 4 bytes, not to float64"),
        ([SHAPE, np.float64(1), FLOATS.astype(np.int32)], "points to a floating-point number"),
        ([SHAPE, np.float64(1), 5], "argument 2 of places is a pointer"),
    ],
)
def test_arguments_of_another_type_are_refused(arguments: list[object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        emulator.launch(ORDERLY, "places", (1, 3, 2), (2, 2, 1), arguments)


def test_memory_with_gaps_and_memory_that_may_not_be_written_are_refused() -> None:
    with pytest.raises(ValueError, match="not contiguous: shape"):
        emulator.launch(
            ORDERLY, "places", (1, 3, 2), (2, 2, 1), [SHAPE, np.float64(1), FLOATS[:, ::2]]
        )
    fixed = FLOATS.copy()
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="argument 2 of places is read-only"):
        emulator.launch(ORDERLY, "places", (1, 3, 2), (2, 2, 1), [SHAPE, np.float64(1), fixed])


def test_a_transposed_array_is_the_memory_that_it_is() -> None:
    y = np.zeros((4, 3, 2), np.float32).T
    emulator.launch(ORDERLY, "places", (1, 3, 2), (2, 2, 1), [SHAPE, np.float64(0), y[::1]])
    np.testing.assert_array_equal(y.T.ravel(), np.tile([1, 2, 4, 8], 6))


@pytest.mark.parametrize(
    ("grid", "block", "shared"),
    [
        ((0, 1, 1), (1, 1, 1), 0),
        ((1, 65536, 1), (1, 1, 1), 0),
        ((1, 1, 1), (1, 1, 65), 0),
        ((1, 1, 1), (32, 33, 1), 0),
        ((1, 1, 1), (0, 1, 1), 0),
        ((1, 1, 1), (32, 1, 1), 232449),
    ],
)
def test_sizes_that_no_gpu_takes_are_refused(
    grid: tuple[int, int, int], block: tuple[int, int, int], shared: int
) -> None:
    with pytest.raises(ValueError, match=r"a (grid|block) has"):
        emulator.launch(ORDERLY, "votes", grid, block, [np.zeros(1, np.int32)], shared)


def test_a_thousand_threads_and_many_small_blocks_run(tmp_path: Path) -> None:
    path = source(
        tmp_path,
        KERNEL % "__shared__ int n; if (!threadIdx.x) n = blockIdx.x; __syncthreads();\n"
        "if (threadIdx.x + 1 == blockDim.x) y[blockIdx.x] = n + threadIdx.x;",
    )
    for threads, blocks in ((1024, 3), (2, 3000)):
        y = np.zeros(blocks, np.float32)
        with emulator.schedule(threads):
            simple(path, y, threads, blocks)
        np.testing.assert_array_equal(y, np.arange(blocks) + threads - 1)


@pytest.mark.parametrize("portable", [False, True])
def test_a_crash_without_checks_is_an_error_with_its_line(tmp_path: Path, portable: bool) -> None:
    path = source(tmp_path, KERNEL % "\nif (threadIdx.x == 3)\n  *(volatile float *)8 = 1;")
    for _ in range(3):
        with emulator.unchecked(), pytest.raises(emulator.Undefined) as caught:
            if portable:
                with emulator.portable():
                    simple(path, np.zeros(1, np.float32), 8)
            else:
                simple(path, np.zeros(1, np.float32), 8)
    assert (caught.value.kind, caught.value.line, caught.value.thread) == ("crash", 4, (3, 0, 0))


def test_local_memory_that_is_full_is_an_error(tmp_path: Path) -> None:
    text = """template <int N> __device__ __noinline__ float deep(volatile float *y, int n) {
  volatile float local[1024];
  local[n] = n ? deep<N>(y, n - 1) : y[0];
  return local[n];
}
"""
    path = source(tmp_path, text + KERNEL % "y[0] = deep<1>(y, 1000);")
    with pytest.raises(emulator.Undefined, match="local memory is full"):
        simple(path, np.zeros(1, np.float32))


def test_an_interrupt_ends_a_long_launch(tmp_path: Path) -> None:
    path = source(tmp_path, KERNEL % "for (int i = 0; i < 1000; i++) y[blockIdx.x] += i;")
    y = np.zeros(1 << 20, np.float32)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            simple(path, y, 1, y.size)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    np.testing.assert_array_equal(y, 0)


def test_threads_of_python_may_launch_at_once() -> None:
    x = np.arange(1000, dtype=np.int32) % 16
    counts = [np.zeros(16, np.uint64) for _ in range(6)]

    def launch(into: np.ndarray, seed: int) -> None:
        with emulator.schedule(seed):
            for _ in range(5):
                arguments = [x, into, np.int64(x.size)]
                emulator.launch(ORDERLY, "histogram", (2, 1, 1), (64, 1, 1), arguments)

    threads = [
        threading.Thread(target=launch, args=pair) for pair in zip(counts, range(6), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for into in counts:
        np.testing.assert_array_equal(into, 5 * np.bincount(x, minlength=16))


def test_without_gpp_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = source(tmp_path, KERNEL % "y[0] = 4321;")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not emulator.available()
    with pytest.raises(RuntimeError, match=r"apt install g\+\+"):
        simple(path, np.zeros(1, np.float32))


def test_without_addr2line_the_report_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, y = source(tmp_path, KERNEL % "y[threadIdx.x] = 1;"), np.zeros(3, np.float32)
    simple(path, y, 3)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(emulator.Undefined, match="install binutils for addr2line") as caught:
        simple(path, y, 4)
    assert caught.value.line == 0
