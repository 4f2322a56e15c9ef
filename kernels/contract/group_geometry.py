"""Geometry of group normalisation, of which layer and instance normalisation are cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class GroupNormGeometry:
    """Standardisation of x (N,L,C) over the positions and the channels of each group.

    N: samples; L: positions (pixels) of a sample, whose channels are contiguous; C: channels, of
    which each group has C / groups that follow each other.

        layer normalisation of tokens       N tokens, L = 1, groups = 1
        group normalisation of planes       N images, L = H W
        instance normalisation              N images, L = H W, groups = C

    eps: added to the variance.
    """

    N: int
    L: int
    C: int
    groups: int = 1
    eps: float = 1e-5

    @property
    def x_shape(self) -> tuple[int, int, int]:
        return self.N, self.L, self.C

    @property
    def terms(self) -> int:
        """Elements of a group."""
        return self.L * (self.C // self.groups)

    @property
    def saved_shape(self) -> tuple[int, int]:
        """Of the mean and of 1 / sqrt(variance + eps)."""
        return self.N, self.groups

    @classmethod
    def of(cls, x_shape: Sequence[int], groups: int = 1, eps: float = 1e-5) -> GroupNormGeometry:
        """The geometry; ValueError shows what does not fit."""
        if len(x_shape) != 3:
            raise ValueError(f"group_norm: x must be (N,L,C), got {tuple(x_shape)}")
        N, L, C = (int(size) for size in x_shape)
        if groups < 1 or C % groups:
            raise ValueError(
                f"group_norm: {groups} groups must divide the channels of ({N},{L},{C})"
            )
        if not (0 <= eps < math.inf):
            raise ValueError(f"group_norm: eps must be finite and at least 0, got {eps}")
        return cls(N, L, C, int(groups), float(eps))
