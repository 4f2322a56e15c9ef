"""Group normalisation and its gradient in float64, over whole arrays."""

from __future__ import annotations

import numpy as np

from kernels.contract.group_geometry import GroupNormGeometry


class Groups:
    """Intermediate arrays of the normalisation of x (N,L,C), as (N,L,groups,C/groups).

    z: standardised x.   mean, scale: of each group, 1 / sqrt(variance + eps), of size 1 beside N
    and groups.          size: |x| plus the mean |x| of the group, times the scale: what the errors
    of z are relative to.
    """

    def __init__(self, x: np.ndarray, g: GroupNormGeometry) -> None:
        self.g = g
        self.x = self.apart(x)
        self.mean = self.over(self.x)
        self.scale = 1 / np.sqrt(self.over((self.x - self.mean) ** 2) + g.eps)
        self.z = (self.x - self.mean) * self.scale
        self.size = (np.abs(self.x) + self.over(np.abs(self.x))) * self.scale

    def apart(self, a: np.ndarray) -> np.ndarray:
        """(N,L,C) -> (N,L,groups,C/groups)."""
        g = self.g
        return a.astype(np.float64).reshape(g.N, g.L, g.groups, g.C // g.groups)

    def together(self, a: np.ndarray) -> np.ndarray:
        """(N,L,groups,C/groups) -> (N,L,C)."""
        return np.asarray(a.reshape(self.g.x_shape))

    def over(self, a: np.ndarray) -> np.ndarray:
        """The mean over each group, of size 1 along positions and channels."""
        return np.asarray(a.sum(axis=(1, 3), keepdims=True) / max(self.g.terms, 1))


def group_norm(
    x: np.ndarray,
    g: GroupNormGeometry,
    *,
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
) -> np.ndarray:
    """x (N,L,C), weight and bias (C,) -> y (N,L,C)."""
    parts = Groups(x, g)
    y = parts.together(parts.z) * (1.0 if weight is None else weight.astype(np.float64))
    return np.asarray(y + (0.0 if bias is None else bias.astype(np.float64)))


def group_norm_vjp(gy: np.ndarray, x: np.ndarray, g: GroupNormGeometry) -> np.ndarray:
    """gy, of z, and x (N,L,C) -> gx (N,L,C)."""
    parts = Groups(x, g)
    apart = parts.apart(gy)
    along = parts.over(apart * parts.z)
    return parts.together((apart - parts.over(apart) - parts.z * along) * parts.scale)
