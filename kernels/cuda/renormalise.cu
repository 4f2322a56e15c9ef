// w[k] <- w[k] max_rms / rms[k] for every filter whose root mean square rms[k] is above max_rms.
//
// A block takes a filter: it sums the squares in float64, each thread its own in strides, then one
// half of the block's sums onto the other in shared memory, until one is left: always in the same
// order. If it is too large all threads scale the filter, which the first pass left in the cache.

const int THREADS = 256;

template <typename T>
__global__ void renormalise(T* __restrict__ w, double max_rms, long long size) {
    __shared__ double sums[THREADS];
    T* filter = w + blockIdx.x * size;
    double own = 0;
    for (long long i = threadIdx.x; i < size; i += THREADS) {
        const double value = filter[i];
        own += value * value;
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
