// Gradient of group normalisation of x (N,L,C), one block for each group of a sample:
//
//     gx = s (gy - mean(gy) - z mean(gy z)),    z = (x - mean) s
//
// A group's elements are `width` contiguous channels of each of L positions; neighbouring threads
// take neighbouring channels. Both means are float64 sums in a fixed order.

#include "sums.cuh"

const int THREADS = 128;

template <typename T>
__global__ void group_norm_vjp(const T* __restrict__ gy, const T* __restrict__ x,
                               const double* __restrict__ mean, const double* __restrict__ scale,
                               T* __restrict__ gx, long long N, long long L, int groups,
                               int width) {
    const long long count = L * width, C = (long long)groups * width;
    for (long long group = blockIdx.x; group < N * groups; group += gridDim.x) {
        const long long at = group / groups * L * C + group % groups * width;
        const double centre = mean[group], factor = scale[group];
        double sum = 0, products = 0;
        for (long long i = threadIdx.x; i < count; i += THREADS) {
            const long long place = at + i / width * C + i % width;
            sum += (double)gy[place];
            products += (double)gy[place] * ((double)x[place] - centre);
        }
        const T plain = (T)(over_block(sum) / count);
        const T along = (T)(over_block(products) / count * factor);
        const T m = (T)centre, s = (T)factor;
        for (long long i = threadIdx.x; i < count; i += THREADS) {
            const long long place = at + i / width * C + i % width;
            gx[place] = s * ((gy[place] - plain) - (x[place] - m) * s * along);
        }
    }
}
