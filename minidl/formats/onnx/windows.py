"""ONNX's attributes of sliding windows: strides, dilations, and padding, explicit or automatic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minidl.formats.onnx.call import Call

Four = tuple[int, int, int, int]
_LIMIT = 2**31
_AUTO = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


@dataclass(frozen=True)
class Window:
    """A window of R x S pixels, its strides and dilations (rows, columns)."""

    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]

    @property
    def extent(self) -> tuple[int, int]:
        """Pixels from the first to the last tap, inclusive."""
        (R, S), (dh, dw) = self.size, self.dilation
        return (R - 1) * dh + 1, (S - 1) * dw + 1


def window(call: Call, size: Sequence[int]) -> Window:
    """The window of a node; `size` is the weight's, and the attribute must equal it."""
    given, auto = call["kernel_shape"], call["auto_pad"]
    if auto not in _AUTO:
        raise ValueError(f"auto_pad {auto!r} is not one of {', '.join(_AUTO)}")
    if given is not None and tuple(given) != tuple(size):
        raise ValueError(f"kernel_shape {tuple(given)} is not the weight's {tuple(size)}")
    R, S = two(size, "kernel_shape")
    stride = two(call["strides"] or (1, 1), "strides")
    return Window((R, S), stride, two(call["dilations"] or (1, 1), "dilations"))


def padding(call: Call, w: Window) -> Four:
    """(top, bottom, left, right): the node's pads, or those of auto_pad."""
    _, C, H, W = call.planes
    if call["auto_pad"] == "NOTSET":
        top, bottom, left, right = pads(call)
        check_size(C, H + max(top, 0) + max(bottom, 0), W + max(left, 0) + max(right, 0))
        return top, bottom, left, right
    return (0, 0, 0, 0) if call["auto_pad"] == "VALID" else _same(call, w)


def _same(call: Call, w: Window) -> Four:
    """The padding with which there is one output for each `stride` pixels."""
    auto = call["auto_pad"]
    totals = []
    for pixels, stride, extent in zip(call.planes[2:], w.stride, w.extent, strict=True):
        outputs = -(-pixels // stride)
        totals.append((outputs - 1) * stride + extent - pixels)
    if min(totals) < -1:
        # A pad of -1 at the end crops a pixel outside of all windows; from -2 on readers differ.
        raise ValueError(
            f"auto_pad {auto} with the stride {w.stride} and the window {w.size} skips pixels of "
            f"its input {call.shape}, on which side is not defined; give pads instead"
        )
    return split(max(totals[0], 0), max(totals[1], 0), auto == "SAME_UPPER")


def pads(call: Call) -> Four:
    """(top, bottom, left, right); the file's order is (top, left, bottom, right)."""
    given = tuple(call["pads"] or (0, 0, 0, 0))
    if len(given) != 4:
        raise ValueError(f"pads {given} are not those of rows and columns, begin and end")
    top, left, bottom, right = given
    return top, bottom, left, right


def split(rows: int, columns: int, upper: bool) -> Four:
    """Total padding of rows and of columns, divided between both sides; the remainder of an odd one
    is at the end if `upper`, else at the beginning."""
    rest = 0 if upper else 1
    top, left = (rows + rest) // 2, (columns + rest) // 2
    return top, rows - top, left, columns - left


def check_size(channels: int, rows: int, columns: int) -> None:
    """ValueError for planes larger than any network's, before memory is allocated for them."""
    if 4 * channels * max(rows, 1) * max(columns, 1) >= _LIMIT:
        raise ValueError(f"it would make planes of {channels} x {rows} x {columns}")


def two(values: Sequence[int], name: str) -> tuple[int, int]:
    """A setting as (rows, columns); ValueError unless there are two values."""
    if len(values) != 2:
        raise ValueError(f"{name} {tuple(values)} is not of two axes; images have rows and columns")
    return values[0], values[1]


def brief(values: Sequence[int]) -> int | tuple[int, ...]:
    """One number if all are equal, as in a layer's settings; else the tuple."""
    return values[0] if len(set(values)) == 1 else tuple(values)
