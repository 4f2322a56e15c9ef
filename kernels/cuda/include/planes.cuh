// Mapping of threads to planes in channels-last memory: neighbours process neighbouring channels.
//
// A thread processes V channels of a pixel at a time: 16 bytes of them if that divides their
// number, else one. With 16 bytes a warp reads 512 in one instruction. The channels of consecutive
// pixels are contiguous, so whole rows are read without a gap. The block's first axis is vectors of
// channels, its second pixels of a row; kernels/cuda/planes.py chooses both.

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
// Rows are counted over all images: row / H is the image. There may be more than 2^31 of them.
template <int V, typename Body>
__device__ __forceinline__ void each_pixel(long long rows, int columns, int channels, Body body) {
    const int columns_apart = gridDim.y * blockDim.y, channels_apart = V * gridDim.z * blockDim.x;
    for (long long row = blockIdx.x; row < rows; row += gridDim.x)
        for (int i = blockIdx.y * blockDim.y + threadIdx.y; i < columns; i += columns_apart)
            for (int c = V * (blockIdx.z * blockDim.x + threadIdx.x); c < channels;
                 c += channels_apart)
                body(row, i, c);
}

// Calls body(pixel, there) for every pixel, in all blockDim.x threads that share it. Threads beyond
// the last pixel call it too, with `there` false, because warp exchanges need every lane.
template <typename Body>
__device__ __forceinline__ void each_group(long long pixels, Body body) {
    const long long apart = (long long)gridDim.x * blockDim.y;
    for (long long first = (long long)blockIdx.x * blockDim.y; first < pixels; first += apart) {
        const long long pixel = first + threadIdx.y;
        body(pixel, pixel < pixels);
    }
}
