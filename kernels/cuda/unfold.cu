// im2col and its transpose col2im: every window of an image as one row of a matrix.
//
//     columns[group, (n p q), (r s c)] = x[n, p stride - pad + r dilation, q ..., c of the group]
//
// Both are bound by memory, so accesses are coalesced: neighbouring threads move neighbouring
// channels, and the type V is float4 or double2 if a group's channels are a multiple of its
// elements: one load of 16 bytes per thread. A kernel does not depend on the width of V: g.C counts
// channels in units of it.

#include "geometry.cuh"

// One row of 32 threads for each window, in a loop over its taps (r s c); blockDim.y windows per
// block. A warp's writes are contiguous; its reads are runs of S C values if the dilation is 1.
template <typename V>
__global__ void im2col(const V* __restrict__ x, V* __restrict__ columns, ConvGeometry g,
                       long long first, long long windows) {
    const int C = g.C / g.groups;
    const int taps = g.R * g.S * C;
    const long long step = (long long)gridDim.x * blockDim.y;
    for (int group = blockIdx.y; group < g.groups; group += gridDim.y) {
        for (long long m = (long long)blockIdx.x * blockDim.y + threadIdx.y; m < windows; m += step) {
            // 64-bit divisions are expensive: one for each window, not for each tap.
            const long long row = (first + m) / g.Q;
            const long long n = row / g.P;
            const int top = (int)(row % g.P) * g.stride_h - g.pad_top;
            const int left = (int)((first + m) % g.Q) * g.stride_w - g.pad_left;
            for (int i = threadIdx.x; i < taps; i += blockDim.x) {
                const int tap = i / C;
                const int h = top + tap / g.S * g.dilation_h;
                const int w = left + tap % g.S * g.dilation_w;
                const bool inside = h >= 0 && h < g.H && w >= 0 && w < g.W;
                const long long pixel = (n * g.H + h) * g.W + w;
                columns[(group * windows + m) * taps + i] =
                    inside ? x[pixel * g.C + group * C + i % C] : V{};
            }
        }
    }
}

// The windows whose extent contains one row (or column) of pixels: first <= p <= last.
struct Reach {
    int first, last;
};

// `at` is the pixel's distance from the first window's first tap, so window p contains it if
// 0 <= at - p stride < extent. A negative pad can make `at` negative: no window contains the pixel.
__device__ inline Reach reach(int at, int extent, int stride, int windows) {
    const int first = at < extent ? 0 : (at - extent) / stride + 1;
    const int last = at < 0 ? -1 : at / stride;
    return {first, last < windows ? last : windows - 1};
}

__device__ inline void add(float& sum, float v) { sum += v; }
__device__ inline void add(double& sum, double v) { sum += v; }
__device__ inline void add(float4& sum, float4 v) {
    sum.x += v.x;
    sum.y += v.y;
    sum.z += v.z;
    sum.w += v.w;
}
__device__ inline void add(double2& sum, double2 v) {
    sum.x += v.x;
    sum.y += v.y;
}

// The sum of the elements of one image's windows at pixel (h, w). `columns` points to the pixel's
// channel in tap 0 of window 0. With dilation, not every window whose extent contains it has a tap
// there.
template <typename V>
__device__ V gather(const V* __restrict__ columns, const ConvGeometry& g, int h, int w) {
    const int C = g.C / g.groups;
    const int down = h + g.pad_top, right = w + g.pad_left;
    const Reach rows = reach(down, (g.R - 1) * g.dilation_h + 1, g.stride_h, g.P);
    const Reach places = reach(right, (g.S - 1) * g.dilation_w + 1, g.stride_w, g.Q);
    V sum{};
    for (int p = rows.first; p <= rows.last; p++) {
        const int below = down - p * g.stride_h;
        if (below % g.dilation_h != 0) continue;
        for (int q = places.first; q <= places.last; q++) {
            const int beside = right - q * g.stride_w;
            if (beside % g.dilation_w != 0) continue;
            const long long window = (long long)p * g.Q + q;
            const int tap = below / g.dilation_h * g.S + beside / g.dilation_w;
            add(sum, columns[(window * g.R * g.S + tap) * C]);
        }
    }
    return sum;
}

// The transpose of im2col, written as a gather. As a scatter-add, overlapping windows would need
// atomic sums, whose order, and so whose last bits, differ from run to run. In a gather each pixel
// has one thread and one order. One block per row of pixels (n h), or a part of one.
template <typename V>
__global__ void col2im(const V* __restrict__ columns, V* __restrict__ x, ConvGeometry g, int first,
                       int images) {
    const int C = g.C / g.groups;
    const long long plane = (long long)g.P * g.Q * g.R * g.S * C;
    const long long width = (long long)g.W * g.C;
    const long long step = (long long)gridDim.y * blockDim.x;
    for (long long row = blockIdx.x; row < (long long)images * g.H; row += gridDim.x) {
        const long long n = row / g.H;
        const int h = (int)(row % g.H);
        V* to = x + (first * (long long)g.H + row) * width;
        for (long long i = (long long)blockIdx.y * blockDim.x + threadIdx.x; i < width; i += step) {
            const int w = (int)(i / g.C), c = (int)(i % g.C);
            const V* from = columns + (c / C * (long long)images + n) * plane + c % C;
            to[i] = gather(from, g, h, w);
        }
    }
}
