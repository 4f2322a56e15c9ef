// Reductions: sums over neighbouring threads of a warp, and over a block.
//
// The order of each sum is fixed, so its result has the same bits on every run.

#pragma once

// The sum of v over `wide` neighbouring threads of a warp, a power of two; returned to each of
// them. All threads of the warp must call it.
__device__ __forceinline__ double over_neighbours(double v, int wide) {
    for (int flip = wide / 2; flip > 0; flip /= 2) v += __shfl_xor_sync(0xffffffffu, v, flip);
    return v;
}

// The sum of v over a one-dimensional block of whole warps; returned to each thread.
__device__ __forceinline__ double over_block(double v) {
    __shared__ double of_warp[32];
    v = over_neighbours(v, 32);
    __syncthreads();  // no thread still reads the sums of an earlier call
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = v;
    __syncthreads();
    double sum = 0;
    for (int i = 0; i < blockDim.x / 32; i++) sum += of_warp[i];
    return sum;
}
