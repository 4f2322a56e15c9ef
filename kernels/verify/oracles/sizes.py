"""Output sizes and refusals of sliding windows, counted and not computed.

Independent of `contract/geometry.py`: the positions of the window are tried one after the other, as
a reader of the definition would. A window may begin wherever it ends within the padded plane. With
`ceil_mode` (of pooling) one more may end beyond it, if it begins on the plane or on the padding
before it (PyTorch, and ONNX since 1.16).
"""

from __future__ import annotations


def positions(
    size: int, window: int, stride: int, before: int, after: int, dilation: int, ceil: bool = False
) -> int:
    """The number of positions of a window along one axis; 0 if not even the first one fits."""
    extent = 1 + sum(dilation for _ in range(window - 1))
    start = count = 0
    while start + extent <= before + size + after:
        count, start = count + 1, start + stride
    reaches = count > 0 and start - stride + extent < before + size + after
    return count + (1 if ceil and reaches and start < before + size else 0)


def only_padding(
    size: int, window: int, stride: int, before: int, count: int, dilation: int
) -> bool:
    """Whether one of `count` windows has no tap on the plane, so that its maximum is undefined."""
    for position in range(count):
        taps = [position * stride - before + tap * dilation for tap in range(window)]
        if not any(0 <= tap < size for tap in taps):
            return True
    return False
