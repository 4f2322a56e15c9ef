"""Converters of matrix products: with constant weights, and of two activations, as in attention."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from minidl import nn
from minidl.formats.onnx.batch import Activation, Batch
from minidl.formats.onnx.call import Built, Call, Source, Steps, operator
from minidl.formats.onnx.joining import aligned, sources


@operator("Gemm")
def gemm(call: Call) -> nn.Module:
    """alpha x B + beta C, with x (N,F), B (F,K) or its transpose, C broadcast to (N,K)."""
    if call["transA"]:
        raise ValueError("transA=1 would mix the images of a batch")
    if len(call.shape) != 2:
        raise ValueError(f"its input {call.shape} has not the two axes (N, F)")
    call.axis(1)
    weight = _times(call["alpha"], _matrix(call))
    weight = weight if call["transB"] else weight.T  # (F,K) -> (K,F)
    # A beta of 0 leaves C out, as in BLAS and ONNX Runtime, even where it holds NaN.
    added = call.has(2) and call["beta"] != 0
    bias = _times(call["beta"], _row(call, weight.shape[0])) if added else None
    return nn.Linear.of(np.ascontiguousarray(weight), bias)


@operator("MatMul")
def matmul(call: Call) -> Built:
    """Of x (...,F) and a constant (F,K), or of two activations (...,M,F) and (...,F,K)."""
    constant = call.inputs[1]
    if isinstance(constant, np.ndarray) and constant.ndim == 2:
        call.axis(-1)
        return nn.Linear.of(np.ascontiguousarray(call.weights(1).T))  # (F,K) -> (K,F)
    shapes = [value.shape for value in call.inputs if value is not None]
    if min(map(len, shapes)) < 2:
        raise ValueError(f"its inputs {shapes} are not both of two axes or more")
    batch, values = aligned(call)
    for value in call.activations:
        value.place(-1)
        value.place(-2)
    return Steps((nn.MatMul(),), sources(values), batch)


@operator("Einsum")
def einsum(call: Call) -> Built:
    """Of two activations: a matrix product, with the axes in order before and after it.

    Axes of both operands and the result are the product's batch; those of both alone are summed.
    """
    terms, result = _equation(call)
    kept = [s for s in terms[0] if s in terms[1] and s in result]
    summed = [s for s in terms[0] if s in terms[1] and s not in result]
    left, right = ([s for s in mine if s not in other] for mine, other in (terms, reversed(terms)))
    if set(result) != {*kept, *left, *right} or len(set(result)) != len(result):
        raise ValueError(f"its equation {call['equation']!r} is no product of matrices")
    x, y = call.activations
    sizes = dict(zip((*terms[0], *terms[1]), (*x.own, *y.own), strict=True))
    operands = (
        _ordered(x, terms[0], (kept, left, summed), sizes),
        _ordered(y, terms[1], (kept, summed, right), sizes),
    )
    made = [*kept, *left, *right]
    order = [made.index(s) + 1 for s in result]
    shaped = nn.Reshape([sizes[s] for s in made])  # (N, kept, left, right) -> one axis a letter
    batch = Batch(_batch_in_result(call), x.batch.outer, x.batch.inner)
    return Steps((nn.MatMul(), shaped, nn.Transpose((0, *order))), operands, batch)


def _equation(call: Call) -> tuple[list[str], str]:
    """The letters of two operands and of the result, without the batch's where it is alone."""
    equation = call["equation"].replace(" ", "")
    given, arrow, result = equation.partition("->")
    terms = given.split(",")
    if not arrow or len(terms) != 2 or len(call.activations) != 2 or "." in equation:
        raise ValueError(f"its equation {equation!r} is not of two activations, or is implicit")
    letters = set()
    for term, x in zip(terms, call.activations, strict=True):
        if len(term) != len(x.shape) or len(set(term)) != len(term):
            raise ValueError(f"its equation {equation!r} does not fit its input {x.sizes}")
        letters.add((term[x.batch.axis], x.batch.rows))
    if len(letters) != 1 or next(iter(letters))[0] not in result:
        raise ValueError(f"its equation {equation!r} mixes the images of a batch")
    letter, rows = letters.pop()
    if rows > 1:
        return terms, result
    return [term.replace(letter, "") for term in terms], result.replace(letter, "")


def _batch_in_result(call: Call) -> int:
    given, _, result = call["equation"].replace(" ", "").partition("->")
    return int(result.index(given.split(",")[0][call.first.batch.axis]))


def _ordered(
    x: Activation, term: str, groups: Sequence[Sequence[str]], sizes: dict[str, int]
) -> Source:
    """An operand as (N, *kept, rows, columns)."""
    order = [term.index(s) + 1 for group in groups for s in group]
    kept, rows, columns = ([sizes[s] for s in group] for group in groups)
    shape = (*kept, math.prod(rows), math.prod(columns))
    return Source((nn.Transpose((0, *order)), nn.Reshape(shape)), x)


def _matrix(call: Call) -> np.ndarray:
    matrix = call.weights(1)
    if matrix.ndim != 2:
        raise ValueError(f"its weight {matrix.shape} is no matrix")
    return matrix


def _row(call: Call, outputs: int) -> np.ndarray:
    """Gemm's C as (K,): the same for every image."""
    row = call.weights(2)
    if row.ndim > 2 or row.shape[:-1] not in ((), (1,)) or row.size not in (1, outputs):
        raise ValueError(f"its bias {row.shape} is not one row of {outputs} for all images")
    return np.broadcast_to(row.ravel(), (outputs,)).copy()  # one axis or two -> (K,)


def _times(factor: float, array: np.ndarray) -> np.ndarray:
    """factor times array; the array itself, which may be large, for a factor of 1."""
    return array if factor == 1 else array * np.float32(factor)
