// Gradient of local response normalisation with a pixel's channels staged in shared memory.
//
//     gx_c = gy_c / t_c^beta + slope x_c sum of r_c' over c' from c - after to c + before
//     r_c = gy_c x_c / t_c^(beta + 1)
//
// Three lines of C values per pixel: x, r, and the first term of the sum. So t and its power are
// computed once per channel, and each array is read once. Limited by memory, or by shared memory for
// wide windows.

#include "planes.cuh"
#include "response.cuh"

// The sum of r over the windows that contain channel c.
template <typename T>
__device__ __forceinline__ T mirrored_sum(const T* r, int C, int c, int before, int after) {
    const int last = min(c + before, C - 1);
    T sum = 0;
    for (int i = max(c - after, 0); i <= last; i++) sum += r[i];
    return sum;
}

template <typename T>
__global__ void gradient(const T* __restrict__ gy, const T* __restrict__ x, T* __restrict__ gx,
                         long long pixels, int C, int before, int after, T slope, T k, T scale,
                         T beta) {
    extern __shared__ double lines[];
    T* line = reinterpret_cast<T*>(lines) + 3 * threadIdx.y * C;
    T* r = line + C;
    T* term = r + C;
    each_group(pixels, [&](long long i, bool there) {
        const int channels = there ? C : 0;
        // Other threads may still read r of the pixel before; r is written after the next barrier.
        for (int c = threadIdx.x; c < channels; c += blockDim.x) line[c] = x[i * C + c];
        __syncthreads();
        for (int c = threadIdx.x; c < channels; c += blockDim.x) {
            const T t = response(line, C, c, before, after, k, scale);
            const T divisor = power(t, beta), gradient = gy[i * C + c];
            r[c] = gradient * line[c] / (divisor * t);
            term[c] = gradient / divisor;
        }
        __syncthreads();
        for (int c = threadIdx.x; c < channels; c += blockDim.x) {
            const T sum = mirrored_sum(r, C, c, before, after);
            gx[i * C + c] = term[c] + slope * line[c] * sum;
        }
    });
}
