// Transpose of average pooling as a gather: each pixel sums over the windows that contain it.
//
//     gx[n,h,w,c] = sum of gy[n,p,q,c] / (taps that count) over the windows with (h,w) among theirs
//
// Windows are visited in row order, so the order of each sum is fixed. Limited by memory.

#include "geometry.cuh"
#include "planes.cuh"
#include "windows.cuh"

// The numbers of rows of window p, and of columns of window q, that count.
__device__ __forceinline__ int rows_of(const PoolGeometry& g, int p, bool padded) {
    const int top = p * g.stride_h - g.pad_top;
    return counted(top, g.R, g.dilation_h, g.H, g.pad_bottom, padded);
}

__device__ __forceinline__ int columns_of(const PoolGeometry& g, int q, bool padded) {
    const int left = q * g.stride_w - g.pad_left;
    return counted(left, g.S, g.dilation_w, g.W, g.pad_right, padded);
}

// gy: channel c of window (0, 0) of the pixel's image.
template <typename T, int V>
__device__ __forceinline__ Lanes<T, V> shares(const T* __restrict__ gy, const PoolGeometry& g,
                                              int h, int w, bool padded) {
    Lanes<T, V> sum = {};
    const Holders down = holders(h, g.pad_top, g.R, g.stride_h, g.dilation_h, g.P);
    const Holders across = holders(w, g.pad_left, g.S, g.stride_w, g.dilation_w, g.Q);
    for (int p = down.first; p < down.end; p++) {
        if (!has_tap(h, g.pad_top, p, g.stride_h, g.dilation_h)) continue;
        const int rows = rows_of(g, p, padded);
        for (int q = across.first; q < across.end; q++) {
            if (!has_tap(w, g.pad_left, q, g.stride_w, g.dilation_w)) continue;
            const T divisor = T(rows * columns_of(g, q, padded));
            const Lanes<T, V> values = load<V>(gy + ((long long)p * g.Q + q) * g.C);
#pragma unroll
            for (int v = 0; v < V; v++) sum.at[v] += values.at[v] / divisor;
        }
    }
    return sum;
}

template <typename T, int V>
__global__ void gather(const T* __restrict__ gy, T* __restrict__ gx,
                                              PoolGeometry g, int padded) {
    each_pixel<V>((long long)g.N * g.H, g.W, g.C, [&](long long row, int w, int c) {
        const T* from = gy + row / g.H * g.P * g.Q * g.C + c;
        store(gx + (row * g.W + w) * g.C + c,
              shares<T, V>(from, g, (int)(row % g.H), w, padded));
    });
}
