// Bias and ReLU in one pass over a result, in place: y[m, k] = max(y[m, k] + bias[k], 0).
//
// y is a matrix (M,K): pixels by filters, channels-last. Two kernels would read and write y twice.
// One addition per element: limited by memory. A thread moves 16 bytes per step if K is a multiple of
// their elements (float4, double2), else one element.

// A sum that is not above 0 becomes 0, but NaN stays NaN: it is not below 0 either.
template <typename T>
__device__ T finish(T sum, int rectify) {
    return rectify && sum <= T(0) ? T(0) : sum;
}

__device__ inline float finished(float y, float bias, int rectify) {
    return finish(y + bias, rectify);
}
__device__ inline double finished(double y, double bias, int rectify) {
    return finish(y + bias, rectify);
}
__device__ inline float4 finished(float4 y, float4 bias, int rectify) {
    return {finish(y.x + bias.x, rectify), finish(y.y + bias.y, rectify),
            finish(y.z + bias.z, rectify), finish(y.w + bias.w, rectify)};
}
__device__ inline double2 finished(double2 y, double2 bias, int rectify) {
    return {finish(y.x + bias.x, rectify), finish(y.y + bias.y, rectify)};
}

// `count` and K are in units of V; bias may be null. Each step of the grid-stride loop advances
// k by the same amount, so one 64-bit remainder per thread is enough.
template <typename V>
__global__ void epilogue(V* __restrict__ y, const V* __restrict__ bias, int K, long long count,
                         int rectify) {
    const long long start = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    const long long step = (long long)gridDim.x * blockDim.x;
    const int on = (int)(step % K);
    int k = (int)(start % K);
    for (long long i = start; i < count; i += step) {
        y[i] = finished(y[i], bias ? bias[k] : V{}, rectify);
        k = k < K - on ? k + on : k - (K - on);
    }
}
