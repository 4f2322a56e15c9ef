// Transposed convolution as implicit matrix products, one for each phase of the pixels.
//
//     gx[(n h w), c] = sum over (r s k) of windows[(n h w), (r s k)] w[k, r, s, c]
//
// Tap r of a filter pairs pixel h with row p of gy where p stride + r dilation = h + pad. With a
// stride above 1 that has a solution only for some taps, which depend on h mod stride. So the
// pixels h = a, a + stride, ... form a phase: they share their taps, and these taps and the pixels
// of gy are evenly spaced. Each phase is a product of dense matrices, a stride-1 convolution of gy;
// no product with a zero between pixels is computed or skipped. Testing each tap of each pixel for
// divisibility instead would waste stride^2 - 1 of stride^2 loads, and their multiply-adds.
//
// A block computes a tile of one phase's pixels by channels of one group. gy is contiguous along
// k and is transposed on its way into shared memory; w is contiguous along c and is not
// (tiles.cuh). Memory is channels-last: gy (N,P,Q,K), w (K,R,S,C/groups), gx (N,H,W,C).
//
// 2 N K P Q C/groups R S operations; limited by the multiply-adds, and if C is small by the empty
// columns of a tile.

#include "geometry.cuh"
#include "tiles.cuh"
#include "implicit_windows.cuh"

// The number of pixels a, a + stride, ... of an axis of `size`; none if a is not below the size.
__device__ inline int pixels_of(int a, int size, int stride) {
    return a < size ? (size - a - 1) / stride + 1 : 0;
}

// The taps of these pixels: number j is tap first_tap + j tap_step, and pairs pixel number u with
// row u + origin - j apart of gy.
struct Phase {
    int taps, first_tap, tap_step, origin, apart;
};

__device__ inline Phase phase_of(int a, int taps, int stride, int pad, int dilation) {
    Phase phase = {0, 0, 1, 0, 0};
    for (int r = 0; r < taps; r++) {
        if ((a + pad - r * dilation) % stride != 0) continue;
        if (phase.taps == 0) phase.first_tap = r;
        if (phase.taps == 1) phase.tap_step = r - phase.first_tap;
        phase.taps++;
    }
    phase.origin = (a + pad - phase.first_tap * dilation) / stride;
    phase.apart = phase.tap_step * dilation / stride;
    return phase;
}

// Weights as elements c of a line, from `first` on: k is the index of the phase's terms (r s k).
template <class Tile, int WIDTH> struct Taps : Across<Tile, Tile::COLUMNS, WIDTH> {
    using Base = Across<Tile, Tile::COLUMNS, WIDTH>;
    using T = typename Tile::T;
    const T* from;
    int R, S, C, K;
    int row, column;   // from one of the phase's taps to the next
    int down, across;  // their numbers
    bool exists;
    Digits term, step;

    __device__ Taps(const T* w, int count, const Phase& down, const Phase& right, int C, int K,
                    const ConvGeometry& g)
        : R(g.R), S(g.S), C(C), K(K), row(down.tap_step), column(right.tap_step),
          down(down.taps), across(right.taps) {
        from = w + (long long)(down.first_tap * S + right.first_tap) * C + Base::line();
        exists = Base::line() < count;
        term = Digits::of(Base::k(0), across, K);
        step = Digits::of(Base::STEP, across, K);
    }

    __device__ __forceinline__ void load() {
#pragma unroll
        for (int i = 0; i < Base::COUNT; i++) {
            const int tap = (term.c * R + term.a * row) * S + term.b * column;
            fetch<WIDTH>(from + (long long)tap * C, exists && term.a < down, this->staged[i]);
            term.add(step, across, K);
        }
    }
};

// sum = the tile of phase (a, b) that begins at number `first` of the phase's U x V pixels.
template <class Tile, int ALONG_K, int ALONG_C, typename T = typename Tile::T>
__device__ __forceinline__ void sum_tile(
    const T* gy, const T* w, const ConvGeometry& g, int C, int K, int a, int b, int U, int V,
    long long first, int column, const Place<Tile>& place, Sums<Tile>& sum) {
    const Phase down = phase_of(a, g.R, g.stride_h, g.pad_top, g.dilation_h);
    const Phase right = phase_of(b, g.S, g.stride_w, g.pad_left, g.dilation_w);
    const int terms = down.taps * right.taps * K;
    if (terms == 0) {
        clear<Tile>(sum);
        return;
    }
    const ImplicitWindows windows = {
        g.P, g.Q, g.K, K, U, V, down.taps, right.taps,
        1, 1, down.origin, right.origin, -down.apart, -right.apart};
    WindowLines<Tile, Tile::ROWS, ALONG_K> rows(
        gy + blockIdx.y * K, windows, first, (long long)g.N * U * V);
    Taps<Tile, ALONG_C> columns(
        w + (long long)blockIdx.y * K * g.R * g.S * C + column, C - column, down, right, C, K, g);
    multiply(rows, columns, (terms + DEPTH - 1) / DEPTH, place, sum);
}

// Block (x, y, z): tile x / column_tiles of rows and x % column_tiles of columns; columns vary
// faster, so that neighbouring blocks read the same windows; group y; phase z, row by row of
// stride_h x stride_w. C, K: of a group.
template <typename T, int ROWS, int COLUMNS, int ALONG_K, int ALONG_C>
__global__ void __launch_bounds__(Tile<T, ROWS, COLUMNS>::THREADS, Tile<T, ROWS, COLUMNS>::RESIDENT)
    dgrad(const T* __restrict__ gy, const T* __restrict__ w, T* __restrict__ gx, ConvGeometry g,
          int C, int K, int column_tiles) {
    using Tiling = Tile<T, ROWS, COLUMNS>;
    const int a = blockIdx.z / g.stride_w, b = blockIdx.z % g.stride_w;
    const int U = pixels_of(a, g.H, g.stride_h), V = pixels_of(b, g.W, g.stride_w);
    const long long first = (long long)(blockIdx.x / column_tiles) * ROWS;
    if (first >= (long long)g.N * U * V) return;  // whole block: phases differ in size

    const int column = blockIdx.x % column_tiles * COLUMNS;  // of the group's channels
    const Place<Tiling> place;
    Sums<Tiling> sum;
    sum_tile<Tiling, ALONG_K, ALONG_C>(gy, w, g, C, K, a, b, U, V, first, column, place, sum);

    const int image = (int)(first / (U * V)), rest = (int)(first - (long long)image * U * V);
    T* corner = gx + ((long long)image * g.H * g.W * g.C + blockIdx.y * C + column);
    write(
        sum, place, C - column, C % LANES<T> == 0,
        [&](int row) -> T* {
            const Digits at = Digits::of(rest + row, U, V);
            const int h = a + at.b * g.stride_h, w = b + at.c * g.stride_w;
            if (image + at.a >= g.N) return nullptr;
            return corner + (((long long)at.a * g.H + h) * g.W + w) * g.C;
        },
        [&](T value, int) { return value; });
}
