"""One output of a layer that works element by element, or joins branches: the elements it read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.bounds import eps, underflow
from minidl import Tensor, nn, no_grad

Index = tuple[int, ...]


@dataclass(frozen=True)
class Pointwise:
    """The elements of the inputs at the output's place, one of each input that it reads.

    sources:  the numbers of these inputs among the layer's.
    formula:  what is done with them, a and b; "" for a kind whose formula is not written here.
    expected: the formula's value; None without a formula.
    absolute: what its rounding errors are relative to.
    """

    values: tuple[float, ...]
    sources: tuple[int, ...]
    places: tuple[Index, ...]
    formula: str
    expected: float | None
    absolute: float

    def bound(self, dtype: np.dtype) -> float | None:
        """Of one rounding for each element; 0 where a value is moved or chosen."""
        if self.expected is None:
            return None
        if self.formula in EXACT:
            return 0.0
        return len(self.values) * (eps(dtype) * self.absolute + underflow(dtype))


def pointwise(layer: nn.Module, inputs: Sequence[np.ndarray], index: Index) -> Pointwise | None:
    """The elements that the output at `index` reads; None for a layer of another kind."""
    kind = type(layer).__name__
    if kind == "Concatenate":
        return _concatenated(layer.settings["axis"], inputs, index)  # type: ignore[attr-defined]
    if kind == "Pixels":
        return _pixels(layer.settings, inputs[0], index)  # type: ignore[attr-defined]
    if kind in MOVING and len(inputs) == 1:
        return _of(inputs, [source_of(layer, inputs[0].shape, index)], kind)
    if kind in ("Scale", "Shift"):
        return _with_constant(layer, inputs[0], index, kind)
    if kind not in FORMULAS and kind not in OTHERS:
        return None
    return _of(inputs, [broadcast(index, x.shape) for x in inputs], kind)


def _pixels(settings: dict[str, Any], x: np.ndarray, index: Index) -> Pointwise:
    """A colour channel in another order, times its scale."""
    scale = float(np.asarray(settings["scale"][index[1]], x.dtype))
    place = (index[0], settings["order"][index[1]], *index[2:])
    value = float(x[place])
    return Pointwise((value,), (0,), (place,), f"{scale:.7g} a", scale * value, abs(scale * value))


def _with_constant(layer: Any, x: np.ndarray, index: Index, kind: str) -> Pointwise:
    """A learnt constant that broadcasts to the element is multiplied or added."""
    with no_grad():
        constant = float(layer.weight[broadcast(index, (1, *layer.weight.shape))[1:]].item())
    value = float(x[index])
    formula = f"{constant:.7g} a" if kind == "Scale" else f"a + {constant:.7g}"
    expected = value * constant if kind == "Scale" else value + constant
    return Pointwise((value,), (0,), (index,), formula, expected, abs(value) + abs(expected))


def source_of(layer: nn.Module, shape: tuple[int, ...], index: Index) -> Index:
    """Where a layer that moves values of x of `shape` has the value at `index` from: it is given
    the numbers of the elements in place of their values."""
    number = int(numbered(layer, shape)[index])
    return tuple(int(i) for i in np.unravel_index(number, shape))


def numbered(layer: nn.Module, shape: tuple[int, ...]) -> np.ndarray:
    """The number of the element that the layer moves to each place of its output."""
    numbers = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)  # (size,) -> shape
    with no_grad():
        found: np.ndarray = layer(Tensor(numbers)).numpy()
    return found


def broadcast(index: Index, shape: tuple[int, ...]) -> Index:
    """The index of an operand of `shape` that is broadcast to the output."""
    own = index[len(index) - len(shape) :]
    return tuple(0 if size == 1 else i for i, size in zip(own, shape, strict=True))


def _of(inputs: Sequence[np.ndarray], places: Sequence[Index], kind: str) -> Pointwise:
    read = [float(x[place]) for x, place in zip(inputs, places, strict=True)]
    moved = ("a", lambda read: read[0])
    formula, function = moved if kind in MOVING else FORMULAS.get(kind, ("", None))
    expected = None if function is None else function(read)
    sources = tuple(range(len(read)))
    absolute = max(abs(expected or 0.0), sum(map(abs, read)) if kind in SUMS else 0.0)
    return Pointwise(tuple(read), sources, tuple(places), formula, expected, absolute)


def _concatenated(axis: int, inputs: Sequence[np.ndarray], index: Index) -> Pointwise:
    """The one input in which the output's place lies."""
    axis %= len(index)
    at = index[axis]
    for number, x in enumerate(inputs):
        if at < x.shape[axis]:
            place = (*index[:axis], at, *index[axis + 1 :])
            value = float(x[place])
            return Pointwise((value,), (number,), (place,), "a", value, abs(value))
        at -= x.shape[axis]
    raise ValueError(f"there is no output {index} of the joined inputs")


def _divide(read: list[float]) -> float:
    return float(np.divide(read[0], read[1]))


FORMULAS: dict[str, tuple[str, Callable[[list[float]], float]]] = {
    "Absolute": ("|a|", lambda read: abs(read[0])),
    "Add": ("a + b", math.fsum),
    "Divide": ("a / b", _divide),
    "Dropout": ("a", lambda read: read[0]),
    "Identity": ("a", lambda read: read[0]),
    "Maximum": ("max(a, b)", lambda read: float(np.max(read))),
    "Minimum": ("min(a, b)", lambda read: float(np.min(read))),
    "Multiply": ("a b", lambda read: float(np.prod(read))),
    "Negate": ("-a", lambda read: -read[0]),
    "ReLU": ("max(a, 0)", lambda read: float(np.maximum(read[0], 0))),
    "ReLU6": ("min(max(a, 0), 6)", lambda read: float(np.clip(read[0], 0, 6))),
    "Subtract": ("a - b", lambda read: read[0] - read[1]),
}
"""The formula of each kind of layer and its value, from the elements that it reads."""
SUMS = ("Add", "Subtract")
EXACT = frozenset(("a", "-a", "|a|", "max(a, 0)", "min(max(a, 0), 6)", "max(a, b)", "min(a, b)"))
MOVING = frozenset(("Flatten", "Gather", "Reshape", "Slice", "Transpose"))
"""Kinds that move values."""
OTHERS = frozenset((
    "Clip", "ELU", "Erf", "Exp", "GELU", "Hardsigmoid", "Hardswish", "LeakyReLU", "Log", "Mish",
    "PReLU", "Power", "Reciprocal", "SiLU", "Sigmoid", "Softplus", "Sqrt", "Tanh",
))  # fmt: skip
"""Kinds whose element is shown, and no formula."""
