"""Pictures of pooling and unpooling, of local contrast normalisation and of a Winograd tile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kernels import reference
from kernels.contract.geometry import PoolGeometry
from kernels.show.pictures.cells import or_zero, short, tap_cells, tinted, values
from kernels.show.pictures.svg import (
    DEEP,
    EMPTY,
    IMAGE,
    INK,
    KERNEL,
    OUTPUT,
    QUIET,
    Cell,
    Frame,
    Grid,
    above,
    beside,
    document,
    grid,
    sign,
)
from kernels.show.steps import ContrastSteps, WinogradTile

PALE = {IMAGE: "#f4f9fe", OUTPUT: "#f1faf0"}
GREY = "#f7f6f4", "#c9c5bd"
ALL_OF_IT = Frame(0, 0, 4, 4, INK)
DARKER = {IMAGE: "#8cbbe8", OUTPUT: "#8fd088"}


def pooling(x: np.ndarray, g: PoolGeometry) -> str:
    """Pooling, its switches, and unpooling: x (1,1,H,W)."""
    y, switches = reference.max_pool2d(x, g)
    back = reference.max_unpool2d(y, switches, g)
    places = [divmod(int(place), g.W) for place in switches.reshape(-1)]  # (1,1,P,Q) -> (PQ,)
    frames = [Frame(h, w, 1, 1, DEEP[OUTPUT]) for h, w in sorted(set(places))]
    indices = [[Cell(EMPTY, str(place), QUIET) for place in row] for row in switches[0, 0].tolist()]
    piece = beside(
        grid(Grid("x", values(x[0, 0], IMAGE), frames=frames)),
        sign("→"),
        above(
            grid(Grid("y", values(y[0, 0], OUTPUT))),
            grid(Grid("switches", indices)),
            gap=16,
        ),
        sign("→"),
        grid(Grid("unpooled", or_zero(back[0, 0], IMAGE), frames=frames)),
        gap=22,
    )
    return document(piece, "Max-pooling with switches, and unpooling")


def contrast(x: np.ndarray, steps: ContrastSteps, channel: int = 0) -> str:
    """The steps of local contrast normalisation: x (C,H,W), one channel of it."""
    top = beside(
        grid(Grid("x", tinted(x[channel], PALE[IMAGE], DARKER[IMAGE]))),
        sign("−"),
        grid(Grid("m, the mean around", tinted(steps.m, *GREY))),
        sign("="),
        grid(Grid("v", tinted(steps.v[channel], PALE[IMAGE], DARKER[IMAGE]))),
    )
    bottom = beside(
        grid(Grid("σ, the deviation around", tinted(steps.sigma, *GREY))),
        sign("→"),
        grid(Grid(f"max(σ, c), c = {short(steps.c)}", tinted(steps.divisor, *GREY))),
        sign("→"),
        grid(Grid("y = v / max(σ, c)", tinted(steps.y[channel], PALE[OUTPUT], DARKER[OUTPUT]))),
    )
    return document(above(top, bottom), "Local contrast normalisation step by step")


def winograd(tile: WinogradTile) -> str:
    """Both transforms, the 16 products, and the transform back."""
    inputs = above(
        grid(Grid("d, a tile of the image", values(tile.d, IMAGE))),
        grid(Grid("w", tap_cells(tile.w))),
        gap=22,
    )
    transformed = above(
        grid(Grid("V = Bᵀ d B", values(tile.V, IMAGE))),
        grid(Grid("U = G w Gᵀ", values(tile.U, KERNEL))),
        gap=22,
    )
    products = grid(Grid("M = U V, by element", values(tile.M, GREY[0]), frames=[ALL_OF_IT]))
    y = grid(Grid("y = Aᵀ M A", values(tile.y, OUTPUT)))
    inputs = replace(inputs, axis=transformed.axis)  # d beside V, w beside U
    pieces = (inputs, sign("→"), transformed, sign("→"), products, sign("→"), y)
    return document(beside(*pieces, gap=20), "One tile of Winograd's convolution")
