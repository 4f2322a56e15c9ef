// Pooling windows along one axis: those that contain a pixel, and their taps that count.
//
// Window i begins at pixel i * stride - before; its taps are `dilation` apart.

#pragma once

// The windows first <= i < end whose extent contains a pixel: tap 0 is at or before it, the last
// tap at or after it.
struct Holders {
    int first, end;
};

__device__ __forceinline__ Holders holders(int pixel, int before, int reach, int stride,
                                           int dilation, int windows) {
    const int at = pixel + before;  // relative to the first tap of window 0; negative if cropped
    const int least = at - (reach - 1) * dilation;
    const int first = least > 0 ? (least + stride - 1) / stride : 0;
    const int end = at < 0 ? 0 : min(at / stride + 1, windows);
    return {first, end};
}

// With dilation, a window whose extent contains the pixel may have no tap there.
__device__ __forceinline__ bool has_tap(int pixel, int before, int window, int stride,
                                        int dilation) {
    return dilation == 1 || (pixel + before - window * stride) % dilation == 0;
}

// The number of the `reach` taps from `start` on that are before `end`.
__device__ __forceinline__ int taps_before(int end, int start, int reach, int dilation) {
    return start >= end ? 0 : min((end - 1 - start) / dilation + 1, reach);
}

// The number of taps in the divisor of average pooling, along one axis of `size` pixels: those on
// the plane, or with `padded` those on its padding too. `ceil_mode` may leave taps beyond both.
__device__ __forceinline__ int counted(int start, int reach, int dilation, int size, int after,
                                       bool padded) {
    if (padded) return taps_before(size + after, start, reach, dilation);
    return taps_before(size, start, reach, dilation) - taps_before(0, start, reach, dilation);
}
