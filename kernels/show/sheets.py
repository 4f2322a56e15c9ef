"""Sheet: a worked example of one call, its matrices in the order of explanation, and its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kernels import reference
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.norm_geometry import LCNGeometry
from kernels.conv2d.winograd import AT, BT, G
from kernels.conv2d_dgrad.flipped import flipped_geometry, spread_out
from kernels.show.matrices import (
    columns,
    conv_matrix,
    filter_rows,
    flipped_kernel,
    padded,
    require_small,
    switch_matrix,
)
from kernels.show.steps import contrast_steps, winograd_tile
from kernels.show.tables import Name, names


@dataclass(frozen=True)
class Section:
    """One matrix with its names. `name` is a file's name, `title` is for the reader.

    zero: text of a zero: a dot where it means nothing, "0" where it is an index.
    """

    name: str
    title: str
    values: np.ndarray
    rows: Sequence[Name] = ()
    columns: Sequence[Name] = ()
    zero: str = "."


@dataclass(frozen=True)
class Sheet:
    """A call of `operation` as matrices; `arguments` are those of a kernel.

    expected: the result of the matrices, to be compared with the kernel's first result.
    """

    operation: str
    geometry: Any
    arguments: tuple[np.ndarray, ...]
    sections: list[Section]
    expected: np.ndarray


def conv2d(x: np.ndarray, w: np.ndarray, g: ConvGeometry) -> Sheet:
    """y = W x, and y = X w: x (N,C,H,W), w (K,C/groups,R,S)."""
    matrix = conv_matrix(w, g)
    y = (x.reshape(g.N, -1) @ matrix.T).reshape(g.y_shape)  # (N,CHW) x (CHW,KPQ) -> (N,KPQ)
    sections = [
        image("x", "x, the image", x),
        image("w", "w, the kernel", w, "kcrs"),
        whole(matrix, g),
        *windows(x, g),
        *(
            Section(f"w_columns{group}", f"w as columns{_of(group, g)}, y = X w", rows.T, *_wide(g))
            for group, rows in enumerate(filter_rows(w, g))
        ),
        image("y", "y, the result", y, "nkpq"),
    ]
    return Sheet("conv2d", g, (x, w), sections, y)


def conv2d_dgrad(gy: np.ndarray, w: np.ndarray, g: ConvGeometry) -> Sheet:
    """gx = W^T gy, and the same by the flipped kernel: gy (N,K,P,Q), w (K,C/groups,R,S)."""
    matrix = conv_matrix(w, g).T
    gx = (gy.reshape(g.N, -1) @ matrix.T).reshape(g.x_shape)  # (N,KPQ) x (KPQ,CHW) -> (N,CHW)
    spread = padded(spread_out(gy, g), flipped_geometry(g).padding)
    sections = [
        image("gy", "gy, the gradient of y", gy, "nkpq"),
        image("w", "w, the kernel", w, "kcrs"),
        Section(
            "matrix_transposed",
            "W^T: column (k p q) is the row of W; gx = W^T gy",
            matrix,
            names(c=g.C, h=g.H, w=g.W),
            names(k=g.K, p=g.P, q=g.Q),
        ),
        image("gy_spread", "gy with stride - 1 zeros between its pixels, padded", spread, "nkij"),
        image("w_flipped", "w rotated by 180 degrees", flipped_kernel(w, g), "ckrs"),
        image("gx", "gx, the result: the one slid over the other", gx),
    ]
    return Sheet("conv2d_dgrad", g, (gy, w), sections, gx)


def conv2d_wgrad(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> Sheet:
    """gw = gy^T X: x (N,C,H,W), gy (N,K,P,Q)."""
    filters = g.K // g.groups
    by_pixel = gy.transpose(0, 2, 3, 1).reshape(-1, g.K)  # (N,K,P,Q) -> (N,P,Q,K) -> (NPQ,K)
    parts = [
        by_pixel[:, group * filters : (group + 1) * filters].T @ unfolded  # (K/G,NPQ) x (NPQ,RSC/G)
        for group, unfolded in enumerate(columns(x, g))
    ]
    channels = g.C // g.groups
    gw = np.stack(parts).reshape(g.K, g.R, g.S, channels)  # (G,K/G,RSC/G) -> (K,R,S,C/G)
    gw = gw.transpose(0, 3, 1, 2)  # (K,R,S,C/G) -> (K,C/G,R,S)
    sections = [
        image("x", "x, the image", x),
        image("gy", "gy, the gradient of y", gy, "nkpq"),
        *windows(x, g),
        Section(
            "gy_rows",
            "gy, a row per window; gw = gy^T X",
            by_pixel,
            names(n=g.N, p=g.P, q=g.Q),
            names(k=g.K),
        ),
        image("gw", "gw, the result", gw, "kcrs"),
    ]
    return Sheet("conv2d_wgrad", g, (x, gy), sections, gw)


def winograd(x: np.ndarray, w: np.ndarray, g: ConvGeometry) -> Sheet:
    """The first tile of the first image, channel 0, with filter 0; the check covers all of y."""
    corner = padded(x, g.padding)[0, 0, :4, :4]
    d = np.zeros((4, 4))
    d[: corner.shape[0], : corner.shape[1]] = corner
    tile = winograd_tile(d, w[0, 0])
    y = conv2d(x, w, g).expected
    sections = [
        image("x", "x, the image", x),
        image("w", "w, the kernel", w, "kcrs"),
        Section("BT", "B^T", BT),
        Section("d", "d, the first tile of the padded image, channel 0", tile.d),
        Section("V", "V = B^T d B", tile.V),
        Section("G", "G", G),
        Section("U", "U = G w G^T, filter 0, channel 0", tile.U),
        Section("M", "M = U V, element by element: the only multiplications", tile.M),
        Section("AT", "A^T", AT),
        Section("tile", "A^T M A: the first 2x2 pixels of y, channel 0's part", tile.y),
        image("y", "y, the result: all tiles, all channels", y, "nkpq"),
    ]
    return Sheet("conv2d", g, (x, w), sections, y)


def max_pool2d(x: np.ndarray, g: PoolGeometry) -> Sheet:
    """Pooling and its switches: x (N,C,H,W)."""
    require_small((g.N, g.C, g.P * g.Q, g.H * g.W), "the matrix of this pooling")
    y, switches = reference.max_pool2d(x, g)
    return Sheet("max_pool2d", g, (x,), _pooling(x, y, switches, g), y)


def max_unpool2d(x: np.ndarray, g: PoolGeometry) -> Sheet:
    """Pooling, then every value scattered to its switch; where several collide, their sum."""
    require_small((g.N, g.C, g.P * g.Q, g.H * g.W), "the matrix of this pooling")
    y, switches = reference.max_pool2d(x, g)
    back = reference.max_unpool2d(y, switches, g)
    last = image("unpooled", "S^T y, unpooled: each value at its switch", back)
    sections = [*_pooling(x, y, switches, g), last]
    return Sheet("max_unpool2d", g, (y, switches), sections, back)


def _pooling(x: np.ndarray, y: np.ndarray, switches: np.ndarray, g: PoolGeometry) -> list[Section]:
    title = "S, pooling as a matrix: its 1 stands at the switch" + (
        ", of the first image and channel" if g.N * g.C > 1 else ""
    )
    by_plane = names(p=g.P, q=g.Q), names(h=g.H, w=g.W)
    where = image("switches", f"switches, h W + w with W = {g.W}", switches, "ncpq")
    return [
        image("x", "x, the image", x),
        image("y", "y, the largest value of each window", y, "ncpq"),
        replace(where, zero="0"),
        Section("S", title, switch_matrix(switches[0, 0], g), *by_plane),
    ]


def local_contrast_norm(x: np.ndarray, g: LCNGeometry) -> Sheet:
    """Each step of the first image; y of all: x (N,C,H,W)."""
    all_steps = [contrast_steps(sample, g) for sample in x]
    first, y = all_steps[0], np.stack([steps.y for steps in all_steps])
    plane = names(h=g.H), names(w=g.W)
    centre = first.weights[g.H // 2, g.W // 2]
    sections = [
        image("x", "x, the image", x),
        Section("window", f"the window of pixel {g.H // 2}, {g.W // 2}", centre, *plane),
        Section("m", "m, the mean of the neighbourhood", first.m, *plane),
        image("v", "v = x - m", first.v[None]),
        Section("sigma", "sigma, the root of the mean of v^2", first.sigma, *plane),
        Section("c", "c, the mean of sigma", np.full((1, 1), first.c)),
        Section(
            "divisor", f"the largest of sigma, c and the floor {g.floor:g}", first.divisor, *plane
        ),
        image("y", "y = v / divisor", y),
    ]
    return Sheet("local_contrast_norm", g, (x,), sections, y)


def image(name: str, title: str, x: np.ndarray, axes: str = "nchw") -> Section:
    """Four axes as one matrix: planes stacked vertically, their names on the rows."""
    sizes = dict(zip(axes, x.shape, strict=True))
    across = {axes[3]: sizes.pop(axes[3])}
    rows = x.reshape(-1, x.shape[3])  # (N,C,H,W) -> (NCH,W)
    shape = "x".join(map(str, x.shape))
    return Section(name, f"{title} ({shape})", rows, names(**sizes), names(**across))


def whole(matrix: np.ndarray, g: ConvGeometry) -> Section:
    """The convolution of one image as one matrix."""
    title = f"W, the convolution as one matrix ({matrix.shape[0]}x{matrix.shape[1]}), y = W x"
    return Section("matrix", title, matrix, names(k=g.K, p=g.P, q=g.Q), names(c=g.C, h=g.H, w=g.W))


def windows(x: np.ndarray, g: ConvGeometry) -> list[Section]:
    """The windows of im2col, one matrix for each group."""
    return [
        Section(
            f"windows{group}",
            f"X, im2col: a window a row{_of(group, g)} ({unfolded.shape[0]}x{unfolded.shape[1]})",
            unfolded,
            names(n=g.N, p=g.P, q=g.Q),
            names(r=g.R, s=g.S, c=g.C // g.groups),
        )
        for group, unfolded in enumerate(columns(x, g))
    ]


def _wide(g: ConvGeometry) -> tuple[list[Name], list[Name]]:
    return names(r=g.R, s=g.S, c=g.C // g.groups), names(k=g.K // g.groups)


def _of(group: int, g: ConvGeometry) -> str:
    return f" of group {group}" if g.groups > 1 else ""
