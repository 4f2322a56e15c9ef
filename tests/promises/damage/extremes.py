"""Extreme values: numbers at the ends of types, texts that mean something elsewhere."""

from __future__ import annotations

import random
from typing import Any

NUMBERS = (0, 1, 2, 3, 7, 16, 255, 256, 2**15, 2**16 - 1, 2**16, 10**5, 10**8, 2**31 - 1, 2**31,
           2**32 - 1, 2**32, 2**53, 2**62, 2**63 - 1)  # fmt: skip
INTEGERS = (*NUMBERS, *(-n for n in NUMBERS))
BEYOND = 2**63, 2**64, 10**30, -(10**30)
FLOATS = 0.0, -0.0, 0.5, 1.0, -1.0, 1e-320, 1e38, 1e308, -1e308, float("inf"), float("nan")
TEXTS = ("", "0", "x" * 300, "x" * 100_000, "../../../../etc/passwd", "/etc/passwd", "a/b",
         "\0", "</script>", '"><img src=x onerror=alert(1)>', "$x_", "é\u202e", "nan",
         "conv1")  # fmt: skip


def number(draw: random.Random) -> int:
    return draw.choice(INTEGERS)


def decimal(draw: random.Random) -> float:
    return draw.choice(FLOATS)


def text(draw: random.Random) -> str:
    return draw.choice(TEXTS)


def anything(draw: random.Random) -> Any:
    """A value that JSON can hold, of any type."""
    kind = draw.randrange(9)
    if kind == 0:
        return draw.choice(BEYOND)
    if kind == 1:
        return decimal(draw)
    if kind == 2:
        return text(draw)
    if kind == 3:
        return draw.choice([None, True, False, [], {}, [[]], {"": None}])
    if kind == 4:
        return nested(draw.choice([10, 1_000, 30_000]), draw.random() < 0.5)
    if kind == 5:
        return [number(draw) for _ in range(draw.randint(1, 5))]
    return number(draw)


class Raw(str):
    """JSON text that is written as it is: `json` itself cannot write deep nesting."""


def nested(depth: int, lists: bool) -> Raw:
    """A value inside itself so many times."""
    opening, closing = ("[", "]") if lists else ('{"a":', "}")
    return Raw(opening * depth + "0" + closing * depth)
