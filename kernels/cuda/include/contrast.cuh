// What local contrast normalisation and its gradient share: maps of one float64 a pixel, (N,H,W).

#pragma once

#include "sums.cuh"

// As NumPy's maximum: NaN if one of the two is. CUDA's own drops it.
__device__ __forceinline__ double larger(double a, double b) { return a > b || a != a ? a : b; }

// c, the mean of sigma over the `pixels` of the block's sample.
__device__ __forceinline__ double sample_mean(const double* __restrict__ sigma, int pixels) {
    double sum = 0;
    for (int i = threadIdx.x; i < pixels; i += blockDim.x) sum += sigma[i];
    return over_block(sum) / pixels;
}

// The window along both axes: out[h,w] = sum_p sum_q a_p a_q u[h+p,w+q], zeros around the plane.
//
// The window is an outer product. So a thread first sums columns, `size` pixels above and below,
// into a line in shared memory, and then its own output from that line: 2 size multiply-adds a
// pixel and the few of the line's ends instead of size^2. The rows of a block lie one below the
// other, so that all but the first read from the first cache what it read. A line that does not
// fit, for a very wide window, is summed part by part.
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

// `sum` goes on with those terms of the output at column w that lie on the line: one after the
// other, so that the order of all of them does not depend on where a line begins.
__device__ __forceinline__ double across(double sum, const double* line,
                                         const double* __restrict__ window, int half, int w,
                                         int first, int end) {
    const int last = min(end, w + half + 1);
    for (int i = max(first, w - half); i < last; i++)
        sum += window[i - w + half] * line[i - first];
    return sum;
}

// At row h and the column of this thread in the block's, the first of which is `left`. All threads
// of the block take part; what a thread beyond the plane gets is of no use.
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
        __syncthreads();  // nobody still reads the part before
        for (int i = first + threadIdx.x; i < end; i += blockDim.x)
            line[i - first] = down(u, window, half, H, W, h, i);
        __syncthreads();
        sum = across(sum, line, window, half, w, first, end);
    }
    return sum;
}

// A map, and what its window is.
struct Map {
    int N, H, W, half;
};

// Calls finish(i, sum) with the windowed sum of u (N,H,W) at each pixel i, counted over the batch.
// Blocks take rows that follow each other, of one image, and columns as wide as they are.
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
