"""Converters of operators that select, repeat, pad and resize along axes other than the batch's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minidl import nn
from minidl.formats.onnx.batch import Activation, Batch, own
from minidl.formats.onnx.call import Built, Call, Steps, operator
from minidl.formats.onnx.sizes import Place, Size, depends

MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
"""PyTorch's names of ONNX's modes of padding."""
OPEN = 2**31 - 1
"""An end that stands for that of the axis, as exporters write it; and any larger one."""


@operator("Slice")
def slice_(call: Call) -> Built:
    if call.opset < 10:
        starts, ends, where, steps = call["starts"], call["ends"], call["axes"], None
    else:
        starts, ends = call.sizes(1), call.sizes(2)
        where = call.integers(3) if call.has(3) else None
        steps = call.integers(4) if call.has(4) else None
    x, found = call.first, dict[int, range]()
    for at, axis in enumerate(range(len(starts)) if where is None else where):
        step = 1 if steps is None else steps[at]
        if axis % len(x.shape) == x.batch.axis:
            _check_all_images(x, starts[at], ends[at], step)
        else:
            bounds = slice(_number(starts[at]), _number(ends[at]), step)
            found[x.place(axis)] = range(*bounds.indices(x.shape[axis]))
    return _sliced(found)


def _check_all_images(x: Activation, start: Any, end: Any, step: int) -> None:
    whole = isinstance(end, Size) or end >= OPEN or end == x.shape[x.batch.axis]
    if isinstance(start, Size) or start != 0 or not whole or step != 1:
        raise ValueError(f"it takes {start} to {end} of the images; all must be")


def _number(size: Any) -> int:
    if isinstance(size, Size):
        raise ValueError(f"its bound {size} depends on the number of images")
    return int(size)


def _sliced(found: dict[int, range]) -> Steps:
    """The layer that takes these positions along axes of its input."""
    settings: dict[str, list[Any]] = {
        "starts": [each.start for each in found.values()],
        "stops": [each.stop if each.stop >= 0 else None for each in found.values()],
        "steps": [each.step for each in found.values()],
        "dims": list(found),
    }
    return Steps((nn.Slice(**settings) if found else nn.Identity(),))


@operator("Split")
def split(call: Call) -> Built:
    """One layer for each part."""
    axis, x = call.axis(call["axis"] or 0), call.first
    size, count = x.own[axis - 1], len(call.node.outputs)
    given = call["split"] or (call.integers(1) if call.has(1) else None)
    part = -(-size // count)
    sizes = given or [min(part, size - at * part) for at in range(count)]
    ends = np.cumsum(sizes).tolist()
    if len(sizes) != count or ends[-1] != size or min(sizes) < 0:
        raise ValueError(f"its {count} parts {tuple(sizes)} are not those of {size} along the axis")
    return [
        _sliced({axis: range(end - length, end)}) for end, length in zip(ends, sizes, strict=True)
    ]


@operator("Gather")
def gather(call: Call) -> Built:
    """Of constant positions; a single one drops the axis."""
    axis, x, indices = call["axis"] or 0, call.first, call.array(1)
    if axis % len(x.shape) == x.batch.axis:
        return _by_image(x, indices, call.images)
    if indices.dtype.kind not in "iu":
        raise ValueError(f"its indices hold {indices.dtype}; they must be integers")
    at, before = call.axis(axis), x.batch
    moved = indices.ndim - 1 if axis % len(x.shape) < before.axis else 0
    batch = Batch(before.axis + moved, before.outer, before.inner)
    return Steps((nn.Gather(indices.tolist(), at),), batch=batch)


def _by_image(x: Activation, places: np.ndarray, images: int) -> Steps:
    """Of places in the axis of the images, n * inner + k: places k of each image n.

    PyTorch's newer exporter writes a change of strides so.
    """
    rows, where = x.batch.inner, x.batch.axis
    at, own_places = _of_one_image(places, rows, images)
    if x.batch.outer != 1 or own_places is None or ((own_places < 0) | (own_places >= rows)).any():
        raise ValueError("it takes values of one image for another")
    shape = (*x.shape[:where], *own_places.shape, *x.shape[where + 1 :])
    if rows == 1 or np.array_equal(own_places.ravel(), np.arange(rows)):  # in order
        return Steps((nn.Reshape(shape),), batch=Batch(where + at))
    return Steps((nn.Gather(own_places.tolist(), where + 1),), batch=Batch(where + at))


def _of_one_image(places: np.ndarray, rows: int, images: int) -> tuple[int, np.ndarray | None]:
    """The axis of the images in an array of places, and the places of the first image without it;
    None if those of the others are not the same, each `rows` further on."""
    if depends(places):
        every = [place for place in places.flat if isinstance(place, Place)]
        first = np.array([int(place.fixed) for place in every if place.each == rows])
        fits = 1 in places.shape and len(first) == places.size
        at = places.shape.index(1) if fits else 0
        return at, first.reshape(np.delete(places.shape, at)) if fits else None  # less one axis
    for at in (axis for axis, size in enumerate(places.shape) if size == images):
        steps = np.diff(places, axis=at)
        if (steps == rows).all():
            return at, places.take(0, at)
    return 0, None


@operator("Expand")
def expand(call: Call) -> Built:
    """Axes of size 1 repeated; the batch's stays as it is."""
    x, target = call.first, call.sizes(1)
    axes = max(len(target), len(x.shape))
    old = (1,) * (axes - len(x.shape)) + x.shape
    wanted = (1,) * (axes - len(target)) + tuple(target)
    batch = Batch(x.batch.axis + axes - len(x.shape), x.batch.outer, x.batch.inner)
    kept = wanted[batch.axis]
    if not isinstance(kept, Size) and kept not in (1, batch.rows * call.images):
        raise ValueError(f"it repeats the images of {x.sizes} to {kept}")
    single = [1 if isinstance(size, Size) else int(size) for size in wanted]
    single[batch.axis] = old[batch.axis]
    shape = np.broadcast_shapes(old, tuple(single))
    return Steps((*_lifted(x, old, batch), *_expanded(own(old, batch), own(shape, batch))), None,
                 batch)  # fmt: skip


