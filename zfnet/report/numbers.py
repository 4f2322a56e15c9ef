"""Numbers as people write them: 3,870 and 0.00213, not 3.87e+03 and 2.13e-03."""

from __future__ import annotations

import math
from decimal import Decimal

DIGITS = 3
"""Significant digits, where whole numbers have no more."""
TINY, HUGE = 1e-5, 1e7
"""Beyond these a number is written with a power of ten."""
PERCENT = "\u00a0%"
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


def percent(share: float, digits: int = 0) -> str:
    """ "48 %", "0 %", "under 1 %", "over 99 %": a share of 0 to 1; "–" if it is not a number.

    What would be rounded to nothing, or to all, says that it is not quite. The space does not
    break.
    """
    if math.isnan(share):
        return "–"
    shown, least = f"{100 * share:.{digits}f}", 10.0**-digits
    if share > 0 and float(shown) == 0:
        return f"under {least:g}{PERCENT}"
    if share < 1 and float(shown) == 100:
        return f"over {100 - least:g}{PERCENT}"
    return shown + PERCENT


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
