// Local response normalisation by its definition: one thread per element. The simplest kernel.
//
//     y_c = x_c / t_c^beta,   t_c = k + scale * sum of x_c'^2 over c' from c - before to c + after

#include "planes.cuh"
#include "response.cuh"

template <typename T>
__global__ void normalise(const T* __restrict__ x, T* __restrict__ y, long long rows, int W, int C,
                          int before, int after, T k, T scale, T beta) {
    each_pixel<1>(rows, W, C, [&](long long row, int w, int c) {
        const T* pixel = x + (row * W + w) * C;
        const T t = response(pixel, C, c, before, after, k, scale);
        y[(row * W + w) * C + c] = pixel[c] / power(t, beta);
    });
}
