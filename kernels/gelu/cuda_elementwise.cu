// Gaussian error linear unit, x (1 + erf(x / sqrt(2))) / 2, element by element: neighbouring
// threads have neighbouring elements, so that a warp's loads and stores are contiguous. Limited by
// memory in float32.

__device__ float normal(float x) { return 0.5f * (1.0f + erff(x * 0.70710678118654752f)); }
__device__ double normal(double x) { return 0.5 * (1.0 + erf(x * 0.70710678118654752)); }

template <typename T>
__global__ void gelu_each(const T* __restrict__ x, T* __restrict__ y, long long count) {
    const long long first = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    const long long stride = (long long)gridDim.x * blockDim.x;
    for (long long i = first; i < count; i += stride) y[i] = x[i] * normal(x[i]);
}
