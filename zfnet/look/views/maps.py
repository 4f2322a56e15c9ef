"""Maps of a layer: thumbnails in order of strength, one map in full, and a place's units."""

from __future__ import annotations

import numpy as np

from zfnet.look.engine import Job
from zfnet.look.frames import Frame
from zfnet.look.projecting import corners
from zfnet.look.requests import Asked
from zfnet.look.session import Forward, Session
from zfnet.look.view import View

AT_A_TIME = 256
"""Thumbnails in one answer, at most."""
SIDE = 56
"""Pixels of a thumbnail's side, at most: larger maps are reduced by the maxima of blocks."""


def maps(session: Session, asked: Asked, job: Job) -> Frame:
    """All maps' numbers in order of strength, and some of their thumbnails.

    layer, first, count -> header {K, P, Q, low, high}; order, strongest (K,), mean (K,), active
    (K,), p (K,), q (K,), all in that order; thumbnails (count,h,w) uint8 from low to high.
    """
    run = session.forward(asked)
    layer = run.layer(asked.text("layer"))
    first = asked.whole("first", 0)
    count = min(asked.whole("count", 96, least=1), AT_A_TIME)
    planes = run.planes(layer)
    K, P, Q = planes.shape
    flat = planes.reshape(K, P * Q)  # (K,P,Q) -> (K,PQ)
    places = flat.argmax(axis=1)
    largest = flat[np.arange(K), places]
    order = np.argsort(-np.nan_to_num(largest, nan=-np.inf), kind="stable")
    low, high = _range(flat)
    shown = [_reduced(planes[k]) for k in order[first : first + count]]
    header = {
        "layer": layer, "K": K, "P": P, "Q": Q, "first": first, "low": low, "high": high,
        "finite": bool(np.isfinite(flat).all()),
    }  # fmt: skip
    h, w = _reduced(planes[0]).shape
    thumbnails = np.stack(shown) if shown else np.zeros((0, h, w), np.float32)
    arrays = {"thumbnails": _bytes(thumbnails, low, high)}
    if first == 0:
        numbers = {
            "order": order, "p": places[order] // Q, "q": places[order] % Q,
        }  # fmt: skip
        arrays |= {name: values.astype(np.int32) for name, values in numbers.items()}
        arrays |= {
            "strongest": largest[order],
            "mean": flat.mean(axis=1)[order],
            "active": (flat > 0).mean(axis=1)[order],
        }
    return Frame(header, arrays)


def one_map(session: Session, asked: Asked, job: Job) -> Frame:
    """One map in full: layer, map -> values (P,Q) and the range of the whole layer."""
    run = session.forward(asked)
    layer, planes, map = chosen_map(run, asked)
    values = planes[map]
    p, q = np.unravel_index(int(np.nan_to_num(values, nan=-np.inf).argmax()), values.shape)
    low, high = _range(planes)
    header = {"layer": layer, "map": map, "p": int(p), "q": int(q), "low": low, "high": high}
    return Frame(header, {"values": values})


def field(session: Session, asked: Asked, job: Job) -> Frame:
    """The receptive field of a place, and the unit's value: layer, map, p, q."""
    run = session.forward(asked)
    layer, planes, map = chosen_map(run, asked)
    p, q = asked.whole("p"), asked.whole("q")
    if p >= planes.shape[1] or q >= planes.shape[2]:
        raise ValueError(
            f"{layer} has {planes.shape[1]} x {planes.shape[2]} places, not ({p}, {q})"
        )
    header = {"field": corners(run.field(layer, p, q)), "value": float(planes[map, p, q])}
    return Frame({**header, "layer": layer, "map": map, "p": p, "q": q})


def chosen_map(run: Forward, asked: Asked) -> tuple[str, np.ndarray, int]:
    """The layer and the map of a request, and the layer's planes (K,P,Q)."""
    layer = run.layer(asked.text("layer"))
    planes, map = run.planes(layer), asked.whole("map", 0)
    if map >= len(planes):
        raise ValueError(f"{layer} has the maps 0 to {len(planes) - 1}, not {map}")
    return layer, planes, map


def _range(values: np.ndarray) -> tuple[float, float]:
    """From the smallest finite value, or 0 where none is below, to the largest."""
    finite = values[np.isfinite(values)] if not np.isfinite(values).all() else values
    if finite.size == 0:
        return 0.0, 1.0
    return min(0.0, float(finite.min())), float(finite.max())


def _reduced(plane: np.ndarray) -> np.ndarray:
    """The maxima of blocks of a plane (P,Q), so that no side is above SIDE."""
    P, Q = plane.shape
    step = -(-max(P, Q) // SIDE)
    if step <= 1:
        return plane
    rows, columns = np.arange(0, P, step), np.arange(0, Q, step)
    return np.maximum.reduceat(np.maximum.reduceat(plane, rows, axis=0), columns, axis=1)


def _bytes(values: np.ndarray, low: float, high: float) -> np.ndarray:
    unit = (np.nan_to_num(values, nan=low) - low) / ((high - low) or 1.0)
    return np.rint(255 * np.clip(unit, 0, 1)).astype(np.uint8)


VIEW = View("maps", "maps.js", {"maps": maps, "map": one_map, "field": field}, order=30)
