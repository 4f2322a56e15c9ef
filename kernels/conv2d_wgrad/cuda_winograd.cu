// Gradient of the weights by Winograd's F(M x M, 3 x 3): the two transforms that fprop does not
// have.
//
//     Y = A gy A^T      tiles of M x M pixels of gy  ->  (points, groups, tiles, K/groups)
//     gw = G^T W G      W (points, groups, K/groups, C/groups) = sum over tiles of Y^T V, cuBLAS's
//
// V is `transform_input` of conv2d/cuda_winograd.cu. Each matrix is the transpose of one of
// fprop: the trilinear form is the same (Lavin, Gray 2016). Limited by memory, as are fprop's.

#include "winograd.cuh"

// Y = A gy A^T of `tiles` tiles from tile `first` of the batch on: one thread for L filters of
// a tile. Pixels beyond P or Q count as 0, so they add nothing to W.
template <typename T, int M, int L>
__global__ void __launch_bounds__(128, 2) transform_gradient(
    const T* __restrict__ gy, T* __restrict__ Y, ConvGeometry g, long long first, int tiles) {
    using A = Transposed<typename Winograd<M>::AT>;
    constexpr int n = M + 2;
    const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (long long)tiles * (g.K / L)) return;
    const Place at = place_of<L>(int(i), g.K, g.groups);
    const Tile<M> tile(first + at.t, g);
    const int each = g.K / g.groups;
    const T* corner = gy + (((long long)tile.n * g.P + tile.p) * g.Q + tile.q) * g.K
                      + at.group * each + at.c;

    T half[n][M][L];  // A gy
#pragma unroll
    for (int b = 0; b < M; ++b) {
        T column[M][L];
#pragma unroll
        for (int a = 0; a < M; ++a) {
            clear(column[a]);
            if (tile.p + a < g.P && tile.q + b < g.Q)
                load(corner + ((long long)a * g.Q + b) * g.K, column[a]);
        }
        apply_to_column<A>(column, b, half);
    }
    const long long step = (long long)tiles * g.K;
    T* to = Y + ((long long)at.group * tiles + at.t) * each + at.c;
#pragma unroll
    for (int a = 0; a < n; ++a) {
        T row[n][L];
        apply_to_row<A>(half[a], row);
#pragma unroll
        for (int b = 0; b < n; ++b) store(to + (a * n + b) * step, row[b]);
    }
}

// gw (K,3,3,C/groups) = G^T W G: one thread for the taps of one filter and channel; neighbouring
// threads process neighbouring channels, in which both arrays are contiguous.
template <typename T, int M>
__global__ void __launch_bounds__(128) transform_weights(
    const T* __restrict__ W, T* __restrict__ gw, int channels, long long pairs) {
    using GT = Transposed<typename Winograd<M>::G>;
    constexpr int n = M + 2;
    const long long threads = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < pairs; i += threads) {
        const long long k = i / channels, c = i - k * channels;
        T half[3][n][1];  // G^T W
#pragma unroll
        for (int b = 0; b < n; ++b) {
            T column[n][1];
#pragma unroll
            for (int a = 0; a < n; ++a) column[a][0] = W[(a * n + b) * pairs + i];
            apply_to_column<GT>(column, b, half);
        }
        T* taps = gw + k * 9 * channels + c;
#pragma unroll
        for (int r = 0; r < 3; ++r) {
            T row[3][1];
            apply_to_row<GT>(half[r], row);
#pragma unroll
            for (int s = 0; s < 3; ++s) taps[(r * 3LL + s) * channels] = row[s][0];
        }
    }
}
