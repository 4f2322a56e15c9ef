// Winograd's minimal filtering F(M x M, 3 x 3): its matrices and their application to tiles.
//
//     y = A^T [ (G w G^T) . (B^T d B) ] A     d: (M+2) x (M+2) pixels, w: 3 x 3 taps, y: M x M
//
// Along one axis, sum over i of gy[i] y[i] = sum over i, j of gy[i] w[j] d[i + j]: the inner
// product of d with the coefficients of the product of two polynomials, gy(t) w(t), of degree M +
// 1. Such a product is determined by its values at M + 1 points and its highest coefficient ("at
// infinity"). Each of these is one multiplication. A and G evaluate gy and w at the points; B
// interpolates. The same trilinear form gives y = A^T [(G w) . (B^T d)] and
// gw = G^T [(A gy) . (B^T d)] (Winograd, "Arithmetic Complexity of Computations", 1980; Lavin,
// Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, arXiv 1509.09308, section 4).
//
//     M = 4: points 0, 1, -1, 2, -2, infinity.   36 products for 144 of the definition: 1 / 4.
//     M = 2: points 0, 1, -1, infinity.          16 products for 36: 1 / 2.25.
//
// Point p's row of B^T: the coefficients of the product of (t - q) over the other points q; of G:
// 1, p, p^2 over that product's value at p; its column of A^T: 1, p, ... At infinity: the product
// of (t - q) over all points; the last tap; the last output.
//
// Larger tiles save more products, but the points' powers grow, and the error with them
// (`amplification` in kernels/winograd/toom_cook.py). kernels/cuda/winograd.py derives these
// matrices from the points, for the bound; a test checks that the two are equal.

#pragma once

#include "geometry.cuh"

template <int M> struct Winograd;

template <> struct Winograd<2> {
    struct BT {
        static constexpr int rows = 4, columns = 4;
        static __device__ constexpr double at(int i, int j) {
            constexpr double a[rows][columns] = {
                {-1, 0, 1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}};
            return a[i][j];
        }
    };
    struct G {
        static constexpr int rows = 4, columns = 3;
        static __device__ constexpr double at(int i, int j) {
            constexpr double a[rows][columns] = {
                {-1, 0, 0}, {1. / 2, 1. / 2, 1. / 2}, {1. / 2, -1. / 2, 1. / 2}, {0, 0, 1}};
            return a[i][j];
        }
    };
    struct AT {
        static constexpr int rows = 2, columns = 4;
        static __device__ constexpr double at(int i, int j) {
            constexpr double a[rows][columns] = {{1, 1, 1, 0}, {0, 1, -1, 1}};
            return a[i][j];
        }
    };
};

