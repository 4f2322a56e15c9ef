"""Parsing of sizes; numbers drawn from a seed or read from a file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def sizes(text: str, option: str, counts: Sequence[int]) -> tuple[int, ...]:
    """The integers of "4x4", as many as `counts` allows; ValueError for anything else."""
    parts = text.lower().split("x")
    if len(parts) not in counts or not all(re.fullmatch(r"[+-]?\d{1,6}", part) for part in parts):
        example = " or ".join("x".join(["3"] * count) for count in counts)
        raise ValueError(f"{option} {text!r} is not of the form {example}")
    return tuple(int(part) for part in parts)


def two(text: str, option: str) -> tuple[int, int]:
    """Rows and columns: "4x5" is (4, 5), "4" is (4, 4)."""
    values = sizes(text, option, (1, 2))
    return values[0], values[-1]


def pixels(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Integers from 1 to 9, float64; without 0, so that a printed dot is never a pixel."""
    return rng.integers(1, 10, tuple(shape)).astype(np.float64)


def weights(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Integers from -3 to 3 without 0, float64."""
    return rng.choice([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0], tuple(shape))


def read(path: Path, shape: Sequence[int], what: str) -> np.ndarray:
    """The numbers of a file as `shape` (four axes), float64.

    A .npy file has this shape, or lacks leading axes of 1. Any other file is text: the last axis is
    a line, separated by commas or blanks; all other axes are lines. ValueError states what was
    found instead; nothing in a file is executed or unpickled.
    """
    values = _npy(path) if path.suffix == ".npy" else _text(path)
    lines = int(np.prod(tuple(shape[:-1]))), shape[-1]
    fitting = _without_leading_ones(shape) if path.suffix == ".npy" else [lines]
    if values.shape not in fitting:
        raise ValueError(
            f"{path} holds numbers of the shape {_by(values.shape)}; {what} is {_by(shape)} here, "
            f"so {_by(fitting[-1])} would fit, or other sizes"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"{path} holds a NaN or an infinity; every number must be finite")
    return values.reshape(tuple(shape))  # -> the four axes of `shape`


def _without_leading_ones(shape: Sequence[int]) -> list[tuple[int, ...]]:
    """`shape`, and `shape` without leading axes of 1, one by one."""
    found = [tuple(shape)]
    while found[-1][0] == 1 and len(found[-1]) > 1:
        found.append(found[-1][1:])
    return found


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "a single number"


def _npy(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        try:
            values = np.lib.format.read_array(file, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise ValueError(f"{path} is not an .npy file of numbers: {error}") from None
    if values.dtype.kind not in "fiu":
        raise ValueError(f"{path} holds {values.dtype}; real numbers or integers are needed")
    return values.astype(np.float64)


def _text(path: Path) -> np.ndarray:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text; name a binary file of numbers .npy") from None
    rows = [_row(path, at, line) for at, line in enumerate(lines, start=1) if line.strip()]
    if len({len(row) for row in rows}) > 1:
        counts = ", ".join(str(len(row)) for row in rows[:8])
        raise ValueError(f"{path}: every row must have as many numbers; these have {counts}")
    return np.array(rows, np.float64)


def _row(path: Path, at: int, line: str) -> list[float]:
    words = [word for word in re.split(r"[\s,;]+", line) if word]
    try:
        return [float(word) for word in words]
    except ValueError:
        raise ValueError(f"{path}, line {at}: {line.strip()[:60]!r} is not all numbers") from None
