// Shared part of local response normalisation and its gradient: t_c and its power, at one channel
// of a pixel with contiguous channels in global or shared memory.

#pragma once

// k + scale times the sum of the squares from `before` channels below c to `after` above. Summed
// anew for each channel: a running sum would keep the rounding error of a large square that has
// left.
template <typename T>
__device__ __forceinline__ T response(const T* x, int C, int c, int before, int after, T k,
                                      T scale) {
    const int last = min(c + after, C - 1);
    T sum = 0;
    for (int i = max(c - before, 0); i <= last; i++) sum += x[i] * x[i];
    return k + scale * sum;
}

// t^beta; the usual beta = 3/4 is two square roots, which are much faster than `pow`.
template <typename T> __device__ __forceinline__ T power(T t, T beta) {
    if (beta != T(0.75)) return pow(t, beta);
    const T root = sqrt(t);
    return root * sqrt(root);
}
