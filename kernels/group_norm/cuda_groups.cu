// Group normalisation of x (N,L,C): y = (x - mean) / sqrt(variance + eps) weight + bias, one block
// for each group of a sample.
//
// A group's elements are `width` contiguous channels of each of L positions; neighbouring threads
// take neighbouring channels. The mean and then the squares are float64 sums in a fixed order; the
// second and third loop find the group in the cache, if it fits.

#include "sums.cuh"

const int THREADS = 128;

// Rounded by itself, so that no compiler contracts it with the sum that follows.
__device__ float rounded_product(float a, float b) { return __fmul_rn(a, b); }
__device__ double rounded_product(double a, double b) { return __dmul_rn(a, b); }

template <typename T>
__global__ void group_norm(const T* __restrict__ x, T* __restrict__ y, const T* __restrict__ weight,
                           const T* __restrict__ bias, double* __restrict__ mean,
                           double* __restrict__ scale, long long N, long long L, int groups,
                           int width, double eps) {
    const long long count = L * width, C = (long long)groups * width;
    for (long long group = blockIdx.x; group < N * groups; group += gridDim.x) {
        const int channel = (int)(group % groups) * width;
        const long long at = group / groups * L * C + channel;
        double sum = 0, squares = 0;
        for (long long i = threadIdx.x; i < count; i += THREADS)
            sum += (double)x[at + i / width * C + i % width];
        const double centre = over_block(sum) / count;
        for (long long i = threadIdx.x; i < count; i += THREADS) {
            const double off = (double)x[at + i / width * C + i % width] - centre;
            squares += off * off;
        }
        const double factor = 1 / sqrt(over_block(squares) / count + eps);
        const T m = (T)centre, s = (T)factor;
        for (long long i = threadIdx.x; i < count; i += THREADS) {
            const long long place = at + i / width * C + i % width;
            const int c = channel + (int)(i % width);
            T value = (x[place] - m) * s;
            if (weight) value = rounded_product(value, weight[c]);
            if (bias) value += bias[c];
            y[place] = value;
        }
        if (threadIdx.x == 0) {
            mean[group] = centre;
            scale[group] = factor;
        }
    }
}
