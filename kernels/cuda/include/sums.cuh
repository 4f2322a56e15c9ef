// Sums that several threads share: over the channels of a pixel, and over a block.
//
// Each has one order, whatever the threads do, so its result is the same bits on every run.

#pragma once

// The sum of v over `wide` neighbouring threads of a warp, a power of two: each of them gets it.
// All threads of the warp take part.
__device__ __forceinline__ double over_neighbours(double v, int wide) {
    for (int flip = wide / 2; flip > 0; flip /= 2) v += __shfl_xor_sync(0xffffffffu, v, flip);
    return v;
}

// The sum of v over the block, which is of one dimension and of whole warps: each thread gets it.
__device__ __forceinline__ double over_block(double v) {
    __shared__ double of_warp[32];
    v = over_neighbours(v, 32);
    __syncthreads();  // nobody still reads what an earlier sum left there
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = v;
    __syncthreads();
    double sum = 0;
    for (int i = 0; i < blockDim.x / 32; i++) sum += of_warp[i];
    return sum;
}
