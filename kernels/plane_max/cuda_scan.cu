// values (N,C) and places (N,C) of the maxima over the pixels of x (N,count,C); of equals the first.
//
// A thread takes a plane. It compares with `>`, as the CPU does: a NaN is never larger, and nothing
// is larger than a NaN in the first place.

template <typename T>
__global__ void scan(const T* __restrict__ x, T* __restrict__ values, int* __restrict__ places,
                     long long N, long long count, long long C) {
    const long long stride = (long long)gridDim.x * blockDim.x;
    const long long planes = N * C;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < planes; i += stride) {
        const T* plane = x + i / C * count * C + i % C;
        T best = plane[0];
        int place = 0;
        for (long long pixel = 1; pixel < count; pixel++) {
            const T value = plane[pixel * C];
            if (value > best) {
                best = value;
                place = (int)pixel;
            }
        }
        values[i] = best;
        places[i] = place;
    }
}
