// Depthwise convolution at stride 2, a thread a pixel. Wrong: the last block has no guard.
#include <cuda_runtime.h>

struct Sizes {
  int N, C, H, W, P, Q;
};

__global__ void depthwise(const float *__restrict__ x, const float *__restrict__ w,
                          const float *__restrict__ b, float *__restrict__ y, Sizes s) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
#ifndef WRONG
  if (i >= s.N * s.C * s.P * s.Q) return;
#endif
  const int q = i % s.Q, p = i / s.Q % s.P, plane = i / (s.P * s.Q), c = plane % s.C;
  float sum = b[c];
#pragma unroll
  for (int r = 0; r < 3; r++)
    for (int t = 0; t < 3; t++) {
      const int h = 2 * p - 1 + r, v = 2 * q - 1 + t;
      if (h >= 0 && h < s.H && v >= 0 && v < s.W)
        sum = fmaf(x[(plane * s.H + h) * s.W + v], __ldg(&w[c * 9 + r * 3 + t]), sum);
    }
  y[i] = sum;
}

extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const Sizes s = {2, 6, 13, 12, 7, 6};
  const int threads = 128, all = s.N * s.C * s.P * s.Q;
  depthwise<<<(all + threads - 1) / threads, threads>>>(x, w, b, y, s);
  cudaDeviceSynchronize();
}
