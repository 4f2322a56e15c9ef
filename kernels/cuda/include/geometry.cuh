// Geometry structs, passed by value: the classes of kernels/contract/geometry.py, filled field by
// field, in this order, by kernels/cuda/structs.py.
//
// A window of R x S taps, `dilation` apart, moves `stride` pixels at a time over a plane of H x W
// pixels, padded by four signed pads (a negative one crops), to P x Q positions: tap (r, s) of
// window (p, q) is at the pixel
//
//     h = p * stride_h - pad_top  + r * dilation_h
//     w = q * stride_w - pad_left + s * dilation_w
//
// Arrays are channels-last: element (n, c, h, w) of x has the offset ((n * H + h) * W + w) * C + c.
// Sizes have 32 bits, offsets 64: a tensor may have more than 2^31 elements.

#pragma once

// x (N,C,H,W) convolved with w (K,C/groups,R,S) gives y (N,K,P,Q). C and K count all groups.
struct ConvGeometry {
    int N, C, H, W, K, R, S, P, Q, groups;
    int stride_h, stride_w;
    int pad_top, pad_bottom, pad_left, pad_right;
    int dilation_h, dilation_w;
};

// Windows of R x S pixels: x (N,C,H,W) gives y (N,C,P,Q).
struct PoolGeometry {
    int N, C, H, W, R, S, P, Q;
    int stride_h, stride_w;
    int pad_top, pad_bottom, pad_left, pad_right;
    int dilation_h, dilation_w;
};
