// Unpooling as its definition: each value goes to the pixel that its switch names.
//
// Wherever the switches point: a thread takes one channel of one image and moves its values in row
// order, so nothing that meets in a pixel comes from two threads. Neighbouring threads have
// neighbouring channels, so values and switches are read without a gap.

#include "geometry.cuh"

enum Law { SUM, MAX, LAST };

// The largest of what meets must win over the zero that stands there. So the values first go where
// they belong from the last to the first: the first of each pixel is then there to compare with.
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
        // `not <=` is true for a NaN value too; a NaN that is there stays.
        else if (law == LAST || (!(value <= there) && there == there))
            there = value;
    }
}

// x is full of zeros.
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
