// w[k] <- w[k] max_rms / rms[k] for every filter whose root mean square rms[k] is above max_rms.
//
// One block for each filter. Each thread adds squares in float64 in a strided loop; a tree reduction
// in shared memory adds these sums. This order is the CPU's, and each product and sum is rounded by
// itself, so that both give the same bits: the compiler would contract `a * b + c` to one rounding.
// If the rms is too large all threads scale the filter, which is in the cache after the first pass.

const int THREADS = 256;

template <typename T>
__global__ void renormalise(T* __restrict__ w, double max_rms, long long size) {
    __shared__ double sums[THREADS];
    T* filter = w + blockIdx.x * size;
    double own = 0;
    for (long long i = threadIdx.x; i < size; i += THREADS) {
        const double value = filter[i];
        own = __dadd_rn(own, __dmul_rn(value, value));
    }
    sums[threadIdx.x] = own;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
        __syncthreads();
    }
    const double rms = sqrt(sums[0] / (double)size);
    if (!(rms > max_rms)) return;  // (a NaN is left as it is)
    const T factor = (T)(max_rms / rms);
    for (long long i = threadIdx.x; i < size; i += THREADS) filter[i] *= factor;
}
