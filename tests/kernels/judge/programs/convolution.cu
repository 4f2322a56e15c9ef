// Convolution without groups as people write it: pixels of a tile share the filters of a channel.
#include <cuda_runtime.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include <algorithm>
#include <vector>

#define CHECK(call)                                                                     \
  do {                                                                                  \
    cudaError_t status = (call);                                                        \
    if (status != cudaSuccess) {                                                        \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, cudaGetErrorString(status));   \
      exit(EXIT_FAILURE);                                                               \
    }                                                                                   \
  } while (0)

constexpr int TILE = 8, MOST_TAPS = 4096;
__constant__ float zero[1];

struct Sizes {
  int C, H, W, K, R, S, P, Q;
  int stride_h, stride_w, top, left, dilation_h, dilation_w;
};

template <typename T, int SIZE>
__global__ void __launch_bounds__(SIZE *SIZE)
    convolve(const T *__restrict__ x, const T *__restrict__ w, const T *bias, T *y, Sizes s) {
  extern __shared__ __align__(8) unsigned char memory[];
  T *filter = reinterpret_cast<T *>(memory);
  const int q = blockIdx.x * SIZE + threadIdx.x, p = blockIdx.y * SIZE + threadIdx.y;
  const int k = blockIdx.z % s.K, n = blockIdx.z / s.K, taps = s.R * s.S;
  T sum = bias ? bias[k] : T(zero[0]);
  for (int c = 0; c < s.C; c++) {
    for (int i = threadIdx.y * SIZE + threadIdx.x; i < taps; i += SIZE * SIZE)
      filter[i] = w[(int64_t(k) * s.C + c) * taps + i];
    __syncthreads();
    if (p < s.P && q < s.Q) {
#pragma unroll 1
      for (int r = 0; r < s.R; r++)
        for (int t = 0; t < s.S; t++) {
          const int h = p * s.stride_h - s.top + r * s.dilation_h;
          const int v = q * s.stride_w - s.left + t * s.dilation_w;
          if (h < 0 || h >= s.H || v < 0 || v >= s.W) continue;
          sum += x[((int64_t(n) * s.C + c) * s.H + h) * s.W + v] * filter[r * s.S + t];
        }
    }
    __syncthreads();
  }
  if (p < s.P && q < s.Q) y[((int64_t(n) * s.K + k) * s.P + p) * s.Q + q] = sum;
}

static int size_of(int64_t in, int64_t before, int64_t after, int64_t taps, int64_t dilation,
                   int64_t stride) {
  return int((in + before + after - dilation * (taps - 1) - 1) / stride + 1);
}

extern "C" int conv2d_supports(int64_t N, int64_t C, int64_t H, int64_t W, int64_t K, int64_t R,
                               int64_t S, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t,
                               int64_t, int64_t, int64_t groups) {
  return groups == 1 && R * S <= MOST_TAPS && N * K < 65536 && H < 65536 && W < 65536 &&
         std::min({N, C, H, W, K}) > 0;
}

template <typename T>
static void forward(const T *x, const T *w, const T *bias, T *y, int64_t N, Sizes s) {
  if (s.P <= 0 || s.Q <= 0) return;
  const size_t in = N * s.C * s.H * s.W, out = N * s.K * s.P * s.Q;
  T *dx, *dy, *dw = nullptr;
  CHECK(cudaMalloc((void **)&dx, in * sizeof(T)));
  CHECK(cudaMalloc(&dy, out * sizeof(T)));
  CHECK(cudaMalloc(&dw, s.K * s.C * s.R * s.S * sizeof(T)));
  cudaStream_t stream;
  CHECK(cudaStreamCreate(&stream));
  std::vector<T> filters(w, w + s.K * s.C * s.R * s.S);
  CHECK(cudaMemcpyAsync(dx, x, in * sizeof(T), cudaMemcpyHostToDevice, stream));
  CHECK(cudaMemcpy(dw, filters.data(), filters.size() * sizeof(T), cudaMemcpyHostToDevice));
  const float none = 0;
  CHECK(cudaMemcpyToSymbol(zero, &none, sizeof none));
  const dim3 block(TILE, TILE);
  dim3 grid((s.Q + TILE - 1) / TILE, (s.P + TILE - 1) / TILE, N * s.K);
  convolve<T, TILE><<<grid, block, s.R * s.S * sizeof(T), stream>>>(
      dx, dw, bias, dy, s);  // the bias is managed memory, the others are copies
  CHECK(cudaGetLastError());
  CHECK(cudaDeviceSynchronize());
  CHECK(cudaMemcpy(y, dy, out * sizeof(T), cudaMemcpyDeviceToHost));
  CHECK(cudaStreamDestroy(stream));
  cudaFree(dx);
  cudaFree(dy);
  cudaFree(dw);
}

#define FUNCTION(name, T)                                                                         \
  extern "C" void name(const T *x, const T *w, const T *bias, T *y, int64_t N, int64_t C,         \
                       int64_t H, int64_t W, int64_t K, int64_t R, int64_t S, int64_t stride_h,   \
                       int64_t stride_w, int64_t top, int64_t bottom, int64_t left,               \
                       int64_t right, int64_t dilation_h, int64_t dilation_w, int64_t groups) {   \
    const int P = size_of(H, top, bottom, R, dilation_h, stride_h);                               \
    const int Q = size_of(W, left, right, S, dilation_w, stride_w);                               \
    forward<T>(x, w, bias, y, N,                                                                  \
               {int(C), int(H), int(W), int(K), int(R), int(S), P, Q, int(stride_h),              \
                int(stride_w), int(top), int(left), int(dilation_h), int(dilation_w)});           \
  }
FUNCTION(conv2d_f32, float)
FUNCTION(conv2d_f64, double)
