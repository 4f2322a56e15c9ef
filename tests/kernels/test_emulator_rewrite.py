"""Translation of a .cu file for g++: line numbers are kept, comments and headers apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kernels.cuda import emulator
from kernels.cuda.emulator.rewrite import included, rewritten

pytestmark = pytest.mark.quick

needs_a_compiler = pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_lines_keep_their_numbers(tmp_path: Path) -> None:
    lines = [
        "// a __shared__ word in a comment; and a brace {",
        "/* two",
        "   lines */ int a;",
        "__shared__ float tile[4]",
        "    [5];",
        'const char *text = "// no comment";',
        "int marked;",
    ]
    text = rewritten(write(tmp_path, "a.cu", "\n".join(lines))).splitlines()
    assert len(text) == 1 + len(lines)  # the first says which file it is
    assert text[7] == "int marked;" and text[6] == lines[5]
    assert "comment;" not in text[1] and text[3].strip() == "int a;"


def test_a_header_is_put_in_once_and_its_lines_are_its_own(tmp_path: Path) -> None:
    inner = write(tmp_path, "inner.cuh", "#pragma once\nint inner;\n")
    outer = write(tmp_path, "outer.cuh", '#include "inner.cuh"\nint outer;\n')
    path = write(tmp_path, "a.cu", '#include "inner.cuh"\n#include "outer.cuh"\nint last;\n')
    text = rewritten(path)
    assert text.count("int inner;") == text.count("int outer;") == 1
    assert f'#line 1 "{inner}"' in text and f'#line 1 "{outer}"' in text
    assert f'#line 3 "{path}"\n'.join(["", "int last;\n"]) in text
    assert set(included(path)) == {path, inner, outer}


FORMS = [
    "__shared__ float tile[2][N + 1];",
    "__shared__ __align__(16) float tile[2][N + 1];",
    "__shared__ alignas(2 * sizeof(double)) float tile[2][(N > 4 ? N : 4) + 1];",
    "static __shared__ float tile[2][SIZES[1]];",
    "__shared__ float other[3], tile[2][N + 1], single;",
    "volatile __shared__ float tile[2][N + 1];",
    "__shared__ volatile float tile[2][N + 1];",
    "__shared__ Pair<float, N + 1> tile[2];",
    "__shared__ Pair<Pair<float, N + 1>, 2> whole; auto &tile = whole.values;",
    "extern __shared__ float flat[]; auto tile = reinterpret_cast<float (*)[N + 1]>(flat);",
    "extern __shared__ __align__(16) Pair<float, N + 1> tile[];",
]


@needs_a_compiler
@pytest.mark.parametrize("form", FORMS)
def test_a_shared_variable_may_be_declared_in_any_of_these_forms(tmp_path: Path, form: str) -> None:
    path = write(
        tmp_path,
        "a.cu",
        f"""
constexpr int SIZES[2] = {{1, 9}};
template <typename T, int K> struct Pair {{
  T values[K];
  __device__ T &operator[](int i) {{ return values[i]; }}
}};
template <int N> __global__ void f(float *y) {{
  {form}
  tile[1][threadIdx.x] = threadIdx.x;
  __syncthreads();
  y[threadIdx.x] = tile[1][N - threadIdx.x];
}}
""",
    )
    y = np.zeros(9, np.float32)
    emulator.launch(path, "f<8>", (1, 1, 1), (9, 1, 1), [y], 72)
    np.testing.assert_array_equal(y, np.arange(9)[::-1])


@needs_a_compiler
def test_loops_are_unrolled_as_asked_and_constants_are_constant(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "a.cu",
        """
__constant__ float TABLE[3] = {1, 2, 3};
static __constant__ const float MORE[3] = {10, 20, 30};
constexpr int TWO = 2;
extern "C" __global__ void f(float *y) {
#pragma unroll
  for (int i = 0; i < 3; i++) y[i] = TABLE[i];
#pragma unroll 3
  for (int i = 0; i < 3; i++) y[i] += MORE[i];
#pragma unroll TWO
  for (int i = 0; i < 3; i++) y[i] += 100;
#pragma unroll (1)
  for (int i = 0; i < 3; i++) y[i] += 1000;
}
""",
    )
    y = np.zeros(3, np.float32)
    emulator.launch(path, "f", (1, 1, 1), (1, 1, 1), [y])
    np.testing.assert_array_equal(y, [1111, 1122, 1133])
