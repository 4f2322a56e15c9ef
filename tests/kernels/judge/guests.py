"""Kernels that are not trusted, written to a file and tried in a process of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kernels.judge import conduct
from kernels.judge.process import Limits
from kernels.judge.remote import Guest, Remote
from kernels.verify.property import PROPERTIES
from kernels.verify.runner import try_property

QUICK = Limits(seconds=20.0)

HEAD = """
import numpy as np
from kernels import kernel
from kernels.reference import taps

def right(x, w, g, bias=None):
    "A convolution without groups, by slices of the padded plane."
    t, b, l, r = g.padding
    xp = np.pad(x, ((0, 0), (0, 0), (t, b), (l, r)))
    y = np.zeros(g.y_shape, x.dtype)
    (sh, sw), (dh, dw) = g.stride, g.dilation
    for i in range(g.R):
        for j in range(g.S):
            rows = slice(i * dh, i * dh + (g.P - 1) * sh + 1, sh)
            columns = slice(j * dw, j * dw + (g.Q - 1) * sw + 1, sw)
            y += np.einsum("kc,ncpq->nkpq", w[:, :, i, j], xp[:, :, rows, columns])
    return y if bias is None else y + bias[:, None, None]

def plain(g):
    return g.groups == 1 and min(g.padding) >= 0
"""
KERNEL = """
@kernel("conv2d", name="guest", spreads="padding", supports=plain)
def forward(x, w, g, *, bias=None):
"""


def convolution(before: str, body: str) -> str:
    """A file with a convolution: lines at its beginning, and the body of the kernel."""
    return convolutions({"guest": (before, body)})


def convolutions(parts: Mapping[str, tuple[str, str]]) -> str:
    """A file with a convolution for each name: lines before it, and its body."""
    text = HEAD
    for number, (before, body) in enumerate(parts.values()):
        inside = "".join(f"    {line}\n" for line in body.strip().splitlines())
        name = f"guest{number}" if number else "guest"
        text += f"{before}\n{KERNEL.replace('guest', name)}{inside}"
    return text


@contextmanager
def loaded(file: Path, text: str, limits: Limits = QUICK) -> Iterator[Remote]:
    """The only kernel of a file with this text, in its process."""
    with all_loaded(file, text, limits) as (kernel,):
        yield kernel


@contextmanager
def all_loaded(file: Path, text: str, limits: Limits = QUICK) -> Iterator[list[Remote]]:
    """The kernels of a file with this text, in one process."""
    file.write_text(text, encoding="utf-8")
    guest = Guest(str(file), limits)
    try:
        yield guest.load()
    finally:
        guest.close()


def found(kernel: Remote, *laws: str, examples: int = 6) -> list[str]:
    """What is wrong by these properties and by the conduct of their calls; empty if nothing."""
    outcomes, hearing = [], conduct.Hearing(kernel)
    for name in laws:
        kernel.guest.begin_trial()
        outcomes.append(try_property(kernel, PROPERTIES[name], examples))
        outcomes += hearing.after(outcomes[-1])
    outcomes += hearing.at_end()
    return [
        outcome.failure.reason if outcome.failure else outcome.unmet
        for outcome in outcomes
        if not outcome.holds
    ]
