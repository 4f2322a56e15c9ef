"""Drawn models of each operator that can be imported, in the form of each opset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.minidl.onnx_graphs import drawn, model, node, onnx


@dataclass(frozen=True, eq=False)
class Case:
    """A model, an image for it, and the bound on the difference of two readers.

    terms:     the number of roundings of a value by each reader; 0 where values are only selected
    or
               moved.
    of:        the unit of rounding: the sum of the absolute "products", the "result", or "one".
    reference: True if the standard's own evaluator computes this form; it does not follow the
               standard for windows with ceil_mode, with unequal pads, or transposed in groups.
    """

    proto: Any
    x: np.ndarray
    terms: float = 0
    of: str = "products"
    reference: bool = True


Draw = Callable[[np.random.Generator, int], Case]
CASES: dict[str, Draw] = {}


def case(draw: Draw) -> Draw:
    """Decorator: register the drawing of a model of the operator named as the function."""
    CASES[draw.__name__] = draw
    return draw


def forms(operator: str) -> list[int]:
    """The opsets from 7 to 25 in which the operator's form changed, and the last of them."""
    every = onnx.defs.get_all_schemas_with_history()
    since = {each.since_version for each in every if each.name == operator and not each.domain}
    return sorted({max(version, 7) for version in since if version <= 25} | {25})


def planes(rng: np.random.Generator, channels: int | None = None) -> np.ndarray:
    """Two images of some channels, each side of 2 to 9 pixels."""
    C = int(rng.integers(1, 5)) if channels is None else channels
    return drawn(rng, 2, C, *(int(v) for v in rng.integers(2, 10, 2)))


def pair(rng: np.random.Generator, low: int, high: int) -> list[int]:
    return [int(v) for v in rng.integers(low, high + 1, 2)]


def single(operator: str, opset: int, x: np.ndarray, *constants: Any, **attributes: Any) -> Any:
    """A model of one node, with constants (None for an omitted one) after the image.

    An image of one pixel is flattened before, into rows (N,F).
    """
    named = {f"c{at}": each for at, each in enumerate(constants) if each is not None}
    inputs = [f"c{at}" if each is not None else "-" for at, each in enumerate(constants)]
    return chain(x, opset, node(operator, " ".join(["v", *inputs]), **attributes), **named)


def chain(x: np.ndarray, opset: int, *nodes: Any, **constants: Any) -> Any:
    """A model whose nodes have the input "v", the image, or its pixel as a row."""
    first = node("Flatten" if x.shape[2:] == (1, 1) else "Identity", "x", "v")
    return model([first, *nodes], ["N", *x.shape[1:]], opset, **constants)


@case
def Gemm(rng: np.random.Generator, opset: int) -> Case:
    F, K = pair(rng, 1, 9)
    x, flipped = drawn(rng, 3, F, 1, 1), int(rng.integers(2))
    weight = drawn(rng, K, F) if flipped else drawn(rng, F, K)
    shapes: list[tuple[int, ...] | None] = [(), (1,), (K,), (1, 1), (1, K)]
    shape = [*shapes, None][int(rng.integers(6))] if opset >= 11 else shapes[int(rng.integers(5))]
    bias = [] if shape is None else [np.asarray(rng.standard_normal(shape), np.float32)]
    alpha, beta = (float(v) for v in rng.uniform(0.5, 2, 2))
    proto = single("Gemm", opset, x, weight, *bias, alpha=alpha, beta=beta, transB=flipped)
    return Case(proto, x, terms=F + 4)


