// Patches y (N,h,w,C) of x (N or 1,H,W,C), overlaid with part (N,a,b,C).
//
// A pixel of a patch is that of `part` where `part` covers it, else that of the plane, and `fill`
// outside of the plane. A thread moves V, one channel or 16 bytes of them, so that a warp's
// accesses are contiguous. The patches' origins are read by all threads of a pixel at once, from
// the cache.

__device__ void fill_with(float& v, double fill) { v = (float)fill; }
__device__ void fill_with(double& v, double fill) { v = fill; }
__device__ void fill_with(float4& v, double fill) {
    v = make_float4((float)fill, (float)fill, (float)fill, (float)fill);
}
__device__ void fill_with(double2& v, double fill) { v = make_double2(fill, fill); }

struct Patches { int N, h, w, H, W, C, planes, a, b; };

template <typename V>
__global__ void gather(const V* __restrict__ x, const V* __restrict__ part,
                       const long long* __restrict__ part_at, V* __restrict__ y,
                       const long long* __restrict__ at, Patches g, double fill) {
    const long long count = (long long)g.N * g.h * g.w * g.C;
    const long long stride = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
        const int c = (int)(i % g.C), j = (int)(i / g.C % g.w), k = (int)(i / g.C / g.w % g.h);
        const long long n = i / g.C / g.w / g.h;
        const long long row = at[2 * n] + k, column = at[2 * n + 1] + j;
        const long long above = row - part_at[2 * n], left = column - part_at[2 * n + 1];
        V value;
        if (row < 0 || row >= g.H || column < 0 || column >= g.W)
            fill_with(value, fill);
        else if (above >= 0 && above < g.a && left >= 0 && left < g.b)
            value = part[((n * g.a + above) * g.b + left) * g.C + c];
        else
            value = x[(((g.planes > 1 ? n : 0) * g.H + row) * g.W + column) * g.C + c];
        y[i] = value;
    }
}
