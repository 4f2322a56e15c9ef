"""Scaled dot-product attention and einsum, written with other functions: any derivative."""

from __future__ import annotations

import math
from itertools import count
from typing import Any

import numpy as np

from minidl.functional import arguments
from minidl.functional.activation import softmax
from minidl.functional.arithmetic import add, multiply
from minidl.functional.dropout import dropout
from minidl.functional.linear import matmul
from minidl.functional.reduction import sum as total
from minidl.functional.shape import reshape, transpose
from minidl.tensor import Tensor


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | np.ndarray | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """softmax(query key^T scale + mask) value (Vaswani et al. 2017, eq. 1).

    query (...,L,E), key (...,S,E), value (...,S,D) -> (...,L,D). scale: 1 / sqrt(E) by default.
    attn_mask: numbers that are added, or booleans, True where a place takes part; is_causal: place
    l sees the places up to l.
    """
    what = "scaled_dot_product_attention"
    for tensor, name in ((query, "query"), (key, "key"), (value, "value")):
        arguments.tensor(tensor, what, name)
        if tensor.ndim < 2:
            raise ValueError(f"{what}: {name} must be (...,length,features), got {tensor.shape}")
    dropout_p = arguments.number(dropout_p, f"{what}: dropout_p")
    weights = attention_weights(query, key, attn_mask, is_causal, scale)
    return matmul(dropout(weights, dropout_p) if dropout_p else weights, value)


def attention_weights(
    query: Tensor,
    key: Tensor,
    attn_mask: Tensor | np.ndarray | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """softmax(query key^T scale + mask), (...,L,S)."""
    what = "scaled_dot_product_attention"
    if arguments.flag(is_causal, f"{what}: is_causal") and attn_mask is not None:
        raise ValueError(f"{what}: give attn_mask or is_causal, not both")
    factor = None if scale is None else arguments.number(scale, f"{what}: scale")
    L, S, E = query.shape[-2], key.shape[-2], query.shape[-1]
    axes = (*range(key.ndim - 2), key.ndim - 1, key.ndim - 2)
    scores = matmul(query, transpose(key, axes))  # (...,L,E) x (...,E,S) -> (...,L,S)
    scores = multiply(scores, 1 / math.sqrt(E) if factor is None else factor)
    mask = np.tri(L, S, dtype=bool) if is_causal else attn_mask
    return softmax(scores if mask is None else add(scores, _added(mask, query)), -1)


def _added(mask: Tensor | np.ndarray, like: Tensor) -> Tensor:
    """A mask as numbers that are added: minus infinity where it is False."""
    array = mask._array if isinstance(mask, Tensor) else mask
    arguments.array(array, "scaled_dot_product_attention: attn_mask")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"attn_mask must be of booleans or numbers, got {array.dtype}")
    if array.dtype != bool:
        return mask if isinstance(mask, Tensor) else Tensor(array.astype(like.dtype))
    return Tensor(np.where(array, 0.0, -np.inf).astype(like.dtype)).to(like.device)


def einsum(equation: str, *operands: Any) -> Tensor:
    """Sums of products of one or more tensors by named axes: "bij,bjk->bik".

    Without an arrow the result has the axes that are named once, in alphabetical order, as in
    NumPy. "..." stands for further axes, of the same number in each operand that has it. ValueError
    for a name twice in one operand, or for sizes that differ.
    """
    given = (
        operands[0] if len(operands) == 1 and isinstance(operands[0], tuple | list) else operands
    )
    if not isinstance(equation, str):
        raise TypeError(f"einsum: the equation must be a text, got {arguments.shown(equation)}")
    tensors = tuple(arguments.tensors(given, "einsum"))
    terms, result = _named(equation, tensors)
    sizes = dict[str, int]()
    for names, tensor in zip(terms, tensors, strict=True):
        for name, size in zip(names, tensor.shape, strict=True):
            if sizes.setdefault(name, size) != size:
                raise ValueError(f"einsum: {name!r} is {sizes[name]} and {size} in {equation!r}")
    unknown = [name for name in result if name not in sizes]
    if unknown or len(set(result)) < len(result):
        raise ValueError(f"einsum: the result {result!r} of {equation!r} names an axis wrongly")
    names, tensor = terms[0], tensors[0]
    for number in range(1, len(tensors)):
        later = {*result}.union(*terms[number + 1 :])
        names, tensor = _product(names, tensor, terms[number], tensors[number], later, sizes)
    names, tensor = _summed(names, tensor, {*result})
    return transpose(tensor, tuple(names.index(name) for name in result))


def _named(equation: str, operands: tuple[Tensor, ...]) -> tuple[list[str], str]:
    """The names of the axes of each operand and of the result, one character an axis."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum: {equation!r} has {len(terms)} terms for {len(operands)} tensors")
    fresh = (chr(i) for i in count(0xE000))  # private characters, no user's names
    pairs = zip(terms, operands, strict=True)
    further = max((t.ndim - len(s) + 3 for s, t in pairs if "..." in s), default=0)
    dots = "".join(next(fresh) for _ in range(further))
    terms = [term.replace("...", dots) for term in terms]
    for term, tensor in zip(terms, operands, strict=True):
        if len(set(term)) < len(term) or len(term) != tensor.ndim:
            raise ValueError(
                f"einsum: in {equation!r} each axis of an operand has a name of its own; one of "
                f"{tensor.shape} does not"
            )
    every = "".join(terms)
    once = "".join(sorted(n for n in set(every) if every.count(n) == 1 and n not in dots))
    return terms, right.replace("...", dots) if arrow else dots + once


def _summed(names: str, tensor: Tensor, kept: set[str]) -> tuple[str, Tensor]:
    """The sum over the axes that are not kept."""
    axes = tuple(i for i, name in enumerate(names) if name not in kept)
    tensor = total(tensor, axes) if axes else tensor
    return "".join(name for name in names if name in kept), tensor


def _product(
    names: str, a: Tensor, others: str, b: Tensor, later: set[str], sizes: dict[str, int]
) -> tuple[str, Tensor]:
    """The product of two operands, summed over the axes of both that nothing later names.

    As batches of matrix products: (both, first alone, summed) x (both, summed, second alone).
    """
    names, a = _summed(names, a, later | {*others})
    others, b = _summed(others, b, later | {*names})
    both = "".join(n for n in names if n in others and n in later)
    inner = "".join(n for n in names if n in others and n not in later)
    first = "".join(n for n in names if n not in others)
    second = "".join(n for n in others if n not in names)

    def matrices(own: str, tensor: Tensor, *groups: str) -> Tensor:
        order = tuple(own.index(name) for group in groups for name in group)
        shape = tuple(math.prod(sizes[name] for name in group) for group in groups)
        return reshape(transpose(tensor, order), shape)  # axes in order -> (both, rows, columns)

    y = matmul(matrices(names, a, both, first, inner), matrices(others, b, both, inner, second))
    made = both + first + second
    return made, reshape(y, tuple(sizes[name] for name in made))  # (both, M, N) -> one axis a name
