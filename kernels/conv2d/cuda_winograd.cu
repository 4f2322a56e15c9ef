// The three transforms of Winograd's convolution F(M x M, 3 x 3) (Lavin, Gray, arXiv 1509.09308).
// Between them cuBLAS does one matrix product at each of the (M + 2)^2 points.
//
//     V = B^T d B   x, tiles of (M + 2)^2 pixels, M apart  ->  (points, groups, tiles, C/groups)
//     U = G w G^T   filters                                ->  (points, groups, C/groups, K/groups)
//     M = V U       at each point, in each group           ->  (points, groups, tiles, K/groups)
//     y = A^T M A   M x M pixels per tile, plus bias, rectified
//
// A transform is limited by memory: in F(4x4) B^T d B of a tile reads 36 values, writes 36 and does
// some 250 operations. A thread holds a whole tile in registers, of one channel or of as many as 16
// bytes hold. Neighbouring threads process neighbouring channels: a warp's access is 512 contiguous
// bytes. Threads share nothing, so there is no barrier.
//
// A tile takes up to 240 registers. Launch bounds ask for two blocks of 128 threads a
// multiprocessor: with three the compiler spills. Few threads hide latency as well as many if each
// has 36 loads of 16 bytes in flight.
//
// "winograd.cuh" has the matrices, their application, and the mapping of threads to tiles.

#include "winograd.cuh"

// V = B^T d B of `tiles` tiles from tile `first` of the batch on. A tile may reach beyond the
// padded plane if P or Q is no multiple of M: it reads zeros there, and where a negative padding
// crops.
template <typename T, int M, int L>
__global__ void __launch_bounds__(128, 2) transform_input(
    const T* __restrict__ x, T* __restrict__ V, ConvGeometry g, long long first, int tiles) {
    using BT = typename Winograd<M>::BT;
    constexpr int n = M + 2;
    const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (long long)tiles * (g.C / L)) return;
    const Place at = place_of<L>(int(i), g.C, g.groups);
    const Tile<M> tile(first + at.t, g);
    const int top = tile.p - g.pad_top, left = tile.q - g.pad_left;
    const int bottom = g.H + min(g.pad_bottom, 0), right = g.W + min(g.pad_right, 0);
    const int each = g.C / g.groups;
    const T* image = x + (long long)tile.n * g.H * g.W * g.C + at.group * each + at.c;

    T half[n][n][L];  // B^T d
#pragma unroll
    for (int b = 0; b < n; ++b) {
        const int w = left + b;
        T column[n][L];
#pragma unroll
        for (int a = 0; a < n; ++a) {
            const int h = top + a;
            clear(column[a]);
            if (h >= 0 && h < bottom && w >= 0 && w < right)
                load(image + ((long long)h * g.W + w) * g.C, column[a]);
        }
        apply_to_column<BT>(column, b, half);
    }
    const long long step = (long long)tiles * g.C;  // from one point to the next
    T* to = V + ((long long)at.group * tiles + at.t) * each + at.c;
#pragma unroll
    for (int a = 0; a < n; ++a) {
        T row[n][L];
        apply_to_row<BT>(half[a], row);
#pragma unroll
        for (int b = 0; b < n; ++b) store(to + (a * n + b) * step, row[b]);
    }
}

// U = G w G^T of w (outs,3,3,ins) for fprop; out_step, in_step and tap_step are the strides, in
// elements, of output channels, input channels and taps. dgrad reads the same memory with the first
// two exchanged and FLIP, the filter rotated by 180 degrees.
//
// A warp's lanes are neighbouring output channels, so U is written 128 bytes at a time. In fprop
// they are far apart in w, but a block processes eight neighbouring input channels: a sector of 32
// bytes serves them all from the L1 cache.
template <typename T, int M, bool FLIP>
__global__ void __launch_bounds__(256) transform_filter(
    const T* __restrict__ w, T* __restrict__ U, int groups, int ins, int outs,
    long long out_step, long long in_step, long long tap_step) {
    using G = typename Winograd<M>::G;
    constexpr int n = M + 2;
    const int out = blockIdx.x * blockDim.x + threadIdx.x;
    if (out >= outs) return;
    const long long rows = (long long)groups * ins, step = rows * outs;
    for (long long row = (long long)blockIdx.y * blockDim.y + threadIdx.y; row < rows;
         row += (long long)gridDim.y * blockDim.y) {
        const long long group = row / ins, in = row - group * ins;
        const T* taps = w + group * outs * ins * 9 + out * out_step + in * in_step;
        T half[n][3][1];  // G w
#pragma unroll
        for (int s = 0; s < 3; ++s) {
            T column[3][1];
#pragma unroll
            for (int r = 0; r < 3; ++r) {
                const int tap = r * 3 + s;
                column[r][0] = taps[(FLIP ? 8 - tap : tap) * tap_step];
            }
            apply_to_column<G>(column, s, half);
        }
        T* to = U + row * outs + out;
#pragma unroll
        for (int a = 0; a < n; ++a) {
            T values[n][1];
            apply_to_row<G>(half[a], values);
#pragma unroll
            for (int b = 0; b < n; ++b) to[(a * n + b) * step] = values[b][0];
        }
    }
}

// y = A^T m A of the same tiles as `transform_input`, plus bias (K,) if there is one, and max(y, 0)
// with `rectify`: NaN stays NaN. Pixels beyond P or Q are not written.
template <typename T, int M, int L>
__global__ void __launch_bounds__(128, 2) transform_output(
    const T* __restrict__ products, const T* __restrict__ bias, T* __restrict__ y, ConvGeometry g,
    long long first, int tiles, int rectify) {
    using AT = typename Winograd<M>::AT;
    constexpr int n = M + 2;
    const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (long long)tiles * (g.K / L)) return;
    const Place at = place_of<L>(int(i), g.K, g.groups);
    const Tile<M> tile(first + at.t, g);
    const int each = g.K / g.groups, k = at.group * each + at.c;
    const long long step = (long long)tiles * g.K;
    const T* from = products + ((long long)at.group * tiles + at.t) * each + at.c;

    T half[M][n][L];  // A^T m
#pragma unroll
    for (int b = 0; b < n; ++b) {
        T column[n][L];
#pragma unroll
        for (int a = 0; a < n; ++a) load(from + (a * n + b) * step, column[a]);
        apply_to_column<AT>(column, b, half);
    }
    T added[L];
    clear(added);
    if (bias) load(bias + k, added);
#pragma unroll
    for (int a = 0; a < M; ++a) {
        T row[M][L];
        apply_to_row<AT>(half[a], row);
        const int p = tile.p + a;
        T* to = y + (((long long)tile.n * g.P + p) * g.Q + tile.q) * g.K + k;
#pragma unroll
        for (int b = 0; b < M; ++b) {
#pragma unroll
            for (int lane = 0; lane < L; ++lane) {
                row[b][lane] += added[lane];
                if (rectify && row[b][lane] <= 0) row[b][lane] = 0;
            }
            if (p < g.P && tile.q + b < g.Q) store(to + (long long)b * g.K, row[b]);
        }
    }
}
