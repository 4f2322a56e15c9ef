// Unpooling by its definition, a scatter: each value is written to the pixel of its switch.
//
// The switches may be anywhere in the plane: a thread processes one channel of one image in row
// order, so values that collide in a pixel come from one thread. Neighbouring threads process
// neighbouring channels, so reads of values and switches are coalesced. Limited by memory latency.

#include "geometry.cuh"

enum Law { SUM, MAX, LAST };

// The largest colliding value must replace the initial zero, even if it is negative. So the values
// are first written from the last to the first: then each pixel has its first value to compare
// with.
template <typename T>
__device__ void place_firsts(const T* __restrict__ y, const int* __restrict__ switches,
                             T* __restrict__ plane, int windows, long long C) {
    for (int i = windows - 1; i >= 0; i--) plane[switches[i * C] * C] = y[i * C];
}

template <typename T>
__device__ void move(const T* __restrict__ y, const int* __restrict__ switches,
                     T* __restrict__ plane, int windows, long long C, int law) {
    for (int i = 0; i < windows; i++) {
        T& there = plane[switches[i * C] * C];
        const T value = y[i * C];
        if (law == SUM)
            there += value;
        // `not <=` is true for a NaN value too; a NaN in the pixel stays.
        else if (law == LAST || (!(value <= there) && there == there))
            there = value;
    }
}

// x is zero initially.
template <typename T>
__global__ void scatter(const T* __restrict__ y,
                                               const int* __restrict__ switches,
                                               T* __restrict__ x, PoolGeometry g, int law) {
    const long long count = (long long)g.N * g.C, step = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
        const long long n = i / g.C, c = i % g.C;
        const long long from = n * g.P * g.Q * g.C + c;
        T* plane = x + n * g.H * g.W * g.C + c;
        if (law == MAX) place_firsts(y + from, switches + from, plane, g.P * g.Q, g.C);
        move(y + from, switches + from, plane, g.P * g.Q, g.C, law);
    }
}
