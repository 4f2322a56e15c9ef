// Unpooling as a gather: each pixel reads the windows that contain it and is written once.
//
//     x[n,h,w,c] = sum, largest or last of y[n,p,q,c] over the windows (p, q) that contain (h, w)
//                  and whose switch is h W + w
//
// Windows are visited in row order, so the result does not depend on the order of threads, as it
// would with atomic additions. Limited by memory.

#include "geometry.cuh"
#include "planes.cuh"
#include "windows.cuh"

enum Law { SUM, MAX, LAST };

template <typename T, int V> struct Combined {
    Lanes<T, V> total;
    bool met[V];
};

// Combines the values of one window whose switch is this pixel.
template <typename T, int V>
__device__ __forceinline__ void combine(Combined<T, V>& so_far, const Lanes<T, V>& values,
                                        const Lanes<int, V>& switches, int here, int law) {
#pragma unroll
    for (int v = 0; v < V; v++) {
        if (switches.at[v] != here) continue;
        const T value = values.at[v], total = so_far.total.at[v];
        if (law == SUM)
            so_far.total.at[v] = total + value;
        // `not <=` is true for a NaN value too; a NaN total stays.
        else if (law == LAST || !so_far.met[v] || (!(value <= total) && total == total))
            so_far.total.at[v] = value;
        so_far.met[v] = true;
    }
}

// y, switches: channel c of window (0, 0) of the pixel's image.
template <typename T, int V>
__device__ __forceinline__ Lanes<T, V> combined(const T* __restrict__ y,
                                                const int* __restrict__ switches,
                                                const PoolGeometry& g, int h, int w, int law) {
    Combined<T, V> so_far = {};
    const Holders down = holders(h, g.pad_top, g.R, g.stride_h, g.dilation_h, g.P);
    const Holders across = holders(w, g.pad_left, g.S, g.stride_w, g.dilation_w, g.Q);
    for (int p = down.first; p < down.end; p++) {
        if (!has_tap(h, g.pad_top, p, g.stride_h, g.dilation_h)) continue;
        for (int q = across.first; q < across.end; q++) {
            if (!has_tap(w, g.pad_left, q, g.stride_w, g.dilation_w)) continue;
            const long long window = ((long long)p * g.Q + q) * g.C;
            combine<T, V>(so_far, load<V>(y + window), load<V>(switches + window), h * g.W + w,
                          law);
        }
    }
    return so_far.total;
}

template <typename T, int V>
__global__ void gather(const T* __restrict__ y,
                                              const int* __restrict__ switches, T* __restrict__ x,
                                              PoolGeometry g, int law) {
    each_pixel<V>((long long)g.N * g.H, g.W, g.C, [&](long long row, int w, int c) {
        const long long first = row / g.H * g.P * g.Q * g.C + c;
        const int h = (int)(row % g.H);
        store(x + (row * g.W + w) * g.C + c,
              combined<T, V>(y + first, switches + first, g, h, w, law));
    });
}
