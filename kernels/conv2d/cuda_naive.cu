// Convolution by its definition: one thread per output element. The simplest kernel.
//
//     y[n,p,q,k] = bias[k] + sum over r,s,c of w[k,r,s,c] x[n, p stride - pad + r dilation, ..., c]
//
// Memory is channels-last: x (N,H,W,C), w (K,R,S,C/groups), y (N,P,Q,K).

#include "geometry.cuh"

// The sum of one output over the taps of its window that are on the plane, times filter k.
template <typename T>
__device__ T window_sum(const T* __restrict__ x, const T* __restrict__ w, const ConvGeometry& g,
                        long long n, int p, int q, int k, T sum) {
    const int C = g.C / g.groups;
    const int first = k / (g.K / g.groups) * C;  // the first channel of k's group
    for (int r = 0; r < g.R; r++) {
        const int i = p * g.stride_h - g.pad_top + r * g.dilation_h;
        if (i < 0 || i >= g.H) continue;
        for (int s = 0; s < g.S; s++) {
            const int j = q * g.stride_w - g.pad_left + s * g.dilation_w;
            if (j < 0 || j >= g.W) continue;
            const T* pixel = x + ((n * g.H + i) * g.W + j) * g.C + first;
            const T* tap = w + (((long long)k * g.R + r) * g.S + s) * C;
            for (int c = 0; c < C; c++) sum += pixel[c] * tap[c];
        }
    }
    return sum;
}

template <typename T>
__global__ void fprop(const T* __restrict__ x, const T* __restrict__ w, const T* __restrict__ bias,
                      T* __restrict__ y, ConvGeometry g, long long count) {
    const long long step = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
        const int k = (int)(i % g.K);
        const int q = (int)(i / g.K % g.Q);
        const int p = (int)(i / g.K / g.Q % g.P);
        const long long n = i / g.K / g.Q / g.P;
        y[i] = window_sum(x, w, g, n, p, q, k, bias ? bias[k] : T(0));
    }
}
