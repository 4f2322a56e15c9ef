// Linear layer in float16, a warp a row. Wrong: sums are accumulated in float16.
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#ifdef WRONG
using Sum = half;
#else
using Sum = float;
#endif

__global__ void linear(const half *x, const half *w, const half *b, half *y, int C, int K) {
  const int k = blockIdx.x * blockDim.y + threadIdx.y, n = blockIdx.y;
  const half2 *row = reinterpret_cast<const half2 *>(x + n * C);
  const half2 *filter = reinterpret_cast<const half2 *>(w + k * C);
  Sum sum = __float2half(0.0f);
  for (int i = threadIdx.x; i < C / 2; i += warpSize) {
    const half2 a = row[i], f = filter[i];
    sum += Sum(a.x) * Sum(f.x);
    sum += Sum(a.y) * Sum(f.y);
  }
  for (int d = warpSize / 2; d > 0; d /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, d);
  if (threadIdx.x == 0) y[n * K + k] = __float2half(float(sum) + __half2float(b[k]));
}

extern "C" void solve(const half *x, const half *w, const half *b, half *y) {
  const int N = 2, C = 192, K = 24;
  linear<<<dim3(K / 4, N), dim3(32, 4)>>>(x, w, b, y, C, K);
}
