"""Pixel shuffles: blocks of pixels as channels, and back."""

from __future__ import annotations

from minidl.functional import arguments
from minidl.functional.shape import reshape, transpose
from minidl.tensor import Tensor


def pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    """(N,C r r,H,W) -> (N,C,H r,W r), as in PyTorch (Shi et al., CVPR 2016)."""
    return depth_to_space(x, upscale_factor, "CRD")


def depth_to_space(x: Tensor, blocksize: int, mode: str = "DCR") -> Tensor:
    """(N,C b b,H,W) -> (N,C,H b,W b), ONNX's DepthToSpace.

    `mode` "DCR": channel (row b + column) C + c goes to channel c of pixel (row, column) of each
    block; "CRD", as PyTorch: channel (c b + row) b + column does.
    """
    N, C, H, W, b = _blocks(x, blocksize, "depth_to_space")
    arguments.one_of(mode, ("DCR", "CRD"), "depth_to_space: mode")
    if C % (b * b):
        raise ValueError(f"depth_to_space: the channels of {x.shape} must be a multiple of {b * b}")
    if mode == "DCR":
        apart = reshape(x, (N, b, b, C // b // b, H, W))  # (N,b b C,H,W) -> (N,b,b,C,H,W)
        order = 0, 3, 4, 1, 5, 2
    else:
        apart = reshape(x, (N, C // b // b, b, b, H, W))  # (N,C b b,H,W) -> (N,C,b,b,H,W)
        order = 0, 1, 4, 2, 5, 3
    moved = transpose(apart, order)  # -> (N,C,H,b,W,b)
    return reshape(moved, (N, C // b // b, H * b, W * b))  # (N,C,H,b,W,b) -> (N,C,H b,W b)


def space_to_depth(x: Tensor, blocksize: int, mode: str = "DCR") -> Tensor:
    """(N,C,H b,W b) -> (N,C b b,H,W), the inverse of `depth_to_space`; "CRD" is PyTorch's
    pixel_unshuffle, "DCR" ONNX's SpaceToDepth."""
    N, C, H, W, b = _blocks(x, blocksize, "space_to_depth")
    arguments.one_of(mode, ("DCR", "CRD"), "space_to_depth: mode")
    if H % b or W % b:
        raise ValueError(f"space_to_depth: the planes of {x.shape} must be multiples of {b}")
    apart = reshape(x, (N, C, H // b, b, W // b, b))  # (N,C,H b,W b) -> (N,C,H,b,W,b)
    order = (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
    moved = transpose(apart, order)  # -> (N,b,b,C,H,W), or (N,C,b,b,H,W)
    return reshape(moved, (N, C * b * b, H // b, W // b))


def pixel_unshuffle(x: Tensor, downscale_factor: int) -> Tensor:
    """(N,C,H r,W r) -> (N,C r r,H,W), the inverse of `pixel_shuffle`."""
    return space_to_depth(x, downscale_factor, "CRD")


def _blocks(x: Tensor, blocksize: int, operation: str) -> tuple[int, int, int, int, int]:
    arguments.tensor(x, operation, "x")
    if x.ndim != 4:
        raise ValueError(f"{operation}: x must have the four axes (N, C, H, W), got {x.shape}")
    N, C, H, W = x.shape
    return N, C, H, W, arguments.integer(blocksize, f"{operation}: the block's side", least=1)
