// Gradient descent with momentum, element by element: three arrays are read once, two written.
//
//     v <- momentum v + g + decay w
//     w <- w - lr v
//
// Each product and sum is rounded by itself, as on the CPU, so that both give the same bits for the
// same gradients: the compiler would contract `a * b + c` to one rounding. The pass is bound by
// memory, so the extra instructions cost nothing. A thread moves 16 bytes of each array at a time.
//
// Matrices of unlike order, one row-major and another column-major, are processed in tiles of
// 32 x 8: a warp reads 32 contiguous elements of a row-major one, and the 8 warps of a block together
// read whole 32-byte sectors of a column-major one, of which L1 keeps what is not yet used. Arrays
// that are not aligned to 16 bytes are treated the same way, as a matrix of one row.

__device__ float times(float a, float b) { return __fmul_rn(a, b); }
__device__ double times(double a, double b) { return __dmul_rn(a, b); }
__device__ float plus(float a, float b) { return __fadd_rn(a, b); }
__device__ double plus(double a, double b) { return __dadd_rn(a, b); }

template <typename T> struct Vector;
template <> struct Vector<float> { typedef float4 type; };
template <> struct Vector<double> { typedef double2 type; };

template <typename T>
__device__ void one(T* w, T* v, T g, T lr, T momentum, T decay) {
    // Without decay an infinite w must not make 0 times infinity.
    *v = plus(plus(times(momentum, *v), g), decay != T(0) ? times(decay, *w) : decay);
    *w = plus(*w, -times(lr, *v));
}

template <typename T>
__global__ void descend(T* __restrict__ w, T* __restrict__ v, const T* __restrict__ g, T lr,
                        T momentum, T decay, long long count) {
    typedef typename Vector<T>::type V;
    const int lanes = sizeof(V) / sizeof(T);
    const long long vectors = count / lanes;
    const long long first = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    const long long stride = (long long)gridDim.x * blockDim.x;
    for (long long i = first; i < vectors; i += stride) {
        V ws = reinterpret_cast<V*>(w)[i], vs = reinterpret_cast<V*>(v)[i];
        const V gs = reinterpret_cast<const V*>(g)[i];
#pragma unroll
        for (int lane = 0; lane < lanes; lane++)
            one(reinterpret_cast<T*>(&ws) + lane, reinterpret_cast<T*>(&vs) + lane,
                reinterpret_cast<const T*>(&gs)[lane], lr, momentum, decay);
        reinterpret_cast<V*>(w)[i] = ws;
        reinterpret_cast<V*>(v)[i] = vs;
    }
    for (long long i = vectors * lanes + first; i < count; i += stride)
        one(w + i, v + i, g[i], lr, momentum, decay);
}

struct Matrices { long long M, N, w_row, w_column, v_row, v_column, g_row, g_column; };

template <typename T>
__global__ void descend_tiles(T* __restrict__ w, T* __restrict__ v, const T* __restrict__ g, T lr,
                              T momentum, T decay, Matrices s) {
    const long long rows = (long long)gridDim.y * blockDim.y;
    const long long columns = (long long)gridDim.x * blockDim.x;
    for (long long m = (long long)blockIdx.y * blockDim.y + threadIdx.y; m < s.M; m += rows)
        for (long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x; n < s.N; n += columns)
            one(w + m * s.w_row + n * s.w_column, v + m * s.v_row + n * s.v_column,
                g[m * s.g_row + n * s.g_column], lr, momentum, decay);
}
