// Local response normalisation with a pixel's channels staged in shared memory.
//
//     y_c = x_c / t_c^beta,   t_c = k + scale * sum of x_c'^2 over c' from c - before to c + after
//
// Each value is read from global memory once, and from shared memory by all windows that contain
// it. A thread processes channels blockDim.x apart, not four neighbouring ones: then the threads of
// a warp read neighbouring words, without bank conflicts. Limited by memory, or by shared memory
// for wide windows.

#include "planes.cuh"
#include "response.cuh"

template <typename T>
__global__ void normalise(const T* __restrict__ x, T* __restrict__ y, long long pixels, int C,
                          int before, int after, T k, T scale, T beta) {
    extern __shared__ double lines[];
    T* line = reinterpret_cast<T*>(lines) + threadIdx.y * C;
    each_group(pixels, [&](long long i, bool there) {
        const int channels = there ? C : 0;
        __syncthreads();  // no thread still reads the pixel before
        for (int c = threadIdx.x; c < channels; c += blockDim.x) line[c] = x[i * C + c];
        __syncthreads();
        for (int c = threadIdx.x; c < channels; c += blockDim.x) {
            const T t = response(line, C, c, before, after, k, scale);
            y[i * C + c] = line[c] / power(t, beta);
        }
    });
}