def _lifted(x: Activation, shape: Sequence[int], batch: Batch) -> Iterable[nn.Module]:
    """The layer that adds axes of size 1 in front, if there are any."""
    if len(shape) > len(x.shape):
        yield nn.Reshape(own(shape, batch))


def _expanded(old: Sequence[int], new: Sequence[int]) -> Iterable[nn.Module]:
    yield nn.Identity() if tuple(old) == tuple(new) else nn.Expand((-1, *new))


@operator("Tile")
def tile(call: Call) -> Built:
    x, repeats = call.first, call.integers(1)
    if len(repeats) != len(x.shape) or repeats[x.batch.axis] != 1:
        raise ValueError(f"its repeats {repeats} of {x.sizes} are not 1 for the images")
    return nn.Repeat((1, *(own(repeats, x.batch) if x.batch.rows == 1 else repeats)))


@operator("Pad")
def pad(call: Call) -> Built:
    x, mode = call.first, call["mode"] or "constant"
    if mode not in MODES:
        raise ValueError(f"mode {mode!r} is not one of {', '.join(MODES)}")
    pads = call["pads"] if call.opset < 11 else call.integers(1)
    where = call.integers(3) if call.has(3) else range(len(x.shape))
    if len(pads) != 2 * len(where):
        raise ValueError(f"its pads {tuple(pads)} are not two for each of {len(where)} axes")
    flat = [0] * (2 * len(x.own))  # (before, after) of the last axis first, as in PyTorch
    for axis, begin, end in zip(where, pads[: len(where)], pads[len(where) :], strict=True):
        if axis % len(x.shape) == x.batch.axis and begin == end == 0:
            continue
        from_last = len(x.own) - x.place(axis)
        flat[2 * from_last : 2 * from_last + 2] = begin, end
    value = _padding_value(call) if mode == "constant" else 0.0
    while flat[-2:] == [0, 0]:
        del flat[-2:]
    return nn.Pad(flat, MODES[mode], value) if flat else nn.Identity()


def _padding_value(call: Call) -> float:
    if call.opset < 11:
        return float(call["value"] or 0.0)
    return float(call.array(2).item()) if call.has(2) else 0.0


@operator("Resize", "Upsample")
def resize(call: Call) -> Built:
    """As the standard's attributes say; the oldest forms take pixels from the coordinate below."""
    x = call.first
    where = list(call["axes"] or range(len(x.shape)))
    scales, sizes = _factors(call)
    given = sizes if scales is None else scales
    if given is None or len(given) != len(where):
        raise ValueError(f"it has not one scale or size for each of the axes {tuple(where)}")
    kept = [
        i for i, axis in enumerate(where) if not _stays(call, axis, given[i], scales is not None)
    ]
    if not kept:
        return nn.Identity()
    numbers = [float(given[i]) if scales is not None else _number(given[i]) for i in kept]
    settings = _resampling(call, [*kept, *(i + len(where) for i in kept)])
    settings["sizes" if scales is None else "scales"] = numbers
    return nn.Resize(axes=[x.place(where[i]) for i in kept], **settings)


def _stays(call: Call, axis: int, given: Any, scaled: bool) -> bool:
    """True for an axis that keeps its size; the batch's must."""
    x = call.first
    if axis % len(x.shape) == x.batch.axis:
        if not isinstance(given, Size) and given not in (1, x.batch.rows * call.images):
            raise ValueError(f"it resizes the batch of {x.sizes} by {given}")
        return True
    return bool(given == (1 if scaled else x.shape[axis]))


def _factors(call: Call) -> tuple[Any, Any]:
    """The scales, or else the sizes."""
    if call.opset < 7:
        return (1.0, 1.0, call["height_scale"], call["width_scale"]), None
    if call.node.operator == "Upsample" or call.opset < 11:
        scales = call["scales"] if call["scales"] is not None else call.array(1).ravel()
        return scales, None
    given = call.array(2).ravel() if call.has(2) else np.zeros(0)  # any shape -> (axes,)
    return (given, None) if given.size else (None, call.sizes(3))


def _resampling(call: Call, region: Sequence[int]) -> dict[str, Any]:
    """The attributes, under their own names; `region` are the places in roi of the resized axes."""
    if call.node.operator == "Upsample" or call.opset < 11:
        return {
            "mode": call["mode"] or "nearest", "coordinate_transformation_mode": "asymmetric",
            "nearest_mode": "floor",
        }  # fmt: skip
    names = (
        "mode", "coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a",
        "extrapolation_value", "keep_aspect_ratio_policy",
    )  # fmt: skip
    found = {name: call[name] for name in names if call[name] is not None}
    found |= {name: bool(call[name]) for name in ("exclude_outside", "antialias")}
    if found["coordinate_transformation_mode"] == "tf_crop_and_resize":
        found["roi"] = [float(call.array(1).ravel()[i]) for i in region]  # (2 axes,)
    return found
