"""Launching of .cu files: declarations, checks, and arguments for a GPU and the emulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels import ConvGeometry, PoolGeometry
from kernels.contract import memory
from kernels.cuda import (
    Entry,
    Program,
    conv_struct,
    ctype,
    emulated,
    emulator,
    gpu,
    host,
    pool_struct,
    programs,
)
from tests.shared import fake_cupy

needs_compiler = pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")

SOURCE = """
#include "geometry.cuh"

// y[i] = a x[i] + b[0], in strides; b may be missing.
template <typename T>
__global__ void scale(const T* __restrict__ x, const T* __restrict__ b, T* __restrict__ y, T a,
                      long long count) {
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count;
         i += (long long)gridDim.x * blockDim.x)
        y[i] = a * x[i] + (b ? b[0] : T(0));
}

extern "C" __global__ void fields(ConvGeometry g, PoolGeometry p, int* __restrict__ out) {
    const int all[] = {g.N, g.C, g.H, g.W, g.K, g.R, g.S, g.P, g.Q, g.groups,
                       g.stride_h, g.stride_w, g.pad_top, g.pad_bottom, g.pad_left, g.pad_right,
                       g.dilation_h, g.dilation_w,
                       p.N, p.C, p.H, p.W, p.R, p.S, p.P, p.Q, p.stride_h, p.stride_w,
                       p.pad_top, p.pad_bottom, p.pad_left, p.pad_right,
                       p.dilation_h, p.dilation_w};
    for (int i = threadIdx.x; i < 34; i += blockDim.x) out[i] = all[i];
}
"""
ENTRIES = ("scale<float>", "scale<double>", "fields")


@pytest.fixture
def program(tmp_path: Path) -> Program:
    (tmp_path / "scale.cu").write_text(SOURCE, encoding="utf-8")
    return Program(str(tmp_path / "scale.py"), ENTRIES, block=(64, 1, 1), shared=128)


@needs_compiler
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias", [None, 3.0])
def test_arrays_null_pointers_and_scalars_arrive(
    program: Program, dtype: Any, bias: float | None
) -> None:
    x = emulated(np.arange(1000, dtype=dtype))
    b, y = None if bias is None else emulated(np.array([bias], dtype)), memory.empty_like(x)
    program.launch(f"scale<{ctype(dtype)}>", (2,), (64,), x, b, y, dtype(2), np.int64(x.size))
    assert np.array_equal(host(y), 2 * np.arange(1000) + (bias or 0.0))


@needs_compiler
def test_structs_have_the_fields_of_the_geometry_in_the_headers_order(program: Program) -> None:
    g = ConvGeometry.of((2, 6, 11, 13), (8, 3, 4, 5), (2, 3), (1, -1, 3, 0), (1, 2), 2)
    p = PoolGeometry.of((3, 5, 12, 17), (4, 3), (3, 2), (2, 1, 1, 0), (2, 1))
    out = emulated(np.zeros(34, np.int32))
    program.launch("fields", (1, 1, 1), (32, 1, 1), conv_struct(g), pool_struct(p), out)
    windows = [(*g.stride, *g.padding, *g.dilation), (*p.stride, *p.padding, *p.dilation)]
    conv = (*g.x_shape, g.K, g.R, g.S, g.P, g.Q, g.groups, *windows[0])
    assert host(out).tolist() == [*conv, *p.x_shape, p.R, p.S, p.P, p.Q, *windows[1]]


def test_a_size_beyond_32_bits_does_not_fit_the_struct() -> None:
    with pytest.raises(OverflowError):
        conv_struct(ConvGeometry.of((2**32, 1, 1, 1), (1, 1, 1, 1)))


def test_programs_know_their_source_and_how_each_entry_is_launched(
    program: Program, tmp_path: Path
) -> None:
    assert program in programs()
    assert program.entries["scale<float>"] == Entry((64, 1, 1), 128)
    each = {"fields": Entry((32, 1, 1)), "scale<float>": Entry((8, 8, 1), 99)}
    assert Program(str(tmp_path / "scale.py"), each).entries == each


def test_every_program_of_the_project_has_its_source() -> None:
    names = {p.path.relative_to(Path(memory.__file__).parents[1]).as_posix() for p in programs()
             if "kernels" in p.path.parts}  # fmt: skip
    assert {"relu/cuda_elementwise.cu", "relu_vjp/cuda_elementwise.cu"} <= names


def test_a_program_without_a_source_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no .*gone\.cu beside gone\.py"):
        Program(str(tmp_path / "gone.py"), ENTRIES)


X = np.ones(4, np.float32)
MATRIX = np.ones((4, 6), np.float32)


@pytest.mark.parametrize(
    ("name", "grid", "block", "arguments", "error", "message"),
    [
        ("scale<half>", (1,), (1,), (), ValueError, "no entry 'scale<half>'; it has scale<float>"),
        ("fields", (1,), (1,), (np.int32(1),), TypeError, "on one device, got none"),
        ("fields", (1,), (1,), (X,), TypeError, r"takes device arrays.* got numpy\.ndarray"),
        ("fields", (1,), (1,), (emulated(X), 3), TypeError, r"got builtins\.int"),
        ("fields", (1,), (1,), (emulated(X), np.int16(3)), TypeError, r"got numpy\.int16"),
        ("fields", (1,), (1,), (emulated(MATRIX).T,), ValueError, r"contiguous.*strides \(4, 24\)"),
        ("fields", (0,), (1,), (emulated(X),), ValueError, r"a grid has 1 to .* \(0, 1, 1\)"),
        ("fields", (1, 65536), (1,), (emulated(X),), ValueError, "a grid has 1 to"),
        ("fields", (1,), (32, 33), (emulated(X),), ValueError, r"1 to 1024 threads.*\(32, 33, 1\)"),
        ("fields", (1,), (1, 1, 65), (emulated(X),), ValueError, "64 deep"),
    ],
)
def test_a_launch_that_cannot_be_says_what_would_fit(
    program: Program, name: str, grid: Any, block: Any, arguments: Any, error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        program.launch(name, grid, block, *arguments)


def test_arrays_of_two_devices_are_refused(program: Program) -> None:
    with fake_cupy.installed(), pytest.raises(TypeError, match="got cuda and emulator"):
        program.launch("fields", (1,), (1,), emulated(X), gpu(X))


@pytest.mark.parametrize("dtype", [np.float16, np.int32, np.longdouble])
def test_only_float_and_double_have_a_name_in_cuda(dtype: Any) -> None:
    assert (ctype(np.float32), ctype(np.dtype("f8"))) == ("float", "double")
    with pytest.raises(TypeError, match=f"float32 or float64, got {np.dtype(dtype)}"):
        ctype(dtype)


@needs_compiler
def test_cupy_is_given_the_source_its_headers_and_every_entry_once(program: Program) -> None:
    with fake_cupy.installed():
        x, y = gpu(np.arange(8.0)), gpu(np.zeros(8))
        made = len(fake_cupy.RawModule.made)
        for a in (2.0, 5.0):
            arguments = x, None, y, np.float64(a), np.int64(8)
            program.launch("scale<double>", (2,), (4, 1), *arguments, shared=(48 << 10) + 16)
        (module,) = fake_cupy.RawModule.made[made:]
        assert np.array_equal(host(y), 5 * np.arange(8.0))
    assert module.names == ENTRIES and SOURCE in module.code
    assert "-std=c++17" in module.options
    assert any(o.startswith("-I") and Path(o[2:], "geometry.cuh").is_file() for o in module.options)
    launch = "scale<double>", (2, 1, 1), (4, 1, 1), (48 << 10) + 16
    assert module.launched == [launch, launch]


@needs_compiler
def test_cupy_is_given_structs_by_value(program: Program) -> None:
    g, p = ConvGeometry.of((2, 3, 5, 5), (4, 3, 2, 2)), PoolGeometry.of((1, 2, 6, 6), 2)
    with fake_cupy.installed():
        out = gpu(np.zeros(34, np.int32))
        program.launch("fields", (1,), (32,), conv_struct(g), pool_struct(p), out)
        assert host(out)[:5].tolist() == [2, 3, 5, 5, 4] and host(out)[18:22].tolist() == [
            1,
            2,
            6,
            6,
        ]
