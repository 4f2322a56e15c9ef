// Transposed convolution as a matrix product of which neither factor is written out.
//
//     gx[(n h w), c] = sum over (r s k) of windows[(n h w), (r s k)] w[k, r, s, c]
//
// A tap r of filter w takes pixel h to row p of gy where p stride + r dilation = h + pad. With a
// stride above 1 that has a solution for some taps alone, and which ones depends on h mod stride. So
// the pixels h = a, a + stride, ... are a phase of their own: they share their taps, the taps are
// evenly spaced, and so are the pixels of gy. Each phase is a product of dense matrices, a stride-1
// convolution of gy, and no product with a zero between pixels is computed or skipped: testing each
// tap of each pixel for divisibility instead would leave stride^2 - 1 of stride^2 loads without
// anything to load, and the multiply-adds that they feed.
//
// A block computes a tile of one phase's pixels by channels of one group. gy runs along k in memory
// and is turned on its way into shared memory, w runs along c and stays as it is (tiles.cuh). Memory
// is channels-last: gy (N,P,Q,K), w (K,R,S,C/groups), gx (N,H,W,C).
//
// 2 N K P Q C/groups R S operations; limited by the multiply-adds, and where C is small, by columns
// of a tile that there are no channels for.

#include "geometry.cuh"
#include "tiles.cuh"
#include "implicit_windows.cuh"

// The pixels a, a + stride, ... of an axis, and the taps that meet them: number j of them is tap
// first_tap + j tap_step, and takes pixel number u to place u + origin - j apart of gy.
struct Phase {
    int pixels, taps, first_tap, tap_step, origin, apart;
};

__device__ inline Phase phase_of(int a, int size, int taps, int stride, int pad, int dilation) {
    Phase phase = {a < size ? (size - a - 1) / stride + 1 : 0, 0, 0, 1, 0, 0};
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

// Weights as places c of a line, `first` on: k runs over the phase's terms (r s k).
template <class Tile, int WIDTH> struct Taps : Across<Tile, Tile::COLUMNS, WIDTH> {
    using Base = Across<Tile, Tile::COLUMNS, WIDTH>;
    using T = typename Tile::T;
    const T* from;
    int R, S, C, K;
    int row, column;   // from one of the phase's taps to the next
    int down, across;  // how many of them
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

// Phase z of the pixels, row by row of stride_h x stride_w.
__device__ inline Phase phase_down(const ConvGeometry& g) {
    const int a = blockIdx.z / g.stride_w;
    return phase_of(a, g.H, g.R, g.stride_h, g.pad_top, g.dilation_h);
}
__device__ inline Phase phase_right(const ConvGeometry& g) {
    const int b = blockIdx.z % g.stride_w;
    return phase_of(b, g.W, g.S, g.stride_w, g.pad_left, g.dilation_w);
}

// The sums of a tile, of pixels from `first` on.
template <class Tile, int ALONG_K, int ALONG_C, typename T = typename Tile::T>
__device__ __forceinline__ void sum_tile(
    const T* gy, const T* w, const ConvGeometry& g, int C, int K, long long first, int column,
    const Place<Tile>& place, Sums<Tile>& sum) {
    const Phase down = phase_down(g), right = phase_right(g);
    const long long pixels = (long long)g.N * down.pixels * right.pixels;
    const int terms = down.taps * right.taps * K;
    if (first >= pixels || terms == 0) {
        clear<Tile>(sum);
        return;
    }
    const ImplicitWindows windows = {
        g.P, g.Q, g.K, K, down.pixels, right.pixels, down.taps, right.taps,
        1, 1, down.origin, right.origin, -down.apart, -right.apart};
    WindowLines<Tile, Tile::ROWS, ALONG_K> rows(gy + blockIdx.y * K, windows, first, pixels);
    Taps<Tile, ALONG_C> columns(
        w + (long long)blockIdx.y * K * g.R * g.S * C + column, C - column, down, right, C, K, g);
    multiply(rows, columns, (terms + DEPTH - 1) / DEPTH, place, sum);
}

// Block (x, y, z): tile x / column_tiles of rows and x % column_tiles of columns, the faster, so that
// blocks side by side read the same windows; group y; phase z. C, K: of a group.
template <typename T, int ROWS, int COLUMNS, int ALONG_K, int ALONG_C>
__global__ void __launch_bounds__(Tile<T, ROWS, COLUMNS>::THREADS, Tile<T, ROWS, COLUMNS>::RESIDENT)
    dgrad(const T* __restrict__ gy, const T* __restrict__ w, T* __restrict__ gx, ConvGeometry g,
          int C, int K, int column_tiles) {
    using Tiling = Tile<T, ROWS, COLUMNS>;
    const long long first = (long long)(blockIdx.x / column_tiles) * ROWS;
    const int column = blockIdx.x % column_tiles * COLUMNS;  // of the group's channels
    const Place<Tiling> place;
    Sums<Tiling> sum;
    sum_tile<Tiling, ALONG_K, ALONG_C>(gy, w, g, C, K, first, column, place, sum);

    // Found again, rather than kept in registers through the loop.
    const Phase down = phase_down(g), right = phase_right(g);
    const int plane = down.pixels * right.pixels, image = (int)(first / plane);
    const int rest = (int)(first - (long long)image * plane);
    T* corner = gx + ((long long)image * g.H * g.W * g.C + blockIdx.y * C + column);
    write(
        sum, place, C - column, C % LANES<T> == 0,
        [&](int row) -> T* {
            const Digits at = Digits::of(rest + row, down.pixels, right.pixels);
            const int h = blockIdx.z / g.stride_w + at.b * g.stride_h;
            const int w = blockIdx.z % g.stride_w + at.c * g.stride_w;
            if (image + at.a >= g.N) return nullptr;
            return corner + (((long long)at.a * g.H + h) * g.W + w) * g.C;
        },
        [&](T value, int) { return value; });
}
