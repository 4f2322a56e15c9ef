#pragma once

struct Shape {
  int rows, columns;
};

template <typename T>
__device__ __forceinline__ T of_a_warp(T sum) {
  for (int step = 16; step; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  return sum;
}
