"""Forms in which kernels are handed in: functions with PyTorch's arguments, and C sources."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from kernels import ConvGeometry
from kernels.contract.problem import Problem
from kernels.judge import conduct
from kernels.judge.remote import Guest
from kernels.judge.verdict import Judgement
from tests.kernels.judge.guests import QUICK, found, loaded

LAWS = ("definition", "NaN and infinity", "any memory", "networks")

PAIRS = """
import numpy as np

def conv2d(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dw) = PAIRS
    (N, C, H, W), (K, D, R, S), M = x.shape, w.shape, w.shape[0] // groups
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    P = (H + 2 * ph - (R - 1) * dh - 1) // sh + 1
    Q = (W + 2 * pw - (S - 1) * dw - 1) // sw + 1
    y = np.zeros((N, K, P, Q), x.dtype)
    for i in range(groups):
        for r in range(R):
            for s in range(S):
                t = x[:, i * D:(i + 1) * D, r * dh:r * dh + (P - 1) * sh + 1:sh,
                      s * dw:s * dw + (Q - 1) * sw + 1:sw]
                f = w[i * M:(i + 1) * M, :, r, s]
                y[:, i * M:(i + 1) * M] += np.einsum("kc,ncpq->nkpq", f, t)
    return y if bias is None else y + bias[:, None, None]
"""
EITHER = "((v, v) if isinstance(v, int) else v for v in (stride, padding, dilation))"


@pytest.mark.parametrize(
    "read", [EITHER, "(stride, padding, dilation)"], ids=["numbers and pairs", "pairs alone"]
)
def test_a_right_function_of_numpy_holds(read: str, tmp_path: Path) -> None:
    with loaded(tmp_path / "f.py", PAIRS.replace("PAIRS", read)) as kernel:
        assert (kernel.operation, kernel.name) == ("conv2d", "f")
        assert not found(kernel, *LAWS)


def test_a_wrong_function_fails(tmp_path: Path) -> None:
    text = PAIRS.replace("PAIRS", EITHER).replace("r * dh:", "(R - 1 - r) * dh:", 1)
    with loaded(tmp_path / "f.py", text) as kernel:
        assert found(kernel, "definition", examples=20)


def test_a_function_is_tried_on_the_defaults_of_what_it_lacks(tmp_path: Path) -> None:
    text = """
import numpy as np

def conv2d(x, w):
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    y = np.zeros((N, K, H - R + 1, W - S + 1), np.float32)
    for r in range(R):
        for s in range(S):
            y += np.einsum("kc,ncpq->nkpq", w[:, :, r, s], x[:, :, r:r + y.shape[2],
                                                             s:s + y.shape[3]])
    return y
"""
    with loaded(tmp_path / "f.py", text) as kernel:
        outcome = found(kernel, "definition", examples=20)
        assert not outcome, outcome


def test_torch_is_right_by_its_own_names(tmp_path: Path) -> None:
    text = """
import torch, torch.nn.functional as F

def _of(function):
    def call(x, *arrays, **settings):
        given = [a if a is None else torch.from_numpy(a.copy()) for a in (x, *arrays)]
        y = function(*given, **settings)
        return tuple(t.numpy() for t in y) if isinstance(y, tuple) else y.numpy()
    return call

def conv_transpose2d(x, w, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    return _of(F.conv_transpose2d)(x, w, stride=stride, padding=padding, groups=groups,
                                   output_padding=output_padding, dilation=dilation)

def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
               return_indices=False):
    return _of(F.max_pool2d)(x, kernel_size=kernel_size, stride=stride, padding=padding,
                             dilation=dilation, ceil_mode=ceil_mode, return_indices=return_indices)

def avg_pool2d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    return _of(F.avg_pool2d)(x, kernel_size=kernel_size, stride=stride, padding=padding,
                             ceil_mode=ceil_mode, count_include_pad=count_include_pad)

def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    return _of(F.local_response_norm)(x, size=size, alpha=alpha, beta=beta, k=k)

def linear(x, w, bias=None):
    return _of(F.linear)(x, w, bias)
