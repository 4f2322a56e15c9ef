// Philox 4x32-10: four words as a function of a counter (index, stream, step) and the seed.
//
//     words[4 i .. 4 i + 3] = philox(counter = (i, stream, step low, step high), key = seed)
//
// A thread computes four words at a time and stores them as one vector of 16 bytes. A round does
// two 32 x 32 -> 64 bit multiplications and uses both halves of each (Salmon et al., SC 2011).
// Limited by memory.

__device__ uint4 philox(uint4 c, unsigned key0, unsigned key1) {
#pragma unroll
    for (int round = 0; round < 10; round++) {
        const unsigned long long left = 0xD2511F53ull * c.x, right = 0xCD9E8D57ull * c.z;
        c = make_uint4((unsigned)(right >> 32) ^ c.y ^ key0, (unsigned)right,
                       (unsigned)(left >> 32) ^ c.w ^ key1, (unsigned)left);
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return c;
}

extern "C" __global__ void random_bits(uint4* __restrict__ words, unsigned stream,
                                       unsigned long long step, unsigned long long seed,
                                       long long fours) {
    const unsigned step_low = (unsigned)step, step_high = (unsigned)(step >> 32);
    const long long stride = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < fours; i += stride) {
        const uint4 counter = make_uint4((unsigned)i, stream, step_low, step_high);
        words[i] = philox(counter, (unsigned)seed, (unsigned)(seed >> 32));
    }
}
