// Tiled matrix product with register blocking and double buffering, for factors from any source.
//
//     sum[i][j] = sum over k of rows[i][k] columns[k][j]
//
// A block computes a tile of ROWS x COLUMNS sums; a thread holds TM x TN = 8 x 8 of them in
// registers (float; 8 x 4 in double). The sum over k is cut into slices of DEPTH terms. Each slice
// of the two factors is copied in three steps:
//
//     global memory -> registers     16 bytes a load if contiguous elements allow it
//     registers -> shared memory     as DEPTH lines, one for each k, whatever the order in memory
//     shared memory -> registers     16 bytes a load: 2 + 2 loads feed 64 multiply-adds
//
// There are two buffers in shared memory. While one is multiplied, the next slice is loaded into
// registers, and then stored into the other buffer. One barrier a slice is enough: every thread
// that read the other buffer has passed the barrier before.
//
// The sums of a tile are added in order of k, one fused multiply-add a term, for every tile size
// and load width. So the choice among them does not change a bit of the result.
//
// Source: Volkov, Demmel, "Benchmarking GPUs to Tune Dense Linear Algebra", SC 2008 (register
// blocking); Nath, Tomov, Dongarra, "An Improved MAGMA GEMM for Fermi GPUs", 2010 (two buffers).
// 2 ROWS COLUMNS operations for ROWS + COLUMNS elements loaded: with 128 x 128, 32 operations per
// byte of float; limited by the multiply-adds if there are enough blocks.

#pragma once

constexpr int DEPTH = 8;

template <typename T> struct Vector;
template <> struct Vector<float> { using type = float4; };
template <> struct Vector<double> { using type = double2; };

template <typename T> constexpr int LANES = 16 / sizeof(T);

// A tile: TM x TN sums per thread, DOWN x ACROSS threads.
template <typename T_, int ROWS_, int COLUMNS_> struct Tile {
    using T = T_;
    static constexpr int ROWS = ROWS_, COLUMNS = COLUMNS_;
    static constexpr int TM = 8, TN = sizeof(T) == 4 && COLUMNS > 16 ? 8 : 4;
    static constexpr int DOWN = ROWS / TM, ACROSS = COLUMNS / TN;
    static constexpr int THREADS = DOWN * ACROSS;
    // Blocks that share the 65536 registers of a multiprocessor.
    static constexpr int RESIDENT = THREADS == 256 ? 2 : THREADS == 128 ? 3 : 4;
};

// A line of a slice in shared memory, padded by one vector that is never read. The padding avoids
// bank conflicts: threads that store 8 terms of 4 lines at once, or 2 vectors of 16, use each of
// the 32 banks once.
template <typename T, int SIZE> using Line = T[SIZE + LANES<T>];

// The sums that a thread holds. A warp is 4 x 8 threads (8 x 4 of a narrow tile), so that it reads
// few different vectors of either factor. A thread's 8 rows are two vectors of 4, half a tile
// apart: with 8 adjacent rows, neighbouring threads would read every other vector, from half of the
// banks.
template <class Tile> struct Place {
    int down, across;

    __device__ Place() {
        constexpr int WARP = Tile::ACROSS < 8 ? Tile::ACROSS : 8, HIGH = 32 / WARP;
        const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
        down = warp / (Tile::ACROSS / WARP) * HIGH + lane / WARP;
        across = warp % (Tile::ACROSS / WARP) * WARP + lane % WARP;
    }
    __device__ int row(int i) const { return at(i, down, Tile::DOWN); }
    __device__ int column(int j) const { return at(j, across, Tile::ACROSS); }

    static __device__ int at(int i, int thread, int threads) {
        constexpr int V = LANES<typename Tile::T>;
        return (i / V * threads + thread) * V + i % V;
    }
};

// WIDTH elements from global memory in one load; zeros unless `there`.
template <int WIDTH, typename T>
__device__ __forceinline__ void fetch(const T* from, bool there, T* to) {
    if constexpr (WIDTH == 1) {
        *to = there ? *from : T(0);
    } else {
        using V = typename Vector<T>::type;
        *reinterpret_cast<V*>(to) = there ? *reinterpret_cast<const V*>(from) : V{};
    }
}

// A thread's registers of a slice of a factor that is contiguous along k (the channels of x, a
// filter). A thread loads WIDTH consecutive k of several of the SIZE rows (or columns). The slice
// is transposed on its way into shared memory: there is one line for each k.
template <class Tile, int SIZE, int WIDTH> struct Along {
    using T = typename Tile::T;
    static constexpr int THREADS = DEPTH / WIDTH;  // along k
    static constexpr int STEP = Tile::THREADS / THREADS;
    static constexpr int COUNT = SIZE / STEP;
    static_assert(COUNT * STEP == SIZE, "every element of a slice has one thread");
    alignas(16) T staged[COUNT][WIDTH];

    static __device__ int k() { return threadIdx.x % THREADS * WIDTH; }
    static __device__ int line(int i) { return threadIdx.x / THREADS + i * STEP; }

    __device__ __forceinline__ void store(Line<T, SIZE>* slice) const {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
#pragma unroll
            for (int j = 0; j < WIDTH; j++) slice[k() + j][line(i)] = staged[i][j];
        }
    }
};

