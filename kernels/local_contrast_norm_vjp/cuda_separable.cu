// Gradient of local contrast normalisation, in five kernels.
//
//     sums     over the channels of each pixel: of gy, of gy v and of v = x - m
//     roots    d, and the gradient of sigma^2 from that of d, which is -(sum of gy v) / d^2
//     slopes   a = 2/C blur^T of that, and the sum over channels of the gradient of v
//     shifts   b = 1/C blur^T of that
//     combine  gx = gy / d + a v - b
//
// blur^T divides by the coverage first and applies the same symmetric window. gy, x and gx are
// channels-last; all intermediate values are maps (N,H,W) of float64. Limited by memory if float64
// runs at half of float32's rate.

#include "contrast.cuh"
#include "planes.cuh"

struct Sums {
    double gy, gy_v, v;
};

// Sums over this thread's channels.
template <typename T, int V>
__device__ __forceinline__ Sums channel_sums(const T* __restrict__ gy, const T* __restrict__ x,
                                             double centre, int C) {
    Sums sums = {};
    for (int c = V * threadIdx.x; c < C; c += V * blockDim.x) {
        const Lanes<T, V> gradients = load<V>(gy + c), values = load<V>(x + c);
#pragma unroll
        for (int v = 0; v < V; v++) {
            const double gradient = gradients.at[v], away = values.at[v] - centre;
            sums.gy += gradient;
            sums.gy_v += gradient * away;
            sums.v += away;
        }
    }
    return sums;
}

template <typename T, int V>
__global__ void sums(const T* __restrict__ gy, const T* __restrict__ x,
                     const double* __restrict__ m, double* __restrict__ gy_sum,
                     double* __restrict__ gy_v_sum, double* __restrict__ v_sum, long long pixels,
                     int C) {
    each_group(pixels, [&](long long i, bool there) {
        const Sums own = channel_sums<T, V>(gy + i * C, x + i * C, there ? m[i] : 0, there ? C : 0);
        const double first = over_neighbours(own.gy, blockDim.x);
        const double second = over_neighbours(own.gy_v, blockDim.x);
        const double third = over_neighbours(own.v, blockDim.x);
        if (there && threadIdx.x == 0) {
            gy_sum[i] = first;
            gy_v_sum[i] = second;
            v_sum[i] = third;
        }
    });
}

// One sample: its deviations sigma, and its divisors d as in the forward pass.
struct Sample {
    const double* sigma;
    double c, floor;

    __device__ double divisor(int i) const { return larger(sigma[i], larger(c, floor)); }
    // At ties sigma wins over c, and c over the floor.
    __device__ bool sigma_wins(int i) const { return sigma[i] >= larger(c, floor); }
    __device__ bool c_wins(int i) const { return !sigma_wins(i) && c >= floor; }
};

// One block per sample. Where sigma is the largest, the gradient of d is that of sigma at the same
// position; where c is, it is spread evenly over the sample. gy_v_sum is overwritten by the
// gradient of sigma^2 divided by the coverage, which is 0 where sigma is 0.
extern "C" __global__ void roots(const double* __restrict__ sigma,
                                 const double* __restrict__ coverage,
                                 double* __restrict__ gy_v_sum, double* __restrict__ d,
                                 int samples, int pixels, double floor) {
    for (long long n = blockIdx.x; n < samples; n += gridDim.x) {
        const double* its = sigma + n * pixels;
        double* gradient = gy_v_sum + n * pixels;
        const Sample sample = {its, sample_mean(its, pixels), floor};
        double to_c = 0;
        for (int i = threadIdx.x; i < pixels; i += blockDim.x) {
            const double divisor = sample.divisor(i);
            d[n * pixels + i] = divisor;
            gradient[i] = -gradient[i] / divisor / divisor;
            if (sample.c_wins(i)) to_c += gradient[i];
        }
        to_c = over_block(to_c) / pixels;
        for (int i = threadIdx.x; i < pixels; i += blockDim.x) {
            const double to_sigma = (sample.sigma_wins(i) ? gradient[i] : 0) + to_c;
            const double squared = its[i] != 0 ? to_sigma / (2 * its[i]) : 0;
            gradient[i] = coverage ? squared / coverage[i] : squared;
        }
    }
}

// gy_sum is overwritten by the sum over channels of gy / d + a v, divided by the coverage.
extern "C" __global__ void slopes(const double* __restrict__ squared,
                                  const double* __restrict__ window,
                                  const double* __restrict__ coverage,
                                  const double* __restrict__ d, const double* __restrict__ v_sum,
                                  double* __restrict__ gy_sum, double* __restrict__ a, Map map,
                                  int C) {
    const long long pixels = (long long)map.H * map.W;
    each_windowed(squared, window, map, [&](long long i, double sum) {
        a[i] = 2. / C * sum;
        const double gradient = gy_sum[i] / d[i] + a[i] * v_sum[i];
        gy_sum[i] = coverage ? gradient / coverage[i % pixels] : gradient;
    });
}

extern "C" __global__ void shifts(const double* __restrict__ gradient,
                                  const double* __restrict__ window, double* __restrict__ b,
                                  Map map, int C) {
    each_windowed(gradient, window, map, [&](long long i, double sum) { b[i] = sum / C; });
}

template <typename T, int V>
__global__ void combine(const T* __restrict__ gy, const T* __restrict__ x,
                        const double* __restrict__ m, const double* __restrict__ d,
                        const double* __restrict__ a, const double* __restrict__ b,
                        T* __restrict__ gx, long long rows, int W, int C) {
    each_pixel<V>(rows, W, C, [&](long long row, int w, int c) {
        const long long i = row * W + w, at = i * C + c;
        const double centre = m[i], factor = 1 / d[i], slope = a[i], shift = b[i];
        const Lanes<T, V> gradients = load<V>(gy + at), values = load<V>(x + at);
        Lanes<T, V> result;
#pragma unroll
        for (int v = 0; v < V; v++)
            result.at[v] = (T)(gradients.at[v] * factor + slope * (values.at[v] - centre) - shift);
        store(gx + at, result);
    });
}
