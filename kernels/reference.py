"""The definition of every operation: nested loops in float64. Read this first.

Slow on purpose: nothing here is clever, so nothing here can be wrong in a clever way. Every kernel
is compared with these functions. Arrays are (N,C,H,W), (K,C/groups,R,S), (N,K,P,Q).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.stage_geometry import StageGeometry
from kernels.reference_elements import activation, activation_vjp, softmax, softmax_vjp
from kernels.reference_groups import group_norm, group_norm_vjp
from kernels.reference_norm import (
    local_contrast_norm,
    local_contrast_norm_vjp,
    local_response_norm,
    local_response_norm_vjp,
)
from kernels.reference_planes import concatenate, patches_fill, patches_gather, plane_max

__all__ = [
    "activation",
    "activation_vjp",
    "avg_pool2d",
    "avg_pool2d_vjp",
    "batched_matmul",
    "concatenate",
    "conv2d",
    "conv2d_dgrad",
    "conv2d_wgrad",
    "conv_relu_pool",
    "group_norm",
    "group_norm_vjp",
    "local_contrast_norm",
    "local_contrast_norm_vjp",
    "local_response_norm",
    "local_response_norm_vjp",
    "matmul",
    "max_pool2d",
    "max_unpool2d",
    "max_unpool2d_vjp",
    "patches_fill",
    "patches_gather",
    "plane_max",
    "random_bits",
    "relu",
    "relu_vjp",
    "renormalise",
    "sgd_step",
    "softmax",
    "softmax_vjp",
]

Place = tuple[int, int]


def taps(g: ConvGeometry | PoolGeometry, p: int, q: int) -> Iterator[tuple[Place, Place]]:
    """((r, s), (h, w)) for every tap of window (p, q) inside the plane, in row-major order."""
    for r in range(g.R):
        for s in range(g.S):
            h = p * g.stride[0] - g.padding[0] + r * g.dilation[0]
            w = q * g.stride[1] - g.padding[2] + s * g.dilation[1]
            if 0 <= h < g.H and 0 <= w < g.W:
                yield (r, s), (h, w)


def products(g: ConvGeometry) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """Every product of the convolution, as its indices of y, x and w.

    y[n,k,p,q] is the sum of x[n,c,h,w] w[k,c - first,r,s] over these. Both gradients sum over the
    same indices, since all three convolutions come from one trilinear form, sum gy x w.
    """
    for n, k, p, q in np.ndindex(g.y_shape):
        first = k // (g.K // g.groups) * (g.C // g.groups)  # first channel of k's group
        for (r, s), (h, w) in taps(g, p, q):
            for c in range(g.C // g.groups):
                yield (n, k, p, q), (n, first + c, h, w), (k, c, r, s)


def conv2d(
    x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: np.ndarray | None = None
) -> np.ndarray:
    """y[n,k,p,q] = bias[k] + sum over c,r,s of x[n,c,h,w] w[k,c,r,s]."""
    y = np.zeros(g.y_shape)
    for iy, ix, iw in products(g):
        y[iy] += float(x[ix]) * float(w[iw])
    return y if bias is None else y + bias.astype(np.float64)[:, None, None]


def conv2d_dgrad(gy: np.ndarray, w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """gx[n,c,h,w] = sum of gy[n,k,p,q] w[k,c,r,s] over the products that contain x[n,c,h,w]."""
    gx = np.zeros(g.x_shape)
    for iy, ix, iw in products(g):
        gx[ix] += float(gy[iy]) * float(w[iw])
    return gx


def conv2d_wgrad(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """gw[k,c,r,s] = sum of gy[n,k,p,q] x[n,c,h,w] over the products that contain w[k,c,r,s]."""
    gw = np.zeros(g.w_shape)
    for iy, ix, iw in products(g):
        gw[iw] += float(gy[iy]) * float(x[ix])
    return gw


def max_pool2d(x: np.ndarray, g: PoolGeometry) -> tuple[np.ndarray, np.ndarray]:
    """The largest value of each window and its index h W + w (switch). The first of equals wins."""
    y, switches = np.zeros(g.y_shape), np.zeros(g.y_shape, np.int32)
    for n, c, p, q in np.ndindex(g.y_shape):
        places = [place for _, place in taps(g, p, q)]
        values = [float(x[n, c, h, w]) for h, w in places]
        nans = [i for i, value in enumerate(values) if np.isnan(value)]
        best = nans[0] if nans else values.index(max(values))
        y[n, c, p, q] = values[best]
        switches[n, c, p, q] = places[best][0] * g.W + places[best][1]
    return y, switches


def max_unpool2d(
    y: np.ndarray, switches: np.ndarray, g: PoolGeometry, *, collisions: str = "sum"
) -> np.ndarray:
    """Every pooled value scattered to its switch; where several collide, their sum, their largest
    (NaN counts as largest) or the last."""
    x = np.zeros(g.x_shape)
    combine = {"sum": sum, "max": np.max, "last": lambda values: values[-1]}[collisions]
    for n, c in np.ndindex(g.N, g.C):
        colliding: dict[int, list[float]] = {}
        for p, q in np.ndindex(g.P, g.Q):
            colliding.setdefault(int(switches[n, c, p, q]), []).append(float(y[n, c, p, q]))
        for place, values in colliding.items():
            x[n, c, place // g.W, place % g.W] = combine(values)  # type: ignore[operator]
    return x


def max_unpool2d_vjp(gx: np.ndarray, switches: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """gy[n,c,p,q] = gx gathered at the switch of window (p, q)."""
    gy = np.zeros(g.y_shape)
    for n, c, p, q in np.ndindex(g.y_shape):
        place = int(switches[n, c, p, q])
        gy[n, c, p, q] = gx[n, c, place // g.W, place % g.W]
    return gy


def _divisor(g: PoolGeometry, p: int, q: int) -> int:
    if not g.count_include_pad:
        return sum(1 for _ in taps(g, p, q))
    count = 0
    for r in range(g.R):
        for s in range(g.S):
            h = p * g.stride[0] - g.padding[0] + r * g.dilation[0]
            w = q * g.stride[1] - g.padding[2] + s * g.dilation[1]
            count += h < g.H + g.padding[1] and w < g.W + g.padding[3]
    return count


def avg_pool2d(x: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """The sum of each window's taps inside the plane, divided by the number of counted taps."""
    y = np.zeros(g.y_shape)
    for n, c, p, q in np.ndindex(g.y_shape):
        total = sum(float(x[n, c, h, w]) for _, (h, w) in taps(g, p, q))
        y[n, c, p, q] = total / _divisor(g, p, q)
    return y


