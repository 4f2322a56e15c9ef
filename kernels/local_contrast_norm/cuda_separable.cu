// Local contrast normalisation with two separable blurs of maps, in five kernels.
//
//     moments     mean and variance over the channels of each pixel
//     centres     m = blur(mean), and the mean square about m from the variance
//     deviations  sigma = sqrt(blur(variance))
//     divisors    d = max(mean of sigma over the sample, sigma, floor)
//     normalise   y = (x - m) / d
//
// x and y are channels-last; all intermediate values are maps (N,H,W) of float64. Only the first
// and the last kernel access as many values as x has.

#include "contrast.cuh"
#include "planes.cuh"

// The sum of value(x) over this thread's channels, in float64.
template <typename T, int V, typename Value>
__device__ __forceinline__ double channel_sum(const T* __restrict__ pixel, int C, Value value) {
    double sum = 0;
    for (int c = V * threadIdx.x; c < C; c += V * blockDim.x) {
        const Lanes<T, V> x = load<V>(pixel + c);
#pragma unroll
        for (int v = 0; v < V; v++) sum += value((double)x.at[v]);
    }
    return sum;
}

// The variance needs the mean first: the mean of squares less the squared mean would cancel if
// values differ little. The second read of x comes from the cache.
template <typename T, int V>
__global__ void moments(const T* __restrict__ x, double* __restrict__ mean,
                        double* __restrict__ variance, long long pixels, int C) {
    each_group(pixels, [&](long long i, bool there) {
        const int channels = there ? C : 0;
        double sum = channel_sum<T, V>(x + i * C, channels, [](double v) { return v; });
        const double centre = over_neighbours(sum, blockDim.x) / C;
        sum = channel_sum<T, V>(x + i * C, channels,
                                [=](double v) { return (v - centre) * (v - centre); });
        const double squares = over_neighbours(sum, blockDim.x);
        if (there && threadIdx.x == 0) {
            mean[i] = centre;
            variance[i] = squares / C;
        }
    });
}

// coverage (H,W): the divisor of a blur; null with border "zero".
__device__ __forceinline__ double corrected(double sum, const double* __restrict__ coverage,
                                            long long pixel) {
    return coverage ? sum / coverage[pixel] : sum;
}

extern "C" __global__ void centres(const double* __restrict__ mean,
                                   const double* __restrict__ window,
                                   const double* __restrict__ coverage,
                                   double* __restrict__ variance, double* __restrict__ m,
                                   Map map) {
    const long long pixels = (long long)map.H * map.W;
    each_windowed(mean, window, map, [&](long long i, double sum) {
        m[i] = corrected(sum, coverage, i % pixels);
        variance[i] += (mean[i] - m[i]) * (mean[i] - m[i]);
    });
}

// A sigma not above the rounding error of a flat region counts as 0.
extern "C" __global__ void deviations(const double* __restrict__ variance,
                                      const double* __restrict__ window,
                                      const double* __restrict__ coverage,
                                      const double* __restrict__ m, double* __restrict__ sigma,
                                      Map map, double rounding) {
    const long long pixels = (long long)map.H * map.W;
    each_windowed(variance, window, map, [&](long long i, double sum) {
        const double root = sqrt(corrected(sum, coverage, i % pixels));
        sigma[i] = root <= rounding * fabs(m[i]) ? 0 : root;
    });
}

// One block per sample.
extern "C" __global__ void divisors(const double* __restrict__ sigma, double* __restrict__ d,
                                    int samples, int pixels, double floor) {
    for (long long n = blockIdx.x; n < samples; n += gridDim.x) {
        const double* its = sigma + n * pixels;
        const double least = larger(sample_mean(its, pixels), floor);
        for (int i = threadIdx.x; i < pixels; i += blockDim.x)
            d[n * pixels + i] = larger(its[i], least);
    }
}

template <typename T, int V>
__global__ void normalise(const T* __restrict__ x, const double* __restrict__ m,
                          const double* __restrict__ d, T* __restrict__ y, long long rows, int W,
                          int C) {
    each_pixel<V>(rows, W, C, [&](long long row, int w, int c) {
        const long long i = row * W + w;
        const double centre = m[i], factor = 1 / d[i];
        Lanes<T, V> values = load<V>(x + i * C + c);
#pragma unroll
        for (int v = 0; v < V; v++) values.at[v] = (T)(((double)values.at[v] - centre) * factor);
        store(y + i * C + c, values);
    });
}
