// y (N,h,w,C) = x (N,h,w,C) where a patch's pixel lies on its plane of H x W pixels, else `fill`.
//
// A thread moves V, one channel's value or 16 bytes of them, so that a warp moves neighbours in
// memory. Where patches begin is read by all threads of a pixel at once, from the cache.

__device__ void fill_with(float& v, double fill) { v = (float)fill; }
__device__ void fill_with(double& v, double fill) { v = fill; }
__device__ void fill_with(float4& v, double fill) {
    v = make_float4((float)fill, (float)fill, (float)fill, (float)fill);
}
__device__ void fill_with(double2& v, double fill) { v = make_double2(fill, fill); }

struct Patches { int N, h, w, H, W, C; };

template <typename V>
__global__ void fill_outside(const V* __restrict__ x, V* __restrict__ y,
                             const long long* __restrict__ at, Patches g, double fill) {
    const long long count = (long long)g.N * g.h * g.w * g.C;
    const long long stride = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
        const int j = (int)(i / g.C % g.w), k = (int)(i / g.C / g.w % g.h);
        const long long n = i / g.C / g.w / g.h;
        const long long row = at[2 * n] + k, column = at[2 * n + 1] + j;
        V value;
        if (row < 0 || row >= g.H || column < 0 || column >= g.W)
            fill_with(value, fill);
        else
            value = x[i];
        y[i] = value;
    }
}
