// Shared device part of local contrast normalisation and its gradient: the separable blur of maps
// (N,H,W) of one float64 per pixel, and the mean over a sample.

#pragma once

#include "sums.cuh"

// NumPy's maximum: NaN if either is NaN. CUDA's own max returns the number.
__device__ __forceinline__ double larger(double a, double b) { return a > b || a != a ? a : b; }

// c, the mean of sigma over the `pixels` of the block's sample.
__device__ __forceinline__ double sample_mean(const double* __restrict__ sigma, int pixels) {
    double sum = 0;
    for (int i = threadIdx.x; i < pixels; i += blockDim.x) sum += sigma[i];
    return over_block(sum) / pixels;
}

// The window along both axes: out[h,w] = sum_p sum_q a_p a_q u[h+p,w+q], zeros around the plane.
//
// The window is an outer product, so the blur is separable. A thread first sums along a column into
// a line in shared memory, then along that line: 2 size multiply-adds a pixel, and those of the
// halo, instead of size^2. The rows of a block are adjacent, so all but the first read from the L1
// cache. A line too long for shared memory (a very wide window) is summed in parts.
const int LINE = 128, MOST_ROWS = 4;

__device__ __forceinline__ double down(const double* __restrict__ u,
                                       const double* __restrict__ window, int half, int H, int W,
                                       int h, int w) {
    double sum = 0;
    const int end = min(h + half + 1, H);
    for (int i = max(h - half, 0); i < end; i++)
        sum += window[i - h + half] * u[(long long)i * W + w];
    return sum;
}

// Adds to `sum` the terms of the output at column w that are on the line, one after the other, so
// that the order of all terms does not depend on where a line begins.
__device__ __forceinline__ double across(double sum, const double* line,
                                         const double* __restrict__ window, int half, int w,
                                         int first, int end) {
    const int last = min(end, w + half + 1);
    for (int i = max(first, w - half); i < last; i++)
        sum += window[i - w + half] * line[i - first];
    return sum;
}

// The sum at row h and this thread's column of the block, whose first column is `left`. All threads
// of the block must call it; the result of a thread beyond the plane is not used.
__device__ __forceinline__ double windowed(const double* __restrict__ u,
                                           const double* __restrict__ window, int half, int H,
                                           int W, int h, int left) {
    __shared__ double lines[MOST_ROWS][LINE];
    double* line = lines[threadIdx.y];
    const int w = left + threadIdx.x, from = max(left - half, 0);
    const int to = min(left + (int)blockDim.x + half, W);
    double sum = 0;
    for (int first = from; first < to; first += LINE) {
        const int end = min(first + LINE, to);
        __syncthreads();  // no thread still reads the part before
        for (int i = first + threadIdx.x; i < end; i += blockDim.x)
            line[i - first] = down(u, window, half, H, W, h, i);
        __syncthreads();
        sum = across(sum, line, window, half, w, first, end);
    }
    return sum;
}

// Shape of a map, and half of the window's size.
struct Map {
    int N, H, W, half;
};

// Calls finish(i, sum) with the windowed sum of u (N,H,W) at each pixel i, counted over the batch.
// A block processes adjacent rows of one image, in columns of its own width.
template <typename Finish>
__device__ __forceinline__ void each_windowed(const double* __restrict__ u,
                                              const double* __restrict__ window, Map map,
                                              Finish finish) {
    const int high = blockDim.y, strips = (map.H + high - 1) / high;
    const int apart = gridDim.y * blockDim.x;
    for (long long strip = blockIdx.x; strip < (long long)map.N * strips; strip += gridDim.x)
        for (int left = blockIdx.y * blockDim.x; left < map.W; left += apart) {
            const long long image = strip / strips * map.H * map.W;
            const int h = (int)(strip % strips) * high + threadIdx.y, w = left + threadIdx.x;
            const double sum = windowed(u + image, window, map.half, map.H, map.W, h, left);
            if (h < map.H && w < map.W) finish(image + (long long)h * map.W + w, sum);
        }
}
