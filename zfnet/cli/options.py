"""What several commands have among their options, and how lists are written there."""

from __future__ import annotations


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """ "1,2,5" -> (1, 2, 5), "" -> (); ValueError names the option."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError(f"{option} takes whole numbers with commas, 1,2,5, got {text!r}") from None


def names(text: str) -> tuple[str, ...]:
    """ "conv1, fc7" -> ("conv1", "fc7")."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
