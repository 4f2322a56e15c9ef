// Error function, element by element: neighbouring threads have neighbouring elements, so that a
// warp's loads and stores are contiguous. Limited by memory in float32.

__device__ float error_function(float x) { return erff(x); }
__device__ double error_function(double x) { return erf(x); }

template <typename T>
__global__ void erf_each(const T* __restrict__ x, T* __restrict__ y, long long count) {
    const long long first = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    const long long stride = (long long)gridDim.x * blockDim.x;
    for (long long i = first; i < count; i += stride) y[i] = error_function(x[i]);
}
