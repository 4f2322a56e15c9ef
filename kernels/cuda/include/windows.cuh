// Pooling's windows along one axis: which of them hold a pixel, and how many of their taps count.
//
// Window i of a line begins at pixel i * stride - before, and its taps follow `dilation` apart.

#pragma once

// The windows from `first` up to `end` reach over a pixel: tap 0 is not behind it, and the last tap
// not before it.
struct Holders {
    int first, end;
};

__device__ __forceinline__ Holders holders(int pixel, int before, int reach, int stride,
                                           int dilation, int windows) {
    const int at = pixel + before;  // counted from where window 0 begins; negative if cropped
    const int least = at - (reach - 1) * dilation;
    const int first = least > 0 ? (least + stride - 1) / stride : 0;
    const int end = at < 0 ? 0 : min(at / stride + 1, windows);
    return {first, end};
}

// Dilated taps can step over a pixel that the window reaches over.
__device__ __forceinline__ bool has_tap(int pixel, int before, int window, int stride,
                                        int dilation) {
    return dilation == 1 || (pixel + before - window * stride) % dilation == 0;
}

// Of `reach` taps from `start` on, those that lie before `end`.
__device__ __forceinline__ int taps_before(int end, int start, int reach, int dilation) {
    return start >= end ? 0 : min((end - 1 - start) / dilation + 1, reach);
}

// How many taps average pooling divides by along one axis of `size` pixels: those on the plane, or
// with `padded` those on its padding too; behind the latter `ceil_mode` may leave some.
__device__ __forceinline__ int counted(int start, int reach, int dilation, int size, int after,
                                       bool padded) {
    if (padded) return taps_before(size + after, start, reach, dilation);
    return taps_before(size, start, reach, dilation) - taps_before(0, start, reach, dilation);
}
