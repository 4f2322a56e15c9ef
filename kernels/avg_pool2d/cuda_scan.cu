// Average pooling: each thread sums one window in V neighbouring channels.
//
//     y[n,p,q,c] = sum over the window's taps on the plane of x[n,h,w,c] / (taps that count)
//
// The taps that count are those on the plane, or with `padded` those on its padding too: their
// rows times their columns. Limited by memory.

#include "geometry.cuh"
#include "planes.cuh"
#include "windows.cuh"

// plane: channel c of pixel (0, 0) of the window's image; top, left: the pixel of its first tap.
template <typename T, int V>
__device__ __forceinline__ Lanes<T, V> window_sum(const T* __restrict__ plane,
                                                  const PoolGeometry& g, int top, int left) {
    Lanes<T, V> sum = {};
    for (int r = 0; r < g.R; r++) {
        const int h = top + r * g.dilation_h;
        if (h < 0 || h >= g.H) continue;
        for (int s = 0; s < g.S; s++) {
            const int w = left + s * g.dilation_w;
            if (w < 0 || w >= g.W) continue;
            const Lanes<T, V> values = load<V>(plane + ((long long)h * g.W + w) * g.C);
#pragma unroll
            for (int v = 0; v < V; v++) sum.at[v] += values.at[v];
        }
    }
    return sum;
}

template <typename T, int V>
__global__ void scan(const T* __restrict__ x, T* __restrict__ y,
                                            PoolGeometry g, int padded) {
    each_pixel<V>((long long)g.N * g.P, g.Q, g.C, [&](long long row, int q, int c) {
        const int top = (int)(row % g.P) * g.stride_h - g.pad_top;
        const int left = q * g.stride_w - g.pad_left;
        const int rows = counted(top, g.R, g.dilation_h, g.H, g.pad_bottom, padded);
        const int columns = counted(left, g.S, g.dilation_w, g.W, g.pad_right, padded);
        Lanes<T, V> sum = window_sum<T, V>(x + row / g.P * g.H * g.W * g.C + c, g, top, left);
#pragma unroll
        for (int v = 0; v < V; v++) sum.at[v] /= T(rows * columns);
        store(y + (row * g.Q + q) * g.C + c, sum);
    });
}