@case
def Relu(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    return Case(single("Relu", opset, x), x)


@case
def LeakyRelu(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    settings = {"alpha": float(rng.random())} if rng.random() < 0.7 else {}
    return Case(single("LeakyRelu", opset, x, **settings), x, terms=1, of="result")


@case
def PRelu(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    shapes = [(x.shape[1], 1, 1), (1,), (1, x.shape[1], 1, 1)]
    slope = np.asarray(rng.random(shapes[int(rng.integers(2))]), np.float32)
    return Case(single("PRelu", opset, x, slope), x, terms=1, of="result")


@case
def Clip(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    low, high = (np.float32(v) for v in sorted(rng.standard_normal(2)))
    bounds = [low if rng.random() < 0.7 else None, high if rng.random() < 0.7 else None]
    if opset < 11:
        names = {"min": bounds[0], "max": bounds[1]}
        given = {name: float(value) for name, value in names.items() if value is not None}
        return Case(single("Clip", opset, x, **given), x)
    return Case(single("Clip", opset, x, *bounds), x)


# Runtimes compute these two by polynomials of their own, good to a few units in the last place.
@case
def Sigmoid(rng: np.random.Generator, opset: int) -> Case:
    x = 4 * planes(rng)
    return Case(single("Sigmoid", opset, x), x, terms=8, of="one")


@case
def Tanh(rng: np.random.Generator, opset: int) -> Case:
    x = 4 * planes(rng)
    return Case(single("Tanh", opset, x), x, terms=8, of="one")


@case
def Softmax(rng: np.random.Generator, opset: int) -> Case:
    """An exponent of size s is rounded by s eps, and so is the power of e, relative to itself."""
    x = planes(rng) if rng.random() < 0.7 else drawn(rng, 3, 7, 1, 1)
    axes = 2 if x.shape[2:] == (1, 1) else 4
    axis = int(rng.integers(1, axes)) - (axes if rng.random() < 0.5 and opset >= 11 else 0)
    settings = {"axis": axis} if rng.random() < 0.7 else {}
    proto, terms = single("Softmax", opset, x, **settings), x[0].size + 4 * float(np.ptp(x))
    # The standard's evaluator takes one axis alone, which is what opset 13 made of it.
    return Case(proto, x, terms, of="result", reference=opset >= 13 or axes == 2)


@case
def GlobalAveragePool(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    return Case(single("GlobalAveragePool", opset, x), x, terms=x[0, 0].size + 1)


@case
def GlobalMaxPool(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    return Case(single("GlobalMaxPool", opset, x), x)


def over_planes(operator: str, rng: np.random.Generator, opset: int) -> tuple[Any, np.ndarray]:
    x, kept = planes(rng), int(rng.integers(2))
    axes = [[2, 3], [-1, -2]][rng.integers(2)] if opset >= 11 else [2, 3]
    if opset >= 18:
        return single(operator, opset, x, np.array(axes), keepdims=kept), x
    return single(operator, opset, x, axes=axes, keepdims=kept), x


@case
def ReduceMean(rng: np.random.Generator, opset: int) -> Case:
    proto, x = over_planes("ReduceMean", rng, opset)
    return Case(proto, x, terms=x[0, 0].size + 1)


@case
def ReduceMax(rng: np.random.Generator, opset: int) -> Case:
    proto, x = over_planes("ReduceMax", rng, opset)
    return Case(proto, x)


@case
def LRN(rng: np.random.Generator, opset: int) -> Case:
    """The window's sum may be made of all channels' by additions and subtractions; root, quotient
    and product round a few times more."""
    size, x = int(rng.choice([1, 3, 5])), 3 * planes(rng)
    alpha, beta = float(rng.random()), float(rng.uniform(0.5, 1))
    proto = single("LRN", opset, x, size=size, alpha=alpha, beta=beta, bias=2.0)
    growth = 1 + alpha / size * float(np.square(x).sum(axis=1).max()) / 2.0
    terms = (2 * x.shape[1] + 12) * growth
    # The standard's evaluator takes the number of images for that of channels.
    return Case(proto, x, terms, of="result", reference=x.shape[0] == x.shape[1])


@case
def BatchNormalization(rng: np.random.Generator, opset: int) -> Case:
    """Means of the sign for which nothing cancels: then the products are those of the layer."""
    x = planes(rng)
    scale, bias, mean, var = (np.exp(drawn(rng, x.shape[1])) for _ in range(4))
    proto = single("BatchNormalization", opset, x, scale, bias, -mean, var, epsilon=1e-3)
    # Before opset 14 the standard's evaluator computes what training would.
    return Case(proto, x, terms=8, reference=opset >= 14)


@case
def Concat(rng: np.random.Generator, opset: int) -> Case:
    x, axis = planes(rng), int(rng.integers(1, 4))
    axis -= 4 if opset >= 11 and rng.random() < 0.5 else 0
    nodes = node("Relu", "v", "a"), node("Clip", "a", "b"), node("Concat", "a v a b", axis=axis)
    return Case(chain(x, opset, *nodes), x)


@case
def Sum(rng: np.random.Generator, opset: int) -> Case:
    x, inputs = planes(rng), ["v", "v a", "v a v", "a a v v"][rng.integers(4)]
    return Case(chain(x, opset, node("Relu", "v", "a"), node("Sum", inputs)), x, terms=4)


def with_constant(operator: str, rng: np.random.Generator, opset: int, last: bool) -> Case:
    """The image and a constant for each channel, or one for all, in either order."""
    x = planes(rng) if rng.random() < 0.7 else drawn(rng, 3, 5, 1, 1)
    ones = () if x.shape[2:] == (1, 1) else (1, 1)
    shapes: list[tuple[int, ...]] = [(x.shape[1], *ones), (1, x.shape[1], *ones), (1,), ()]
    constant = np.asarray(rng.uniform(0.5, 2, shapes[rng.integers(4)]), np.float32)
    inputs = "v c" if last or rng.random() < 0.5 else "c v"
    return Case(chain(x, opset, node(operator, inputs), c=constant), x, terms=2)


@case
def Add(rng: np.random.Generator, opset: int) -> Case:
    if rng.random() < 0.6:
        return with_constant("Add", rng, opset, last=False)
    x = planes(rng)
    return Case(chain(x, opset, node("Relu", "v", "a"), node("Add", "a v")), x, terms=1)


@case
def Sub(rng: np.random.Generator, opset: int) -> Case:
    return with_constant("Sub", rng, opset, last=False)


@case
def Mul(rng: np.random.Generator, opset: int) -> Case:
    return with_constant("Mul", rng, opset, last=False)


@case
def Div(rng: np.random.Generator, opset: int) -> Case:
    return with_constant("Div", rng, opset, last=True)


@case
def Dropout(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    if opset >= 12:
        return Case(single("Dropout", opset, x, np.float32(0.3), np.array(False)), x)
    return Case(single("Dropout", opset, x, ratio=0.3), x)


@case
def Identity(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    return Case(single("Identity", opset, x), x)


@case
def Cast(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    return Case(single("Cast", opset, x, to=onnx.TensorProto.FLOAT), x)
