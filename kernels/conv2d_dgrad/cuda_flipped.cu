// Operands of the explicit transposed convolution: gy with zeros between its pixels, and the
// filters rotated by 180 degrees with their channels in and out swapped. Both kernels only move
// values; limited by memory.

#include "geometry.cuh"

// spread (N,(P-1) stride_h + 1,(Q-1) stride_w + 1,K) from gy (N,P,Q,K): stride - 1 zeros between
// two pixels. V is the type moved at a time; g.K counts in units of it.
template <typename V>
__global__ void spread_out(const V* __restrict__ gy, V* __restrict__ spread, ConvGeometry g,
                           long long count) {
    const int height = (g.P - 1) * g.stride_h + 1, width = (g.Q - 1) * g.stride_w + 1;
    const long long step = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
        const long long pixel = i / g.K;
        const int w = (int)(pixel % width), h = (int)(pixel / width % height);
        const long long n = pixel / width / height;
        const bool holds = h % g.stride_h == 0 && w % g.stride_w == 0;
        const long long from = (n * g.P + h / g.stride_h) * g.Q + w / g.stride_w;
        spread[i] = holds ? gy[from * g.K + i % g.K] : V{};
    }
}

// flipped (groups,C/groups,R,S,K/groups) from w (K,R,S,C/groups): tap (r, s) of filter c, channel k
// is tap (R-1-r, S-1-s) of filter k, channel c. Writes are contiguous, reads are R S C apart. The
// weights are few, so a transposition in shared memory would not pay.
template <typename T>
__global__ void flip(const T* __restrict__ w, T* __restrict__ flipped, ConvGeometry g,
                     long long count) {
    const int C = g.C / g.groups, K = g.K / g.groups;
    const long long step = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
        const int k = (int)(i % K);
        const int s = (int)(i / K % g.S);
        const int r = (int)(i / K / g.S % g.R);
        const int channel = (int)(i / K / g.S / g.R);  // of all groups
        const long long filter = (long long)(channel / C) * K + k;
        const long long tap = (filter * g.R + g.R - 1 - r) * g.S + g.S - 1 - s;
        flipped[i] = w[tap * C + channel % C];
    }
}
