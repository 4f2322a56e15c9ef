// Gradients of activation functions, gx = gy f'(x), element by element: neighbouring threads have
// neighbouring elements. The formulas are those of activation_vjp/elementwise.py.

#include "elementary.cuh"

#define SLOPE(Name, ...)                                                              \
    struct Name {                                                                     \
        template <typename T> static __device__ T of(T gy, T x, T alpha) __VA_ARGS__  \
    };

template <typename T> __device__ T share(T x) { return exponential(x > T(0) ? -x : x); }

// e / (1 + e)^2, the sigmoid's derivative, with e = e^-|x|
template <typename T> __device__ T sigmoid_slope(T e) { return e / ((T(1) + e) * (T(1) + e)); }

SLOPE(Exp, { return gy * exponential(x); })
SLOPE(Erf, { return gy * (T(1.1283791670955126) * exponential(-(x * x))); })
SLOPE(Sigmoid, { return gy * sigmoid_slope(share(x)); })
SLOPE(Tanh, { return gy * (T(4) * sigmoid_slope(share(T(2) * x))); })
SLOPE(Silu, {
    const T e = share(x), s = T(1) / (T(1) + e);
    return gy * ((x > T(0) ? s : e * s) + x * (e * s * s));
})
SLOPE(Gelu, {
    const T phi = T(0.3989422804014327) * exponential(T(-0.5) * (x * x));
    return gy * (normal(x) + x * phi);
})
SLOPE(GeluTanh, {
    const T doubled = T(1.5957691216057308), cubic = T(0.071354816272600242), square = x * x;
    const T u = x * (doubled + cubic * square), e = share(u), s = T(1) / (T(1) + e);
    return gy * ((u > T(0) ? s : e * s) + x * (e * s * s) * (doubled + T(3) * cubic * square));
})
SLOPE(Mish, {
    const T t = exponential(x > T(20) ? T(20) : x), n = t * (t + T(2));
    const T gate = n / (n + T(2)), s = t / (T(1) + t);
    return gy * (gate + x * s * (T(2) / (n + T(2))) * (T(1) + gate));
})
SLOPE(Elu, { return x <= T(0) ? gy * alpha * exponential(x) : gy; })
SLOPE(LeakyRelu, { return x > T(0) ? gy : gy * alpha; })
SLOPE(Relu6, { return x <= T(0) || x >= T(6) ? T(0) : gy; })
SLOPE(Hardsigmoid, { return x > T(-3) && x < T(3) ? gy / T(6) : T(0); })
SLOPE(Hardswish, {
    if (x <= T(-3)) return T(0);
    return x < T(3) ? gy * (x / T(3) + T(0.5)) : gy;
})

template <typename T, typename F>
__global__ void each(const T* __restrict__ gy, const T* __restrict__ x, T* __restrict__ gx,
                     T alpha, long long count) {
    const long long first = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    const long long stride = (long long)gridDim.x * blockDim.x;
    for (long long i = first; i < count; i += stride) gx[i] = F::of(gy[i], x[i], alpha);
}
