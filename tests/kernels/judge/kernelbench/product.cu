// Product of two matrices by tiles of shared memory. Wrong: a barrier is missing.
#include <cuda_runtime.h>

template <int TILE>
__global__ void product(const float *a, const float *b, float *y, int M, int K, int N) {
  __shared__ float left[TILE][TILE], right[TILE][TILE + 1];
  const int m = blockIdx.y * TILE + threadIdx.y, n = blockIdx.x * TILE + threadIdx.x;
  float sum = 0;
  for (int first = 0; first < K; first += TILE) {
    const int k = first + threadIdx.x, l = first + threadIdx.y;
    left[threadIdx.y][threadIdx.x] = m < M && k < K ? a[m * K + k] : 0;
    right[threadIdx.y][threadIdx.x] = l < K && n < N ? b[l * N + n] : 0;
    __syncthreads();
    for (int i = 0; i < TILE; i++) sum += left[threadIdx.y][i] * right[i][threadIdx.x];
#ifndef WRONG
    __syncthreads();
#endif
  }
  if (m < M && n < N) y[m * N + n] = sum;
}

extern "C" void solve(const float *a, const float *b, float *y) {
  const int M = 12, K = 40, N = 9, TILE = 8;
  dim3 grid((N + TILE - 1) / TILE, (M + TILE - 1) / TILE);
  product<TILE><<<grid, dim3(TILE, TILE)>>>(a, b, y, M, K, N);
}
