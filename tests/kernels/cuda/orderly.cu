// Kernels without a fault, one for each thing that the emulator does as a GPU does it.
#include "orderly.cuh"

__constant__ float WEIGHTS[4] = {1, 2, 4, 8};

// y[block] = the sum of its 256 elements: shuffles within a warp, shared memory across warps.
template <typename T>
__global__ void __launch_bounds__(256) sums(const T *__restrict__ x, T *__restrict__ y) {
  __shared__ T partial[8];
  T sum = of_a_warp(x[blockIdx.x * 256 + threadIdx.x]);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    sum = of_a_warp(threadIdx.x < 8 ? partial[threadIdx.x] : T(0));
    if (threadIdx.x == 0) y[blockIdx.x] = sum;
  }
}

// One warp reduces in shared memory, with a barrier of the warp between a step's reads and writes.
extern "C" __global__ void sums_by_a_warp(const float *x, float *y) {
  __shared__ volatile float row[32];
  int lane = threadIdx.x;
  row[lane] = x[lane];
  __syncwarp();
  for (int step = 16; step; step /= 2) {
    float other = row[lane ^ step];
    __syncwarp();
    row[lane] += other;
    __syncwarp();
  }
  y[lane] = row[lane];
}

// counts[v] += how often v stands in x: atomics on shared memory, then on global memory.
extern "C" __global__ void histogram(const int *x, unsigned long long *counts, long long n) {
  __shared__ unsigned here[16];
  if (threadIdx.x < 16) here[threadIdx.x] = 0;
  __syncthreads();
  for (long long i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
    atomicAdd(&here[x[i]], 1u);
  __syncthreads();
  if (threadIdx.x < 16) atomicAdd(&counts[threadIdx.x], (unsigned long long)here[threadIdx.x]);
}

// y = x with its rows of 4 n elements reversed, by 16-byte loads and dynamic shared memory.
extern "C" __global__ void reversed(const float *__restrict__ x, float *__restrict__ y, int n) {
  extern __shared__ __align__(16) float row[];
  auto from = reinterpret_cast<const float4 *>(x) + blockIdx.x * n;
  auto to = reinterpret_cast<float4 *>(y) + blockIdx.x * n;
  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    float4 v = __ldg(from + i);
    reinterpret_cast<float4 *>(row)[n - 1 - i] = make_float4(v.w, v.z, v.y, v.x);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) to[i] = reinterpret_cast<float4 *>(row)[i];
}

// What each lane gets from a ballot and from the four shuffles; a segment is 8 lanes.
extern "C" __global__ void lanes(int *y) {
  int lane = threadIdx.x;
  y[lane] = __ballot_sync(0xffffffffu, lane % 3 == 0);
  y[32 + lane] = __shfl_sync(0xffffffffu, lane, 3, 8);
  y[64 + lane] = __shfl_up_sync(0xffffffffu, lane, 1, 8);
  y[96 + lane] = __shfl_down_sync(0xffffffffu, lane, 2, 8);
  y[128 + lane] = __shfl_xor_sync(0xffffffffu, lane, 5);
  y[160 + lane] = __any_sync(0xffffffffu, lane == 31) + 2 * __all_sync(0xffffffffu, lane < 31);
}

// Barriers that also vote.
extern "C" __global__ void votes(int *y) {
  int t = threadIdx.x;
  int some = __syncthreads_or(t == 5), all = __syncthreads_and(t != 5);
  y[t] = __syncthreads_count(t < 10) + 100 * (some != 0) + 1000 * (all != 0);
}

// A struct by value, constant memory, a grid of three dimensions.
extern "C" __global__ void places(Shape shape, double scale, float *y) {
  int i = (blockIdx.z * shape.rows + blockIdx.y) * shape.columns + threadIdx.y * 2 + threadIdx.x;
  y[i] = WEIGHTS[threadIdx.y * 2 + threadIdx.x] + scale * (blockIdx.z * 10 + blockIdx.y);
}

// Bytes side by side, written by different threads: a word is not the unit.
extern "C" __global__ void bytes(unsigned char *y) {
  __shared__ unsigned char row[64];
  row[threadIdx.x] = threadIdx.x;
  __syncthreads();
  y[threadIdx.x] = row[63 - threadIdx.x];
}