// The same for a factor that is contiguous across k (a pixel's filters, in a sum over pixels): a
// thread loads WIDTH consecutive elements of a line, for several k. They are stored in that order.
template <class Tile, int SIZE, int WIDTH> struct Across {
    using T = typename Tile::T;
    static constexpr int THREADS = SIZE / WIDTH;  // along a line
    static constexpr int STEP = Tile::THREADS / THREADS;
    static constexpr int COUNT = DEPTH / STEP;
    static_assert(COUNT * STEP == DEPTH, "every element of a slice has one thread");
    alignas(16) T staged[COUNT][WIDTH];

    static __device__ int line() { return threadIdx.x % THREADS * WIDTH; }
    static __device__ int k(int i) { return threadIdx.x / THREADS + i * STEP; }

    __device__ __forceinline__ void store(Line<T, SIZE>* slice) const {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            if constexpr (WIDTH == 1) {
                slice[k(i)][line()] = staged[i][0];
            } else {
                using V = typename Vector<T>::type;
                *reinterpret_cast<V*>(&slice[k(i)][line()]) =
                    *reinterpret_cast<const V*>(staged[i]);
            }
        }
    }
};

// The COUNT elements of a line that belong to thread `thread` of `threads` (see Place).
template <int COUNT, typename T>
__device__ __forceinline__ void fragment(const T* line, int thread, int threads, T* to) {
    using V = typename Vector<T>::type;
#pragma unroll
    for (int i = 0; i < COUNT / LANES<T>; i++) {
        *reinterpret_cast<V*>(to + i * LANES<T>) =
            *reinterpret_cast<const V*>(line + (i * threads + thread) * LANES<T>);
    }
}

template <class Tile> using Sums = typename Tile::T[Tile::TM][Tile::TN];

template <class Tile> __device__ __forceinline__ void clear(Sums<Tile>& sum) {
#pragma unroll
    for (int i = 0; i < Tile::TM; i++) {
#pragma unroll
        for (int j = 0; j < Tile::TN; j++) sum[i][j] = 0;
    }
}

// sum += a slice of rows times a slice of columns.
template <class Tile, typename T = typename Tile::T>
__device__ __forceinline__ void multiply_slices(
    const Line<T, Tile::ROWS>* rows, const Line<T, Tile::COLUMNS>* columns,
    const Place<Tile>& place, Sums<Tile>& sum) {
#ifndef EMULATOR  // on a GPU the loads of a k overlap the products before; g++ gains nothing
#pragma unroll
#endif
    for (int k = 0; k < DEPTH; k++) {
        alignas(16) T a[Tile::TM];
        alignas(16) T b[Tile::TN];
        fragment<Tile::TM>(rows[k], place.down, Tile::DOWN, a);
        fragment<Tile::TN>(columns[k], place.across, Tile::ACROSS, b);
#pragma unroll
        for (int i = 0; i < Tile::TM; i++) {
#pragma unroll
            for (int j = 0; j < Tile::TN; j++) sum[i][j] += a[i] * b[j];
        }
    }
}

// sum = the product of all slices. `rows` and `columns` derive from Along or Across and add
// `load()`, which loads the next slice into `staged`, zeros past the end. Every thread of the block
// must call this with the same number of slices, at least one.
template <class Tile, class Rows, class Columns>
__device__ __forceinline__ void multiply(
    Rows& rows, Columns& columns, int slices, const Place<Tile>& place, Sums<Tile>& sum) {
    using T = typename Tile::T;
    __shared__ __align__(16) Line<T, Tile::ROWS> row_slices[2][DEPTH];
    __shared__ __align__(16) Line<T, Tile::COLUMNS> column_slices[2][DEPTH];
    clear<Tile>(sum);
    rows.load();
    columns.load();
    rows.store(row_slices[0]);
    columns.store(column_slices[0]);
    __syncthreads();
    int now = 0;
    for (int left = slices - 1; left > 0; left--) {
        rows.load();
        columns.load();
        multiply_slices<Tile>(row_slices[now], column_slices[now], place, sum);
        now ^= 1;
        rows.store(row_slices[now]);
        columns.store(column_slices[now]);
        __syncthreads();
    }
    multiply_slices<Tile>(row_slices[now], column_slices[now], place, sum);
}

// Write a tile. `at(row)`: the address of a row, or null past the end. `count`: the number of
// columns in the matrix. `whole`: every row is a whole number of vectors at an aligned address.
// `finish(sum, column)`: the value to write.
template <class Tile, class At, class Finish>
__device__ __forceinline__ void write(
    const Sums<Tile>& sum, const Place<Tile>& place, int count, bool whole, At at, Finish finish) {
    using T = typename Tile::T;
    using V = typename Vector<T>::type;
#pragma unroll
    for (int i = 0; i < Tile::TM; i++) {
        T* row = at(place.row(i));
        if (!row) continue;
#pragma unroll
        for (int j = 0; j < Tile::TN; j += LANES<T>) {
            const int column = place.column(j);
            alignas(16) T values[LANES<T>];
#pragma unroll
            for (int v = 0; v < LANES<T>; v++) {
                values[v] = column + v < count ? finish(sum[i][j + v], column + v) : T(0);
            }
            if (whole && column < count) {
                *reinterpret_cast<V*>(row + column) = *reinterpret_cast<const V*>(values);
                continue;
            }
#pragma unroll
            for (int v = 0; v < LANES<T>; v++) {
                if (column + v < count) row[column + v] = values[v];
            }
        }
    }
}
