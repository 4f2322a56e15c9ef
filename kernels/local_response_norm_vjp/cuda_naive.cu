// Gradient of local response normalisation by its definition: one thread per element.
//
//     gx_c = gy_c / t_c^beta + slope x_c sum of r_c' over c' from c - after to c + before
//     r_c = gy_c x_c / t_c^(beta + 1)
//
// The windows that contain c are centred on the channels of the mirrored window. A thread computes
// r of all of them: size^2 squares and size powers per element, which its neighbours compute too,
// and which limit it.

#include "planes.cuh"
#include "response.cuh"

template <typename T>
__global__ void gradient(const T* __restrict__ gy, const T* __restrict__ x, T* __restrict__ gx,
                         long long rows, int W, int C, int before, int after, T slope, T k,
                         T scale, T beta) {
    each_pixel<1>(rows, W, C, [&](long long row, int w, int c) {
        const long long first = (row * W + w) * C;
        const T* pixel = x + first;
        const int last = min(c + before, C - 1);
        T sum = 0;
        for (int i = max(c - after, 0); i <= last; i++) {
            const T t = response(pixel, C, i, before, after, k, scale);
            sum += gy[first + i] * pixel[i] / (power(t, beta) * t);
        }
        const T t = response(pixel, C, c, before, after, k, scale);
        gx[first + c] = gy[first + c] / power(t, beta) + slope * pixel[c] * sum;
    });
}
