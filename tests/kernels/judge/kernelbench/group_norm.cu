// Normalisation over two groups, then SiLU: sums over a block by shuffles. Wrong: the sums of the
// second warp are left out.
#include <cuda_runtime.h>

__device__ float warp_sum(float v) {
  for (int d = 16; d > 0; d /= 2) v += __shfl_down_sync(0xffffffffu, v, d);
  return v;
}

__device__ float block_sum(float v, float *parts) {
  const int lane = threadIdx.x % warpSize, warp = threadIdx.x / warpSize;
  v = warp_sum(v);
  __syncthreads();
  if (lane == 0) parts[warp] = v;
  __syncthreads();
#ifdef WRONG
  return parts[0];
#else
  return parts[0] + parts[1];
#endif
}

__global__ void normalise(const float *x, const float *gain, const float *bias, float *y, int C,
                          int plane, int size) {
  __shared__ float parts[2];
  const float *from = x + blockIdx.x * size;
  float sum = 0, square = 0;
  for (int i = threadIdx.x; i < size; i += blockDim.x) sum += from[i];
  const float mean = block_sum(sum, parts) / size;
  for (int i = threadIdx.x; i < size; i += blockDim.x)
    square += (from[i] - mean) * (from[i] - mean);
  const float scale = rsqrtf(block_sum(square, parts) / size + 1e-5f);
  for (int i = threadIdx.x; i < size; i += blockDim.x) {
    const int c = (blockIdx.x * size + i) / plane % C;
    const float v = (from[i] - mean) * scale * gain[c] + bias[c];
    y[blockIdx.x * size + i] = v / (1 + expf(-v));
  }
}

extern "C" void solve(const float *x, const float *gain, const float *bias, float *y) {
  normalise<<<4, 64>>>(x, gain, bias, y, 6, 25, 75);
}
