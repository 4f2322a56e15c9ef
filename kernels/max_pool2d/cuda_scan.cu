// Max-pooling with switches: each thread scans one window in V neighbouring channels.
//
//     y[n,p,q,c] = max over the window of x[n,h,w,c];  switches[n,p,q,c] = h W + w of that maximum
//
// The largest value and its index stay in registers until the last tap. Overlapping windows read
// their pixels again, from the L1 cache. Limited by memory.

#include "geometry.cuh"
#include "planes.cuh"

template <typename T, int V> struct Best {
    Lanes<T, V> value;
    Lanes<int, V> place;
};

// Taps in row order: the first of equals wins; NaN is larger than any number, and the first NaN
// wins.
template <typename T, int V>
__device__ __forceinline__ void meet(Best<T, V>& best, const Lanes<T, V>& values, int place,
                                     bool first) {
#pragma unroll
    for (int v = 0; v < V; v++) {
        const T value = values.at[v], so_far = best.value.at[v];
        // `not <=` is true for a NaN value too; a NaN found before stays.
        if (first || (!(value <= so_far) && so_far == so_far)) {
            best.value.at[v] = value;
            best.place.at[v] = place;
        }
    }
}

// plane: channel c of pixel (0, 0) of the window's image.
template <typename T, int V>
__device__ __forceinline__ Best<T, V> greatest(const T* __restrict__ plane, const PoolGeometry& g,
                                               int p, int q) {
    Best<T, V> best = {};
    bool first = true;
    for (int r = 0; r < g.R; r++) {
        const int h = p * g.stride_h - g.pad_top + r * g.dilation_h;
        if (h < 0 || h >= g.H) continue;
        for (int s = 0; s < g.S; s++) {
            const int w = q * g.stride_w - g.pad_left + s * g.dilation_w;
            if (w < 0 || w >= g.W) continue;
            const int place = h * g.W + w;
            meet<T, V>(best, load<V>(plane + (long long)place * g.C), place, first);
            first = false;
        }
    }
    return best;
}

template <typename T, int V>
__global__ void scan(const T* __restrict__ x, T* __restrict__ y,
                                            int* __restrict__ switches, PoolGeometry g) {
    each_pixel<V>((long long)g.N * g.P, g.Q, g.C, [&](long long row, int q, int c) {
        const T* plane = x + row / g.P * g.H * g.W * g.C + c;
        const Best<T, V> best = greatest<T, V>(plane, g, (int)(row % g.P), q);
        const long long to = (row * g.Q + q) * g.C + c;
        store(y + to, best.value);
        store(switches + to, best.place);
    });
}
