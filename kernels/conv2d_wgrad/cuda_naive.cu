// Gradient of the weights by its definition: one thread per weight. The simplest kernel.
//
//     gw[k,r,s,c] = sum over n,p,q of gy[n,p,q,k] x[n, p stride - pad + r dilation, ..., c]
//
// Memory is channels-last: x (N,H,W,C), gy (N,P,Q,K), gw (K,R,S,C/groups).

#include "geometry.cuh"

// A weight meets one pixel of every window; if that is on the plane, the product counts.
template <typename T>
__device__ T weight_sum(const T* __restrict__ x, const T* __restrict__ gy, const ConvGeometry& g,
                        int k, int r, int s, int c) {
    const int channel = k / (g.K / g.groups) * (g.C / g.groups) + c;
    T sum = 0;
    for (long long n = 0; n < g.N; n++) {
        for (int p = 0; p < g.P; p++) {
            const int i = p * g.stride_h - g.pad_top + r * g.dilation_h;
            if (i < 0 || i >= g.H) continue;
            for (int q = 0; q < g.Q; q++) {
                const int j = q * g.stride_w - g.pad_left + s * g.dilation_w;
                if (j < 0 || j >= g.W) continue;
                sum += gy[((n * g.P + p) * g.Q + q) * g.K + k] *
                       x[((n * g.H + i) * g.W + j) * g.C + channel];
            }
        }
    }
    return sum;
}

template <typename T>
__global__ void wgrad(const T* __restrict__ x, const T* __restrict__ gy, T* __restrict__ gw,
                      ConvGeometry g, long long count) {
    const int C = g.C / g.groups;
    const long long step = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
        const int c = (int)(i % C);
        const int s = (int)(i / C % g.S);
        const int r = (int)(i / C / g.S % g.R);
        const int k = (int)(i / C / g.S / g.R);
        gw[i] = weight_sum(x, gy, g, k, r, s, c);
    }
}