template <> struct Winograd<4> {
    struct BT {
        static constexpr int rows = 6, columns = 6;
        static __device__ constexpr double at(int i, int j) {
            constexpr double a[rows][columns] = {
                {4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
                {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
            return a[i][j];
        }
    };
    struct G {
        static constexpr int rows = 6, columns = 3;
        static __device__ constexpr double at(int i, int j) {
            constexpr double a[rows][columns] = {
                {1. / 4, 0, 0},           {-1. / 6, -1. / 6, -1. / 6}, {-1. / 6, 1. / 6, -1. / 6},
                {1. / 24, 1. / 12, 1. / 6}, {1. / 24, -1. / 12, 1. / 6}, {0, 0, 1}};
            return a[i][j];
        }
    };
    struct AT {
        static constexpr int rows = 4, columns = 6;
        static __device__ constexpr double at(int i, int j) {
            constexpr double a[rows][columns] = {
                {1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}};
            return a[i][j];
        }
    };
};

// The transpose of a matrix: the weights' gradient applies the transposes of A^T and G.
template <class A> struct Transposed {
    static constexpr int rows = A::columns, columns = A::rows;
    static __device__ constexpr double at(int i, int j) { return A::at(j, i); }
};

// to = A from. Both loops unroll, so every entry of A is an immediate operand. Products with 0 are
// left out explicitly; the compiler may not do that, since 0 times infinity is not 0.
template <class A, typename T>
__device__ __forceinline__ void apply(const T (&from)[A::columns], T (&to)[A::rows]) {
#pragma unroll
    for (int i = 0; i < A::rows; ++i) {
        T sum = 0;
        bool first = true;
#pragma unroll
        for (int j = 0; j < A::columns; ++j) {
            if (A::at(i, j) == 0) continue;
            const T term = T(A::at(i, j)) * from[j];
            sum = first ? term : sum + term;
            first = false;
        }
        to[i] = sum;
    }
}

// Column j of A a, for every lane, where a's column is `from`.
template <class A, typename T, int L, int COLUMNS>
__device__ __forceinline__ void apply_to_column(
    const T (&from)[A::columns][L], int j, T (&to)[A::rows][COLUMNS][L]) {
#pragma unroll
    for (int lane = 0; lane < L; ++lane) {
        T in[A::columns], out[A::rows];
#pragma unroll
        for (int i = 0; i < A::columns; ++i) in[i] = from[i][lane];
        apply<A>(in, out);
#pragma unroll
        for (int i = 0; i < A::rows; ++i) to[i][j][lane] = out[i];
    }
}

// A row of a A^T, for every lane.
template <class A, typename T, int L>
__device__ __forceinline__ void apply_to_row(
    const T (&from)[A::columns][L], T (&to)[A::rows][L]) {
#pragma unroll
    for (int lane = 0; lane < L; ++lane) {
        T in[A::columns], out[A::rows];
#pragma unroll
        for (int j = 0; j < A::columns; ++j) in[j] = from[j][lane];
        apply<A>(in, out);
#pragma unroll
        for (int j = 0; j < A::rows; ++j) to[j][lane] = out[j];
    }
}

// Load of neighbouring channels of a pixel: one, or as many as 16 bytes hold, by one instruction.
template <typename T>
__device__ __forceinline__ void load(const T* __restrict__ p, T (&v)[1]) { v[0] = *p; }

__device__ __forceinline__ void load(const float* __restrict__ p, float (&v)[4]) {
    const float4 all = *reinterpret_cast<const float4*>(p);
    v[0] = all.x, v[1] = all.y, v[2] = all.z, v[3] = all.w;
}

__device__ __forceinline__ void load(const double* __restrict__ p, double (&v)[2]) {
    const double2 all = *reinterpret_cast<const double2*>(p);
    v[0] = all.x, v[1] = all.y;
}

template <typename T>
__device__ __forceinline__ void store(T* __restrict__ p, const T (&v)[1]) { *p = v[0]; }

// Store that bypasses the L1 cache, since only other kernels read the result. It is an intrinsic,
// because the compiler splits the assignment of separately computed values into scalar stores.
__device__ __forceinline__ void store(float* __restrict__ p, const float (&v)[4]) {
    __stcg(reinterpret_cast<float4*>(p), make_float4(v[0], v[1], v[2], v[3]));
}

__device__ __forceinline__ void store(double* __restrict__ p, const double (&v)[2]) {
    __stcg(reinterpret_cast<double2*>(p), make_double2(v[0], v[1]));
}

template <typename T, int L> __device__ __forceinline__ void clear(T (&v)[L]) {
#pragma unroll
    for (int lane = 0; lane < L; ++lane) v[lane] = 0;
}

// The work of a thread: tile t of the chunk, L channels of one group, from its channel c on.
struct Place {
    int t, group, c;
};

template <int L> __device__ __forceinline__ Place place_of(int i, int channels, int groups) {
    const int all = channels / L, each = all / groups;
    const int t = i / all, rest = i - t * all;
    return {t, rest / each, rest % each * L};
}

// The image of a tile, and its first output pixel.
template <int M> struct Tile {
    int n, p, q;
    __device__ __forceinline__ Tile(long long tile, const ConvGeometry& g) {
        const int across = (g.Q + M - 1) / M, each = (g.P + M - 1) / M * across;
        n = int(tile / each);
        const int rest = int(tile - (long long)n * each);
        p = rest / across * M;
        q = rest % across * M;
    }
};
