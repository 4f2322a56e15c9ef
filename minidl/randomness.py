"""Generator of random numbers for whoever passes none: initial weights, dropout, drawn tensors.

Every function that draws takes a `numpy.random.Generator` of the caller's. Without one it draws
from this generator, which `manual_seed` seeds, as `torch.manual_seed` does. Until then it is seeded
by the system.
"""

from __future__ import annotations

import numpy as np


class _Default:
    """The one generator; a draw of several threads is not reproducible."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng()


_default = _Default()


def manual_seed(seed: int) -> np.random.Generator:
    """Seed the default generator, and return it."""
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"manual_seed: seed must be an integer from 0 on, got {seed!r:.100}")
    _default.rng = np.random.default_rng(int(seed))
    return _default.rng


class Generator(np.random.Generator):
    """NumPy's generator under PyTorch's name: `Generator().manual_seed(0)`."""

    def __init__(self, device: str = "cpu") -> None:
        if str(device) != "cpu":
            raise ValueError(f"Generator: numbers are drawn on the CPU, not on {device!r}")
        super().__init__(np.random.PCG64())

    def manual_seed(self, seed: int) -> Generator:
        """The numbers of `numpy.random.default_rng(seed)` from here on; returns the generator."""
        self.bit_generator.state = np.random.PCG64(seed).state
        return self


def default_rng() -> np.random.Generator:
    """The generator that is drawn from where none is given."""
    return _default.rng


def given_or_default(rng: np.random.Generator | None) -> np.random.Generator:
    """`rng`, or the default one without it; TypeError for anything else."""
    if rng is None:
        return _default.rng
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng must be a numpy.random.Generator, as numpy.random.default_rng(0) is, got {rng!r}"
        )
    return rng
