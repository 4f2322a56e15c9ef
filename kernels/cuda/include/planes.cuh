// Threads over planes in channels-last memory, neighbours on neighbouring channels.
//
// A thread takes V channels of a pixel at a time: 16 bytes of them where that divides their number,
// and one where it does not. A warp then reads 512 bytes in one go, and a pixel's channels are
// followed in memory by the next pixel's, so whole rows are read without a gap. The block's first
// axis counts vectors of channels, its second pixels of a row; kernels/cuda/planes.py chooses both.

#pragma once

// V neighbouring channels of one pixel, moved by one instruction.
template <typename T, int V> struct alignas(V * sizeof(T)) Lanes { T at[V]; };

template <int V, typename T> __device__ Lanes<T, V> load(const T* from) {
    return *reinterpret_cast<const Lanes<T, V>*>(from);
}

template <int V, typename T> __device__ void store(T* to, const Lanes<T, V>& values) {
    *reinterpret_cast<Lanes<T, V>*>(to) = values;
}

// Calls body(row, column, channel) for every V channels of every pixel, each by one thread.
// A row is one of all images' rows, so row / H is its image; there may be 2^31 of them and more.
template <int V, typename Body>
__device__ __forceinline__ void each_pixel(long long rows, int columns, int channels, Body body) {
    const int columns_apart = gridDim.y * blockDim.y, channels_apart = V * gridDim.z * blockDim.x;
    for (long long row = blockIdx.x; row < rows; row += gridDim.x)
        for (int i = blockIdx.y * blockDim.y + threadIdx.y; i < columns; i += columns_apart)
            for (int c = V * (blockIdx.z * blockDim.x + threadIdx.x); c < channels;
                 c += channels_apart)
                body(row, i, c);
}

// Calls body(pixel, there) for every pixel with the blockDim.x threads that share one. Those beyond
// the last pixel are called too, with `there` false: their warp waits for them where it exchanges.
template <typename Body>
__device__ __forceinline__ void each_group(long long pixels, Body body) {
    const long long apart = (long long)gridDim.x * blockDim.y;
    for (long long first = (long long)blockIdx.x * blockDim.y; first < pixels; first += apart) {
        const long long pixel = first + threadIdx.y;
        body(pixel, pixel < pixels);
    }
}
