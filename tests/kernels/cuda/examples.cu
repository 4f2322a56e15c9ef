// Kernels whose machine code is known from their source: what the report says of them is tested.

constexpr int TILE = 64, DEPTH = 8;

// y = a b for one tile: a (DEPTH slices, TILE), b likewise. 16 x 16 threads, 4 x 4 sums each. Per
// slice of 8 terms: 8 (4 x 4) = 128 multiply-adds, 8 x 2 loads of 16 bytes from shared memory.
template <typename T>
__global__ void product(const T* __restrict__ a, const T* __restrict__ b, T* __restrict__ y,
                        int slices) {
    __shared__ __align__(16) T rows[2][DEPTH * TILE];
    __shared__ __align__(16) T columns[2][DEPTH * TILE];
    const int at = threadIdx.x * 2, down = threadIdx.x / 16 * 4, across = threadIdx.x % 16 * 4;
    T sum[4][4] = {};
    for (int slice = 0; slice < slices; slice++) {
        const int now = slice % 2;
        for (int i = 0; i < 2; i++) {
            rows[now][at + i] = a[slice * DEPTH * TILE + at + i];
            columns[now][at + i] = b[slice * DEPTH * TILE + at + i];
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            T left[4], right[4];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                left[i] = rows[now][k * TILE + down + i];
                right[i] = columns[now][k * TILE + across + i];
            }
#pragma unroll
            for (int i = 0; i < 4; i++) {
#pragma unroll
                for (int j = 0; j < 4; j++) sum[i][j] += left[i] * right[j];
            }
        }
    }
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) y[(down + i) * TILE + across + j] = sum[i][j];
    }
}

// One load and one store, both of a T, nothing else that touches memory.
template <typename T>
__global__ void copy(const T* __restrict__ x, T* __restrict__ y, long long count) {
    const long long step = (long long)gridDim.x * blockDim.x;
#pragma unroll 1
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
        y[i] = x[i];
    }
}

// The outer loop has 5 multiply-adds of its own after the inner one, which has 2.
extern "C" __global__ void nested(const float* __restrict__ x, float* __restrict__ y, int n) {
#pragma unroll 1
    for (int i = 0; i < n; i++) {
        float sum = 0;
#pragma unroll 1
        for (int j = 0; j < n; j++) sum = (sum * x[i] + x[j]) * x[j] + x[i];
#pragma unroll
        for (int k = 0; k < 5; k++) sum = sum * x[k] + x[k + 5];
        y[i] = sum;
    }
}

// The inner loop only adds; the quotient behind it takes multiply-adds.
extern "C" __global__ void average(const float* __restrict__ x, float* __restrict__ y, int n) {
#pragma unroll 1
    for (int i = 0; i < n; i++) {
        float sum = 0;
#pragma unroll 1
        for (int j = 0; j < n; j++) sum += x[i + j];
        y[i] = sum / y[i];
    }
}

// 64 values in the 32 registers of a thread that two blocks of 1024 leave it.
extern "C" __global__ void __launch_bounds__(1024, 2)
    crowded(const float* __restrict__ x, float* __restrict__ y, int n) {
    float a[64];
#pragma unroll
    for (int i = 0; i < 64; i++) a[i] = x[i * n + threadIdx.x];
#pragma unroll 1
    for (int k = 0; k < n; k++) {
#pragma unroll
        for (int i = 0; i < 64; i++) a[i] = a[i] * a[(i + 7) % 64] + x[k];
    }
#pragma unroll
    for (int i = 0; i < 64; i++) y[i * n + threadIdx.x] = a[i];
}

// An array of 400 bytes that is indexed by what only the data say: in memory, but not for want of
// registers.
extern "C" __global__ void indexed(const int* __restrict__ x, float* __restrict__ y, int n) {
    float a[100] = {};
    for (int i = 0; i < n; i++) a[x[i] % 100] += i;
    for (int i = 0; i < n; i++) y[i] = a[x[n + i] % 100];
}

__device__ __noinline__ float polynomial(const float* __restrict__ x, int n) {
    float sum = 0;
#pragma unroll 1
    for (int i = 0; i < n; i++) sum = sum * x[i] + 1;
    return sum;
}

// Its only loop is in a function that is called.
extern "C" __global__ void calling(const float* __restrict__ x, float* __restrict__ y, int n) {
    y[threadIdx.x] = polynomial(x + threadIdx.x, n) * 2;
}

extern "C" __global__ void straight(const float* __restrict__ x, float* __restrict__ y) {
    y[threadIdx.x] = x[threadIdx.x] * x[0] + x[1];
}
