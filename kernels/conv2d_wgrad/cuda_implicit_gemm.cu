// Gradient of the weights as an implicit matrix product with a split sum (split-K).
//
//     gw[k, (r s c)] = sum over (n p q) of gy[(n p q), k] windows[(n p q), (r s c)]
//
// A block computes a tile of filters by terms (r s c) of one group. Both factors are
// contiguous across the sum and are stored into shared memory in that order (tiles.cuh); windows
// are read directly from x (implicit_windows.cuh). Memory is channels-last: x (N,H,W,C), gy
// (N,P,Q,K), gw (K,R,S,C/groups).
//
// The sum over all pixels of a batch is long and the result small: a layer has fewer tiles than a
// GPU has multiprocessors. So the pixels are cut into parts; a block sums one part of one tile, and
// a second kernel adds the parts in order. The number of parts depends on the geometry alone, not
// on the device: the same geometry gives the same bits everywhere.
//
// 2 N K P Q C/groups R S operations and K C/groups R S elements per part; limited by the
// multiply-adds.

#include "geometry.cuh"
#include "tiles.cuh"
#include "implicit_windows.cuh"

// Filters of gy as elements of a line, from its first one on: k is the index of `remain` pixels.
template <class Tile, int WIDTH> struct Gradients : Across<Tile, Tile::ROWS, WIDTH> {
    using Base = Across<Tile, Tile::ROWS, WIDTH>;
    using T = typename Tile::T;
    const T* from;
    int pixel;  // elements from one pixel to the next
    bool exists;
    int remain;

    __device__ Gradients(const T* gy, int pixel, int count, int pixels)
        : from(gy + (long long)Base::k(0) * pixel + Base::line()), pixel(pixel),
          exists(Base::line() < count), remain(pixels - Base::k(0)) {}

    __device__ __forceinline__ void load() {
#pragma unroll
        for (int i = 0; i < Base::COUNT; i++) {
            fetch<WIDTH>(from, exists && remain > 0, this->staged[i]);
            from += (long long)Base::STEP * pixel;
            remain -= Base::STEP;
        }
    }
};

// Block (x, y, z): tile x / column_tiles of rows and x % column_tiles of columns, group y, part z
// of `each` pixels, which is written to sums + z K C/groups R S. C, K: of a group.
template <typename T, int ROWS, int COLUMNS, int ALONG_K, int ALONG_C>
__global__ void __launch_bounds__(Tile<T, ROWS, COLUMNS>::THREADS, Tile<T, ROWS, COLUMNS>::RESIDENT)
    wgrad(const T* __restrict__ x, const T* __restrict__ gy, T* __restrict__ sums, ConvGeometry g,
          int C, int K, int column_tiles, int each) {
    using Tiling = Tile<T, ROWS, COLUMNS>;
    const int terms = g.R * g.S * C;
    const int filter = blockIdx.x / column_tiles * ROWS;     // of the group's
    const int column = blockIdx.x % column_tiles * COLUMNS;  // of a filter's terms
    const long long first = (long long)blockIdx.z * each;
    const long long rest = (long long)g.N * g.P * g.Q - first;
    const int count = (int)(rest < each ? rest : each);

    const ImplicitWindows windows = {
        g.H, g.W, g.C, C, g.P, g.Q, g.R, g.S,
        g.stride_h, g.stride_w, -g.pad_top, -g.pad_left, g.dilation_h, g.dilation_w};
    Gradients<Tiling, ALONG_K> rows(
        gy + first * g.K + blockIdx.y * K + filter, g.K, K - filter, count);
    WindowTerms<Tiling, COLUMNS, ALONG_C> columns(
        x + blockIdx.y * C, windows, column, first, count);
    const Place<Tiling> place;
    Sums<Tiling> sum;
    multiply(rows, columns, (count + DEPTH - 1) / DEPTH, place, sum);

    T* corner = sums + ((long long)blockIdx.z * g.K + blockIdx.y * K + filter) * terms + column;
    write(
        sum, place, terms - column, terms % LANES<T> == 0,
        [&](int row) { return row < K - filter ? corner + (long long)row * terms : nullptr; },
        [&](T value, int) { return value; });
}

// gw = the sum of the parts, in order; `count` elements each.
template <typename T>
__global__ void add_parts(const T* __restrict__ sums, T* __restrict__ gw, long long count,
                          int parts) {
    const long long step = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
        T total = sums[i];
        for (int part = 1; part < parts; part++) total += sums[part * count + i];
        gw[i] = total;
    }
}
