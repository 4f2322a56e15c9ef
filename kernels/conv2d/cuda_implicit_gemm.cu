// Convolution as an implicit matrix product: the windows are never stored.
//
//     y[(n p q), k] = bias[k] + sum over (r s c) of windows[(n p q), (r s c)] w[k, (r s c)]
//
// A block computes a tile of pixels by filters of one group. Both factors are contiguous along
// (r s c) and are transposed on their way into shared memory (tiles.cuh). Windows are read directly
// from x (implicit_windows.cuh). Memory is channels-last: x (N,H,W,C), w (K,R,S,C/groups),
// y (N,P,Q,K).
//
// 2 N K P Q C/groups R S operations. A pixel is read once for each tap that covers it and each tile
// of filters, mostly from the L2 cache; limited by the multiply-adds.

#include "geometry.cuh"
#include "tiles.cuh"
#include "implicit_windows.cuh"

// Filters as lines of a slice, from `first` on.
template <class Tile, int WIDTH> struct Filters : Along<Tile, Tile::COLUMNS, WIDTH> {
    using Base = Along<Tile, Tile::COLUMNS, WIDTH>;
    using T = typename Tile::T;
    const T* from;
    int count, terms, k;

    __device__ Filters(const T* w, int count, int terms)
        : from(w + Base::k() + (long long)Base::line(0) * terms),
          count(count - Base::line(0)), terms(terms), k(Base::k()) {}

    __device__ __forceinline__ void load() {
        const T* line = from;
#pragma unroll
        for (int i = 0; i < Base::COUNT; i++) {
            const bool there = k < terms && i * Base::STEP < count;
            fetch<WIDTH>(line, there, this->staged[i]);
            line += (long long)Base::STEP * terms;
        }
        from += DEPTH;
        k += DEPTH;
    }
};

// Block (x, y): tile x / column_tiles of rows and x % column_tiles of columns; columns vary faster,
// so that neighbouring blocks read the same windows; group y. C, K: of a group.
template <typename T, int ROWS, int COLUMNS, int ALONG>
__global__ void __launch_bounds__(Tile<T, ROWS, COLUMNS>::THREADS, Tile<T, ROWS, COLUMNS>::RESIDENT)
    fprop(const T* __restrict__ x, const T* __restrict__ w, const T* __restrict__ bias,
          T* __restrict__ y, ConvGeometry g, int C, int K, int column_tiles, int rectify) {
    using Tiling = Tile<T, ROWS, COLUMNS>;
    const long long first = (long long)(blockIdx.x / column_tiles) * ROWS;
    const long long pixels = (long long)g.N * g.P * g.Q;
    const int column = blockIdx.x % column_tiles * COLUMNS;  // of the group's filters
    const int filter = blockIdx.y * K + column, terms = g.R * g.S * C;

    const ImplicitWindows windows = {
        g.H, g.W, g.C, C, g.P, g.Q, g.R, g.S,
        g.stride_h, g.stride_w, -g.pad_top, -g.pad_left, g.dilation_h, g.dilation_w};
    WindowLines<Tiling, ROWS, ALONG> rows(x + blockIdx.y * C, windows, first, pixels);
    Filters<Tiling, ALONG> columns(w + (long long)filter * terms, K - column, terms);
    const Place<Tiling> place;
    Sums<Tiling> sum;
    multiply(rows, columns, (terms + DEPTH - 1) / DEPTH, place, sum);

    T* corner = y + first * g.K + filter;
    write(
        sum, place, K - column, K % LANES<T> == 0,
        [&](int row) { return first + row < pixels ? corner + (long long)row * g.K : nullptr; },
        [&](T value, int j) {
            if (bias) value += bias[filter + j];
            return rectify && value <= T(0) ? T(0) : value;
        });
}