def avg_pool2d_vjp(gy: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """Each window's gradient, divided by its number of counted taps, scatter-added to its taps."""
    gx = np.zeros(g.x_shape)
    for n, c, p, q in np.ndindex(g.y_shape):
        for _, (h, w) in taps(g, p, q):
            gx[n, c, h, w] += float(gy[n, c, p, q]) / _divisor(g, p, q)
    return gx


def matmul(
    a: np.ndarray, b: np.ndarray, shape: tuple[int, int, int], *, bias: np.ndarray | None = None
) -> np.ndarray:
    """out[m,n] = bias[n] + sum over k of a[m,k] b[k,n]."""
    M, N, K = shape
    out = np.zeros((M, N))
    for m, n, k in np.ndindex(M, N, K):
        out[m, n] += float(a[m, k]) * float(b[k, n])
    return out if bias is None else out + bias.astype(np.float64)


def batched_matmul(a: np.ndarray, b: np.ndarray, shape: tuple[int, int, int, int]) -> np.ndarray:
    """out[b] = a[b] times b[b], each by `matmul`."""
    out = np.zeros(shape[:3])
    for n in range(shape[0]):
        out[n] = matmul(a[n], b[n], shape[1:])
    return out


def relu(x: np.ndarray) -> np.ndarray:
    """y = x where x > 0, else 0."""
    # any shape -> (size,) -> any shape
    return np.array([v if not v <= 0 else 0.0 for v in x.reshape(-1).tolist()]).reshape(x.shape)


def relu_vjp(gy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """gx = 0 where x <= 0, else gy."""
    # any shape -> (size,)
    pairs = zip(gy.reshape(-1).tolist(), x.reshape(-1).tolist(), strict=True)
    # (size,) -> x's shape
    return np.array([g if not v <= 0 else 0.0 for g, v in pairs]).reshape(x.shape)


def conv_relu_pool(
    x: np.ndarray, w: np.ndarray, g: StageGeometry, *, bias: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The maxima, and their switches, of the rectified convolution."""
    return max_pool2d(relu(conv2d(x, w, g.conv, bias=bias)), g.pool)


def sgd_step(
    w: np.ndarray, v: np.ndarray, g: np.ndarray, *, lr: float, momentum: float, weight_decay: float
) -> tuple[np.ndarray, np.ndarray]:
    """v <- momentum v + g + weight_decay w, then w <- w - lr v: the new w and v."""
    new_w, new_v = w.astype(np.float64), v.astype(np.float64)
    for i in np.ndindex(w.shape):
        decay = weight_decay * new_w[i] if weight_decay else 0.0
        new_v[i] = momentum * new_v[i] + float(g[i]) + decay
        new_w[i] -= lr * new_v[i]
    return new_w, new_v


def renormalise(w: np.ndarray, *, max_rms: float) -> np.ndarray:
    """w[k] max_rms / rms[k] for every filter of w (K,C,R,S) whose root mean square is larger."""
    y = w.astype(np.float64)
    for k in range(len(y)):
        squares = [value * value for value in y[k].reshape(-1).tolist()]  # (C,R,S) -> (CRS,)
        rms = (sum(squares) / max(len(squares), 1)) ** 0.5
        if rms > max_rms:
            y[k] *= max_rms / rms
    return y


def random_bits(count: int, *, seed: int, step: int, stream: int) -> np.ndarray:
    """Philox 4x32-10 in Python integers: word i is word i % 4 of block i // 4."""
    words = [philox_block((i, stream, step, step >> 32), seed) for i in range(-(-count // 4))]
    return np.array(words, np.uint32).reshape(-1)[:count]  # (blocks,4) -> (count,)


def philox_block(counter: tuple[int, int, int, int], seed: int) -> tuple[int, int, int, int]:
    """Ten rounds on one block (Salmon et al., SC 2011, section 3.3)."""
    low = 0xFFFFFFFF
    a, b, c, d = (word & low for word in counter)
    key = [seed & low, seed >> 32 & low]
    for _ in range(10):
        left, right = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = right >> 32 ^ b ^ key[0], right & low, left >> 32 ^ d ^ key[1], left & low
        key = [(key[0] + 0x9E3779B9) & low, (key[1] + 0xBB67AE85) & low]
    return a, b, c, d
