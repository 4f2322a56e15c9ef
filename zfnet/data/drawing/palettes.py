"""Colour palettes of five colours each, RGB in [0, 1].

All classes of objects and all backgrounds use the same palettes, so that colour alone does not
predict the class.
"""

import numpy as np

Colour = np.ndarray  # (3,) float32

DARK = np.array([0.13, 0.12, 0.16], np.float32)
LIGHT = np.array([0.96, 0.95, 0.90], np.float32)

_HEX = (
    "e63946 f1a66a 457b9d 1d3557 a8dadc",
    "264653 2a9d8f e9c46a f4a261 e76f51",
    "606c38 b5c26a faedcd dda15e bc6c25",
    "5f0f40 c1121f fb8b24 e36414 0f7c8a",
    "355070 6d597a b56576 e56b6f eaac8b",
    "cdb4db ffafcc 7fb8e8 4a6fa5 f2c14e",
    "3d405b e07a5f 81b29a f2cc8f b8b8d1",
    "70a288 04395e dab785 d5896f 8f3b76",
    "f94144 f8961e f9c74f 90be6d 277da1",
    "8ecae6 219ebc 1b4965 ffb703 fb8500",
    "9b5de5 f15bb5 fee440 00a8d6 00c9a7",
    "6b705c a5a58d d8c3a5 cb997e 8e5d4f",
)


def _parse(line: str) -> np.ndarray:
    digits = [[int(word[k : k + 2], 16) for k in (0, 2, 4)] for word in line.split()]
    return np.array(digits, np.float32) / 255


PALETTES = np.stack([_parse(line) for line in _HEX])  # (palettes, 5, 3)


def _jittered(palette: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The palette with each colour moved a little; (5, 3)."""
    moved = palette + rng.uniform(-0.06, 0.06, palette.shape).astype(np.float32)
    return np.clip(moved, 0.04, 0.98)


def object_colours(rng: np.random.Generator) -> np.ndarray:
    """Five colours for an object: the main one, then others of its palette; (5, 3) float32."""
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    return _jittered(palette[rng.permutation(5)], rng)


def background_colours(rng: np.random.Generator, main: Colour) -> np.ndarray:
    """Five colours for a background, those farthest from an object's main colour first."""
    palette = _jittered(PALETTES[int(rng.integers(len(PALETTES)))], rng)
    distance = ((palette - main) ** 2).sum(1)
    order = np.argsort(-distance, kind="stable")
    # Paler and nearer to grey than objects.
    calm = 0.5 * palette + 0.3 * palette.mean(1, keepdims=True) + 0.12
    return calm[order].astype(np.float32)
