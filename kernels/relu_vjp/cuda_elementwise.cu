// Gradient of rectification: gx = 0 where x <= 0, else gy.
//
// 16 bytes at a time, as in relu/cuda_elementwise.cu, and the remainder one by one. Limited by
// memory.

template <typename T> struct Vector;
template <> struct Vector<float> { typedef float4 type; };
template <> struct Vector<double> { typedef double2 type; };

// A NaN in x is not below 0 or 0, so gx is gy there, as relu is NaN.
template <typename T> __device__ T masked(T gy, T x) { return x <= T(0) ? T(0) : gy; }

__device__ float4 masked(float4 gy, float4 x) {
    return make_float4(masked(gy.x, x.x), masked(gy.y, x.y), masked(gy.z, x.z), masked(gy.w, x.w));
}

__device__ double2 masked(double2 gy, double2 x) {
    return make_double2(masked(gy.x, x.x), masked(gy.y, x.y));
}

template <typename T>
__global__ void mask(const T* __restrict__ gy, const T* __restrict__ x, T* __restrict__ gx,
                     long long count) {
    typedef typename Vector<T>::type V;
    const long long lanes = sizeof(V) / sizeof(T), vectors = count / lanes;
    const long long first = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    const long long stride = (long long)gridDim.x * blockDim.x;
    for (long long i = first; i < vectors; i += stride)
        reinterpret_cast<V*>(gx)[i] =
            masked(reinterpret_cast<const V*>(gy)[i], reinterpret_cast<const V*>(x)[i]);
    for (long long i = vectors * lanes + first; i < count; i += stride) gx[i] = masked(gy[i], x[i]);
}
