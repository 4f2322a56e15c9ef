"""The numbers of an opened unit as a header and arrays for the page.

Sums are in the header, as float64; windows, filters and products are arrays, of float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zfnet.look.inside.channel_sums import ChannelSums
from zfnet.look.inside.compared import Compared
from zfnet.look.inside.normalised import Channelwise, ContrastWindow, Response, Standardised
from zfnet.look.inside.pointwise import Pointwise
from zfnet.look.inside.pooled import AverageWindow, MaxWindow
from zfnet.look.inside.projected import Projected
from zfnet.look.inside.step import Passed
from zfnet.look.inside.transposed import Collected, GatheredSum, Rectified, Scattered
from zfnet.look.inside.window_sum import WindowSum
from zfnet.look.inside.winograd_tile import WinogradTile

Shown = tuple[dict[str, Any], dict[str, np.ndarray]]
MOST = 1 << 16
"""Elements of a normalisation's group that are sent."""


def comparison(found: Compared) -> dict[str, Any]:
    return {
        "value": found.value,
        "expected": found.expected,
        "difference": found.difference,
        "bound": found.bound,
        "within": found.within,
        "kernel": found.kernel,
    }


def parts(found: Any) -> Shown:
    """Header and arrays of the parts of a unit or of a step."""
    return _SHOWN[type(found)](found)


def _sum(found: WindowSum) -> Shown:
    header, arrays = _channel_sums(found, found.inside)
    return {"kind": "sum", **header, "im2col_at": found.im2col_at}, arrays


def _gathered(found: GatheredSum) -> Shown:
    header, arrays = _channel_sums(found, found.inside)
    return {"kind": "gathered", **header}, arrays


def _channel_sums(found: ChannelSums, inside: np.ndarray) -> Shown:
    header = {
        "first": found.first,
        **_places(found.rows, found.columns),
        "channel_sums": found.channel_sums.tolist(),
        "partial_sums": found.partial_sums.tolist(),
        "total": found.total,
        "bias": found.bias,
        "result": found.result,
    }
    arrays = {"window": found.window, "filter": found.filter, "products": found.products}
    return header, {**arrays, "inside": inside.astype(np.uint8)}


def scatter(found: Scattered) -> Shown:
    """What one position gives to the pixels of its window."""
    header = {
        "kind": "scattered",
        "first": found.first,
        "rows": found.rows.tolist(),
        "columns": found.columns.tolist(),
        "value": found.value,
    }
    arrays = {"filter": found.filter, "products": found.products}
    return header, {**arrays, "inside": found.inside.astype(np.uint8)}


def _maximum(found: MaxWindow) -> Shown:
    r, s = found.winner
    header = {
        "kind": "maximum",
        **_places(found.rows, found.columns),
        "winner": [r, s],
        "switch": found.switch,
        "width": found.g.W,
        "result": found.result,
    }
    return header, {"values": found.values, "inside": found.inside.astype(np.uint8)}


def _average(found: AverageWindow) -> Shown:
    header = {
        "kind": "average",
        **_places(found.rows, found.columns),
        "total": found.total,
        "divisor": found.divisor,
        "result": found.result,
    }
    return header, {"values": found.values, "inside": found.inside.astype(np.uint8)}


def _places(rows: np.ndarray, columns: np.ndarray) -> dict[str, list[int]]:
    return {"rows": rows.tolist(), "columns": columns.tolist()}


def _response(found: Response) -> Shown:
    g = found.g
    header = {
        "kind": "response",
        "first": found.first,
        "channel": found.at[1],
        "values": found.values.tolist(),
        "squares": found.squares.tolist(),
        "numbers": {"alpha": g.alpha, "size": g.size, "beta": g.beta, "k": g.k, "t": found.t},
        "own": found.own,
        "result": found.result,
    }
    return header, {}


def _contrast(found: ContrastWindow) -> Shown:
    numbers = {
        "x": found.x, "mean": found.mean, "v": found.v, "sigma": found.sigma, "c": found.c,
        "floor": found.g.floor, "divisor": found.divisor,
    }  # fmt: skip
    header = {
        "kind": "contrast",
        **_places(found.rows, found.columns),
        "numbers": numbers,
        "divides": found.divides,
        "own": [found.at[2] - int(found.rows[0]), found.at[3] - int(found.columns[0])],
        "result": found.result,
    }
    arrays = {"weights": found.weights, "means": found.means, "squares": found.squares}
    return header, arrays