"""
    file = tmp_path / "f.py"
    file.write_text(text, encoding="utf-8")
    guest = Guest(str(file), QUICK)
    try:
        kernels = guest.load()
        assert [k.operation for k in kernels] == [
            "conv2d_dgrad", "max_pool2d", "avg_pool2d", "local_response_norm", "matmul",
        ]  # fmt: skip
        for kernel in kernels:
            wrong = found(kernel, "definition", examples=20)
            assert not wrong, (kernel.operation, wrong)
    finally:
        guest.end()


C = """
#include <stdint.h>
#include <stdlib.h>
#define NUMBERS int64_t N, int64_t C, int64_t H, int64_t W, int64_t K, int64_t R, int64_t S, \\
    int64_t sh, int64_t sw, int64_t top, int64_t bottom, int64_t left, int64_t right, int64_t dh, \\
    int64_t dw, int64_t groups
void conv2d_f32(const float *x, const float *w, const float *bias, float *y, NUMBERS) {
  int64_t P = (H + top + bottom - dh * (R - 1) - 1) / sh + 1;
  int64_t Q = (W + left + right - dw * (S - 1) - 1) / sw + 1;
  int64_t D = C / groups, M = K / groups;
  EXTRA
  for (int64_t n = 0; n < N; n++) for (int64_t k = 0; k < K; k++)
  for (int64_t p = 0; p < P; p++) for (int64_t q = 0; q < Q; q++) {
    float sum = bias ? bias[k] : 0;
    for (int64_t c = 0; c < D; c++)
    for (int64_t r = 0; r < R; r++) for (int64_t s = 0; s < S; s++) {
      int64_t h = p * sh - top + r * dh, v = q * sw - left + s * dw;
      if (h < 0 || h >= H LATER || v < 0 || v >= W) continue;
      sum += x[((n * C + k / M * D + c) * H + h) * W + v] * w[((k * D + c) * R + r) * S + s];
    }
    y[((n * K + k) * P + p) * Q + q] = sum;
  }
}
"""
BUGS = {
    "": ("", ""),
    "outside of its operands": ("", "+ 1"),
    "heap-buffer-overflow": ("volatile char *t = malloc(R); t[R] = 0; free((void *)t);", ""),
    "signed integer overflow": ("volatile int i = 2147483647; i = i + (int)R;", ""),
}
compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")


@compiler
@pytest.mark.parametrize("bug", BUGS)
def test_a_source_in_c_is_judged_and_its_undefined_behaviour_named(
    bug: str, tmp_path: Path
) -> None:
    extra, later = BUGS[bug]
    file = tmp_path / "conv.c"
    file.write_text(C.replace("EXTRA", extra).replace("LATER", later), encoding="utf-8")
    judgement = Judgement(QUICK)
    try:
        judgement.load(str(file))
        assert not judgement.unread
        (kernel,) = judgement.source_of
        assert conduct.SANITIZED in conduct.laws(kernel)
        (*_, sanitized) = conduct.Hearing(kernel).at_end()  # type: ignore[arg-type]
        assert bug in sanitized.unmet if bug else not sanitized.unmet
        if not bug:
            plain = ConvGeometry.of((1, 1, 3, 3), (1, 1, 1, 1))
            assert not kernel.supports(Problem(plain, np.dtype(np.float64)))
    finally:
        judgement.close()


@compiler
def test_a_source_that_does_not_compile_is_named_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "conv.c"
    file.write_text("void conv2d_f32(", encoding="utf-8")
    judgement = Judgement(QUICK)
    judgement.load(str(file))
    judgement.close()
    assert "does not compile" in judgement.unread[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:", "SyntaxError"),
        ("x = 1", "has no kernel"),
        ("import os\nos._exit(0)", "status 0"),
        ("raise SystemExit(0)", "SystemExit"),
    ],
)
def test_a_file_that_does_not_load_is_named_in_a_sentence(
    text: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "f.py"
    file.write_text(text, encoding="utf-8")
    judgement = Judgement(QUICK)
    judgement.load(str(file))
    judgement.close()
    assert said in judgement.unread[0]
