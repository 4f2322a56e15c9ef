// Softmax of rows: y = e^(x - max) / (the sum of e^(x - max)), one block for each row.
//
// Each thread takes every THREADS-th element. Its maximum, and then its float64 sum, is combined in a
// tree of fixed order in shared memory, so that the bits are the same on every run. A NaN becomes
// the maximum, and with it every element of its row.

#include "elementary.cuh"
#include "sums.cuh"

const int THREADS = 128;

template <typename T> __device__ T larger(T a, T b) { return a > b || a != a ? a : b; }

template <typename T>
__global__ void softmax(const T* __restrict__ x, T* __restrict__ y, long long rows, int N) {
    __shared__ T most[THREADS];
    for (long long row = blockIdx.x; row < rows; row += gridDim.x) {
        const T* from = x + row * N;
        T own = from[0];
        for (int i = threadIdx.x; i < N; i += THREADS) own = larger(own, from[i]);
        __syncthreads();  // no thread still reads the maximum of an earlier row
        most[threadIdx.x] = own;
        __syncthreads();
        for (int half = THREADS / 2; half > 0; half /= 2) {
            if (threadIdx.x < half)
                most[threadIdx.x] = larger(most[threadIdx.x], most[threadIdx.x + half]);
            __syncthreads();
        }
        double sum = 0;
        for (int i = threadIdx.x; i < N; i += THREADS) {
            const T power = exponential(from[i] - most[0]);
            y[row * N + i] = power;
            sum += power;
        }
        const T factor = T(1.0 / over_block(sum));
        for (int i = threadIdx.x; i < N; i += THREADS) y[row * N + i] *= factor;
    }
}
