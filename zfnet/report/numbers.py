"""Numbers as people write them: 3,870 and 0.00213, not 3.87e+03 and 2.13e-03."""

from __future__ import annotations

import math
from decimal import Decimal

DIGITS = 3
"""Significant digits, where whole numbers have no more."""
TINY, HUGE = 1e-5, 1e7
"""Beyond these a number is written with a power of ten."""
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def written(value: float, digits: int = DIGITS) -> str:
    """ "12.3", "3,868", "0.00213", "2.1 × 10⁻⁷", "−4": at least `digits` significant digits.

    Digits before the point are never rounded away. Zeros at the end of a fraction are left out.
    """
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    if not TINY <= abs(value) < HUGE:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        shown = _trimmed(mantissa)
        return f"{shown} × 10{str(int(power)).translate(SUPERSCRIPT)}".replace("-", "−")
    # Decimal: the rounded value's own power of ten, as 9.996 becomes 10.0.
    rounded = Decimal(f"{value:.{digits - 1}e}")
    places = max(0, digits - 1 - rounded.adjusted())
    return _trimmed(f"{value:,.{places}f}").replace("-", "−")


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
