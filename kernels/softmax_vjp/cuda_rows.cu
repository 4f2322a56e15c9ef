// Gradient of the softmax of rows: gx = y (gy - the sum of gy y), one block for each row.
//
// Each thread takes every THREADS-th element; the products are added in float64 in a fixed order.

#include "sums.cuh"

const int THREADS = 128;

template <typename T>
__global__ void softmax_vjp(const T* __restrict__ gy, const T* __restrict__ y, T* __restrict__ gx,
                            long long rows, int N) {
    for (long long row = blockIdx.x; row < rows; row += gridDim.x) {
        const long long at = row * N;
        double sum = 0;
        for (int i = threadIdx.x; i < N; i += THREADS)
            sum += (double)gy[at + i] * (double)y[at + i];
        const T along = T(over_block(sum));
        for (int i = threadIdx.x; i < N; i += THREADS) gx[at + i] = y[at + i] * (gy[at + i] - along);
    }
}
