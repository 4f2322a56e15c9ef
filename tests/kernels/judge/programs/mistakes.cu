// Programs with one mistake each, which the instrumented library names.
#include <cuda_runtime.h>
#include <stdint.h>

#define CHECK(call) \
  if ((call) != cudaSuccess) exit(3)

// A barrier is missing between the writes and the reads of shared memory.
__global__ void multiply(const float *a, const float *b, const float *bias, float *out, int M,
                         int N, int K) {
  __shared__ float row[64];
  for (int first = 0; first < K; first += 64) {
    if (first + threadIdx.x < K) row[threadIdx.x] = a[blockIdx.x * K + first + threadIdx.x];
    float sum = 0;
    for (int k = first; k < min(first + 64, K); k++) sum += row[k - first];  // BARRIER
    if (threadIdx.x < N) out[blockIdx.x * N + threadIdx.x] = sum;
    __syncthreads();
  }
}

extern "C" void matmul_f32(const float *a, const float *b, const float *bias, float *out, int64_t M,
                           int64_t N, int64_t K) {
  if (M && K) multiply<<<M, 64>>>(a, b, bias, out, M, N, K);
}

// Threads without an element are not kept back.
__global__ void average(const float *x, float *y, int64_t in, int64_t n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = x[in - n + i];  // OUTSIDE
}

extern "C" void avg_pool2d_f32(const float *x, float *y, int64_t N, int64_t C, int64_t H,
                               int64_t W, int64_t P, int64_t Q, ...) {
  const int64_t n = N * C * P * Q;
  average<<<dim3((n + 255) / 256), 256>>>(x, y, N * C * H * W, n);
}

// The host reads memory of the device.
extern "C" void relu_f32(const float *x, float *y, int64_t n) {
  float *on_device;
  CHECK(cudaMalloc(&on_device, (n + 1) * sizeof(float)));
  for (int64_t i = 0; i < n; i++) y[i] = on_device[i];
  CHECK(cudaFree(on_device));
}

// The copy is longer than the memory.
extern "C" void max_pool2d_f32(const float *x, float *y, int32_t *switches, int64_t N, int64_t C,
                               int64_t H, int64_t W, ...) {
  float *on_device;
  CHECK(cudaMalloc((void **)&on_device, N * C * H * W + 1));
  CHECK(cudaMemcpy(on_device, x, N * C * H * W * sizeof(float), cudaMemcpyHostToDevice));
}
