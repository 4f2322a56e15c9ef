"""Layer-wise relevance propagation of a unit's value, whole or through some maps alone.

The relevance of the unit is its value, that of all others 0; `minidl.relevance` propagates it to
the pixels. Concept-wise (Achtibat et al. 2023): at a layer, the relevance of all maps but the
chosen ones is set to 0, and only what passes this layer goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minidl import Tensor, device, nn, no_grad
from minidl.relevance import (
    STABILISER,
    AlphaBeta,
    Bounds,
    Box,
    Composite,
    Epsilon,
    Flat,
    Gamma,
    LayerRule,
    WSquare,
)
from zfnet.attribution.method import Found, number
from zfnet.attribution.passes import Forward, Question, forward, in_batches
from zfnet.inspectable import InspectableGraph

FIRST: dict[str, LayerRule] = {"flat": Flat(), "wsquare": WSquare(), "box": Box()}
"""Rules of the first layer, by the names of the setting `first`."""


@dataclass(frozen=True)
class Concept:
    """Some maps of a layer."""

    layer: str
    maps: tuple[int, ...]


def composite(
    name: str, given: Composite, *, epsilon: Any = None, gamma: Any = None, alpha: Any = None,
    first: Any = None, stabiliser: Any = STABILISER,
) -> Composite:  # fmt: skip
    """The composite with these numbers in its rules; ValueError for numbers that do not fit."""
    small = number(stabiliser, "stabiliser")

    def changed(rule: LayerRule) -> LayerRule:
        if isinstance(rule, Epsilon):
            return rule if epsilon is None else Epsilon(number(epsilon, "epsilon"))
        if isinstance(rule, Gamma) and gamma is not None:
            rule = replace(rule, gamma=number(gamma, "gamma"))
        if isinstance(rule, AlphaBeta) and alpha is not None:
            above = number(alpha, "alpha", least=1)
            rule = replace(rule, alpha=above, beta=above - 1)
        if isinstance(rule, AlphaBeta | Gamma | Flat | WSquare | Box):
            rule = replace(rule, stabiliser=small)
        return rule

    if first is not None and first not in FIRST:
        raise ValueError(f"first is {first!r}: it takes {', '.join(FIRST)}, or none")
    of_first = given.first if first is None else FIRST[first]
    return Composite(
        name, changed(given.convolution), changed(given.linear),
        None if of_first is None else changed(of_first), small,
    )  # fmt: skip


def propagated(
    name: str, given: Composite, question: Question, *, concept: Any = None, **numbers: Any
) -> Found:
    """The relevance of the pixels (N,3,S,S); the gap is what biases and stabilisers absorbed.

    concept: (layer, maps): through these maps of the layer alone; there is no gap then.
    """
    rules = composite(name, given, **numbers)
    if isinstance(rules.first, Box) and question.bounds is None:
        raise ValueError(f"{name} needs the bounds of pixels, so a network with its preprocessing")
    through = None if concept is None else _concept(question, concept)
    parts = in_batches(question, name, lambda some: _relevance(some, rules, through))
    values, outputs = zip(*(found for _, found in parts), strict=True)
    r = np.concatenate(values)
    if through is not None:
        return Found(r)
    return Found(r, np.concatenate(outputs) - r.sum(axis=(1, 2, 3), dtype=np.float64))


def _relevance(
    question: Question, rules: Composite, concept: Concept | None
) -> tuple[np.ndarray, np.ndarray]:
    """The relevance of the pixels, and the units' values (N,)."""
    tape = forward(question, question.images, kept=True)
    bounds = _bounds_of(question, tape) if isinstance(rules.first, Box) else None
    y, r = tape.activation, tape.cotangent(tape.values)
    if concept is not None:
        at = tape.outputs[concept.layer]
        (through,) = y.backward(r, rules=rules.table(y, [tape.x], bounds), inputs=[at])
        y, r = at, _only(question.model, concept, through.data)
    (rx,) = y.backward(r, rules=rules.table(y, [tape.x], bounds), inputs=[tape.x])
    return rx.numpy(), tape.values


def _only(model: InspectableGraph, concept: Concept, r: np.ndarray) -> np.ndarray:
    """The relevance of the concept's maps, 0 elsewhere."""
    layout, shape = model.layout(concept.layer), r.shape[1:]
    kept = np.zeros((1, *shape), bool)
    _, P, Q = layout.planes(shape)
    for map in concept.maps:
        for p, q in np.ndindex(P, Q):
            kept[(0, *layout.index(shape, map, p, q))] = True
    return np.where(device.like(kept, r), r, 0).astype(r.dtype)


def _concept(question: Question, given: Any) -> Concept:
    """The concept; ValueError for a layer or maps that do not exist, or that are not below."""
    model, units = question.model, question.target.layer
    if isinstance(given, Concept):
        given = given.layer, given.maps
    try:
        layer, maps = given
        chosen = tuple(int(m) for m in ([maps] if isinstance(maps, int | np.integer) else maps))
    except (TypeError, ValueError):
        raise ValueError(
            f"concept is {given!r}: it takes a layer and its maps, ('conv5', [3])"
        ) from None
    K, _, _ = model.unit_planes(layer)
    if layer not in model.below(units) or layer == units:
        raise ValueError(f"concept: {units} is not computed from the maps of {layer!r}")
    wrong = [m for m in chosen if not 0 <= m < K]
    if wrong or not chosen:
        raise ValueError(f"concept: {layer} has the maps 0 to {K - 1}, got {list(chosen)}")
    return Concept(with_batch_norm(model, layer), chosen)


def with_batch_norm(model: InspectableGraph, layer: str) -> str:
    """The batch normalisation behind a linear layer, if only that reads it: the rules merge both,
    so that relevance is known behind it alone."""
    readers = [name for name, sources in model.wiring().items() if layer in sources]
    layers = dict(model.children())
    kinds = nn.BatchNorm1d | nn.BatchNorm2d | nn.Affine
    linear = isinstance(layers[layer], nn.Conv2d | nn.ConvTranspose2d | nn.Linear)
    one = linear and len(readers) == 1 and isinstance(layers[readers[0]], kinds)
    return readers[0] if one else layer


def _bounds_of(question: Question, tape: Forward) -> Callable[[Tensor], Bounds]:
    """The least and largest values of a first layer's input: those of black and white images there.

    Between the image and it are only layers that are linear in each pixel, or move them.
    """
    model = question.model
    assert question.bounds is not None
    S = model.image_size
    ends = np.stack([np.broadcast_to(end, (3, S, S)) for end in question.bounds])  # (2,3,S,S)
    names: dict[Any, str] = {t.node or t: name for name, t in tape.outputs.items()}

    def bounds(x: Tensor) -> Bounds:
        given = model.input_tensor(ends.astype(model.dtype))
        name = names.get(x.node or x)
        if name is not None:
            with no_grad():
                given = model.activations(given, until=name)[name]
        elif x is not tape.x:
            raise ValueError(
                "the box rule needs a first layer that reads the image or the output of a layer, "
                "and this network's reads something in between; choose another rule for it"
            )
        a, b = given.data
        return np.minimum(a, b)[None], np.maximum(a, b)[None]

    return bounds
