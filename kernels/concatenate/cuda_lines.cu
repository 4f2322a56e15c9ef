// x (NHW,C) into the columns of y (NHW,K) from `first` on.
//
// A thread moves V, one value or 16 bytes of them; sizes are counted in V.

template <typename V>
__global__ void place(const V* __restrict__ x, V* __restrict__ y, long long count, long long C,
                      long long K, long long first) {
    const long long stride = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride)
        y[i / C * K + first + i % C] = x[i];
}
