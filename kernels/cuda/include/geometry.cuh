// What a kernel is told of its operation: kernels/contract/geometry.py's classes, filled by
// kernels/cuda/structs.py field by field, in this order.
//
// A window of R x S taps, `dilation` apart, moves `stride` pixels at a time over a plane of H x W
// pixels, padded by four signed pads (a negative one crops), and stops at P x Q places: tap (r, s)
// of window (p, q) lies on the pixel
//
//     h = p * stride_h - pad_top  + r * dilation_h
//     w = q * stride_w - pad_left + s * dilation_w
//
// Arrays are channels-last: element (n, c, h, w) of x stands at ((n * H + h) * W + w) * C + c. The
// sizes are 32 bits, offsets are not: a tensor may have more than 2^31 elements.

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