def _standardised(found: Standardised) -> Shown:
    values = found.values
    plane = values.reshape(-1, *values.shape[-2:]) if values.ndim > 1 else values[None, None]
    own = plane[found.place[0]] if values.ndim == 3 else plane[0]
    numbers = {
        "x": found.x, "mean": found.mean, "variance": found.variance, "eps": found.eps,
        "deviation": found.deviation, "standard": found.standard, "weight": found.weight,
        "bias": found.bias,
    }  # fmt: skip
    header = {
        "kind": "standardised",
        "shape": list(values.shape),
        "elements": values.size,
        "place": list(found.place),
        "numbers": numbers,
        "result": found.result,
    }
    return header, {"values": own} if own.size <= MOST else {}


def _channelwise(found: Channelwise) -> Shown:
    numbers = {
        "x": found.x, "mean": found.mean, "variance": found.variance, "eps": found.eps,
        "weight": found.weight, "bias": found.bias, "scale": found.scale, "shift": found.shift,
    }  # fmt: skip
    return {"kind": "channelwise", "numbers": numbers, "result": found.result}, {}


def _pointwise(found: Pointwise) -> Shown:
    header = {
        "kind": "pointwise",
        "values": list(found.values),
        "sources": list(found.sources),
        "places": [list(place[1:]) for place in found.places],
        "formula": found.formula,
        "result": found.expected,
    }
    return header, {}


def _collected(found: Collected) -> Shown:
    header = {
        "kind": "collected",
        **_places(found.rows, found.columns),
        "maximum": found.switches is not None,
        "result": found.result,
    }
    arrays = {"values": found.values, "shares": found.shares, "products": found.products}
    switches = {} if found.switches is None else {"switches": found.switches.astype(np.int32)}
    return header, {**arrays, **switches}


def _rectified(found: Rectified) -> Shown:
    header = {
        "kind": "rectified",
        "gy": found.gy,
        "x": found.x,
        "cotangent_rectified": found.cotangent_rectified,
        "masked": found.masked,
        "result": found.result,
    }
    return header, {}


def _passed(found: Passed) -> Shown:
    header = {"kind": "passed", "gy": found.gy, "factor": found.factor, "result": found.result}
    return header, {}


_SHOWN: dict[type, Callable[[Any], Shown]] = {
    WindowSum: _sum,
    GatheredSum: _gathered,
    MaxWindow: _maximum,
    AverageWindow: _average,
    Response: _response,
    ContrastWindow: _contrast,
    Standardised: _standardised,
    Channelwise: _channelwise,
    Pointwise: _pointwise,
    Collected: _collected,
    Rectified: _rectified,
    Passed: _passed,
}


def tile(found: WinogradTile, channel: int, phase: int) -> Shown:
    """A Winograd tile: of one channel and phase d, g, V, U and their products; M and y of all."""
    rows, columns = found.used
    own = found.phases[phase]
    header = {
        "origin": list(found.origin),
        "within": list(found.within),
        "result": found.result,
        "bias": found.bias,
        "phases": len(found.phases),
        "phase": phase,
        "channel": channel,
        "multiplications": found.products,
        "of_definition": found.definition_products,
        "points": [_points(rows), _points(columns)],
        "rows": own.rows.pixels.tolist(),
        "columns": own.columns.pixels.tolist(),
    }
    arrays = {
        "d": own.d[channel], "g": own.g[channel], "V": own.V[channel], "U": own.U[channel],
        "products": own.products[channel], "M": found.M[np.ix_(rows, columns)],
        "y": found.outputs, "BT": own.rows.BT, "G": own.rows.G, "AT": found.AT[0][:, rows],
    }  # fmt: skip
    return header, arrays


def _points(used: np.ndarray) -> list[int]:
    return [int(i) for i in used]


def on_the_way(projected: Projected) -> list[str]:
    """The layers between the unit and the image, the unit's first."""
    return [n for n in reversed(projected.model.layer_names()) if n in projected.cotangents]
