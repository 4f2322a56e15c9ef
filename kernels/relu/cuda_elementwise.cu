// Rectification: y = max(x, 0), element by element.
//
// A thread moves 16 bytes at a time, four floats or two doubles: a warp's load is then 512
// contiguous bytes. The remainder, up to three elements, is processed one by one. Limited by
// memory.

template <typename T> struct Vector;
template <> struct Vector<float> { typedef float4 type; };
template <> struct Vector<double> { typedef double2 type; };

// Not CUDA's max(x, 0), which returns 0 for NaN.
template <typename T> __device__ T rectified(T x) { return x <= T(0) ? T(0) : x; }

__device__ float4 rectified(float4 v) {
    return make_float4(rectified(v.x), rectified(v.y), rectified(v.z), rectified(v.w));
}

__device__ double2 rectified(double2 v) { return make_double2(rectified(v.x), rectified(v.y)); }

template <typename T>
__global__ void rectify(const T* __restrict__ x, T* __restrict__ y, long long count) {
    typedef typename Vector<T>::type V;
    const long long lanes = sizeof(V) / sizeof(T), vectors = count / lanes;
    const long long first = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    const long long stride = (long long)gridDim.x * blockDim.x;
    for (long long i = first; i < vectors; i += stride)
        reinterpret_cast<V*>(y)[i] = rectified(reinterpret_cast<const V*>(x)[i]);
    for (long long i = vectors * lanes + first; i < count; i += stride) y[i] = rectified(x[i]);
}
