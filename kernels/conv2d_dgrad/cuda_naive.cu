// Transposed convolution by its definition: one thread per input element. The simplest kernel.
//
//     gx[n,h,w,c] = sum over r,s,k of gy[n,p,q,k] w[k,r,s,c]   where p stride = h + pad - r dilation
//
// Memory is channels-last: gy (N,P,Q,K), w (K,R,S,C/groups), gx (N,H,W,C).

#include "geometry.cuh"

// The index of the window that begins `below` pixels after the first one; negative if there is
// none, because `below` is no multiple of the stride or out of range.
__device__ inline int window_at(int below, int stride, int windows) {
    return below % stride == 0 && below / stride < windows ? below / stride : -1;
}

// Sum over the taps (r, s) that cover the pixel in some window, and over that group's filters.
template <typename T>
__device__ T pixel_sum(const T* __restrict__ gy, const T* __restrict__ w, const ConvGeometry& g,
                       long long n, int h, int column, int c) {
    const int C = g.C / g.groups, K = g.K / g.groups;
    const int first = c / C * K;  // the first filter of c's group
    T sum = 0;
    for (int r = 0; r < g.R; r++) {
        const int p = window_at(h + g.pad_top - r * g.dilation_h, g.stride_h, g.P);
        if (p < 0) continue;
        for (int s = 0; s < g.S; s++) {
            const int q = window_at(column + g.pad_left - s * g.dilation_w, g.stride_w, g.Q);
            if (q < 0) continue;
            const T* pixel = gy + ((n * g.P + p) * g.Q + q) * g.K + first;
            const T* tap = w + (((long long)first * g.R + r) * g.S + s) * C + c % C;
            const long long filter = (long long)g.R * g.S * C;
            for (int k = 0; k < K; k++) sum += pixel[k] * tap[k * filter];
        }
    }
    return sum;
}

template <typename T>
__global__ void dgrad(const T* __restrict__ gy, const T* __restrict__ w, T* __restrict__ gx,
                      ConvGeometry g, long long count) {
    const long long step = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
        const int c = (int)(i % g.C);
        const int column = (int)(i / g.C % g.W);
        const int h = (int)(i / g.C / g.W % g.H);
        const long long n = i / g.C / g.W / g.H;
        gx[i] = pixel_sum(gy, w, g, n, h, column, c);
    }
}
