"""Local contrast normalisation in an ONNX file: the formula that the export writes, read back.

The file has the Gaussian's weights, in float32, and not its deviation. Of the deviations with few
digits one gives the same weights; a window without one is another formula.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernels.contract.norm_geometry import LCNGeometry
from minidl.formats.onnx.formulas import Match

DIGITS = range(1, 9)
"""Digits of a deviation that are tried, from the fewest on."""


def blurred(of: str, name: str, corrected: bool) -> str:
    """The formula of a blur along columns, then rows; `name` begins the names of its constants."""
    sums = f"Conv(Conv({of}, {name}_column), {name}_row)"
    return f"Div({sums}, {name}_inside)" if corrected else sums


def formula(corrected: bool) -> str:
    """The nodes of `minidl.formats.onnx.export`, of the value x."""
    centred = f"Sub(x, {blurred('ReduceMean(x)', 'mean', corrected)})"
    squares = f"ReduceMean(Mul({centred}, {centred}))"
    deviation = f"Sqrt({blurred(squares, 'square', corrected)})"
    return f"Div({centred}, Max({deviation}, Max(ReduceMean({deviation}), floor)))"


def settings(match: Match, corrected: bool) -> dict[str, Any] | None:
    """The layer's settings; None if the constants are not those of one Gaussian window."""
    names = [f"{of}_{line}" for of in ("mean", "square") for line in ("column", "row")]
    windows = [match.constants.get(match.values[name]) for name in names]
    first = windows[0]
    if first is None or any(w is None or w.tobytes() != first.tobytes() for w in windows):
        return None  # (of one length, along columns or rows)
    sigma = _deviation(first.ravel().astype(np.float32))
    axes = [match.axes(node) for node in match.nodes_of("ReduceMean")]
    if sigma is None or sorted(axes) != [(1,), (1,), (2, 3)]:
        return None
    border = "corrected" if corrected else "zero"
    floor = match.number("floor")
    return {"size": first.size, "sigma": sigma, "border": border, "floor": floor}


def _deviation(window: np.ndarray) -> float | None:
    """The deviation of a window (size,) of float32; None if it is no Gaussian that sums to 1."""
    size, half = len(window), len(window) // 2
    if size % 2 == 0 or not (window > 0).all():
        return None
    if size == 1:
        return 1.0 if window[0] == 1 else None
    ratio = float(window[half + 1]) / float(window[half])
    if not 0 < ratio < 1:
        return None
    near = math.sqrt(-0.5 / math.log(ratio))
    for digits in DIGITS:
        sigma = float(f"{near:.{digits}g}")
        made = LCNGeometry.of((1, 1, 1, 1), size, sigma).window().astype(np.float32)
        if np.array_equal(made, window):
            return sigma
    return None
