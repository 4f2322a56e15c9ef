// Transpose of unpooling: a gather of the value at each switch.
//
//     gy[n,p,q,c] = gx[n, switches[n,p,q,c], c]
//
// Switches and results are read and written V channels at a time; neighbouring channels may have
// different taps of their window, whose memory sectors they then share in the cache. Limited by
// memory.

#include "geometry.cuh"
#include "planes.cuh"

template <typename T, int V>
__global__ void gather(const T* __restrict__ gx,
                                              const int* __restrict__ switches, T* __restrict__ gy,
                                              PoolGeometry g) {
    each_pixel<V>((long long)g.N * g.P, g.Q, g.C, [&](long long row, int q, int c) {
        const T* plane = gx + row / g.P * g.H * g.W * g.C + c;
        const long long to = (row * g.Q + q) * g.C + c;
        const Lanes<int, V> places = load<V>(switches + to);
        Lanes<T, V> values;
#pragma unroll
        for (int v = 0; v < V; v++) values.at[v] = plane[(long long)places.at[v] * g.C + v];
        store(gy + to, values);
    });
}
