// Activation functions, element by element: neighbouring threads have neighbouring elements, so
// that a warp's loads and stores are contiguous. Limited by memory in float32. One function object
// for each activation; the formulas are those of activation/elementwise.py.

#include "elementary.cuh"

#define ACTIVATION(Name, expression)                                    \
    struct Name {                                                       \
        template <typename T> static __device__ T of(T x, T alpha) {    \
            return expression;                                          \
        }                                                               \
    };

template <typename T> __device__ T mish_gate(T x) {
    const T t = exponential(x > T(20) ? T(20) : x), n = t * (t + T(2));
    return n / (n + T(2));
}

// -2 sqrt(2 / pi) (x + 0.044715 x^3)
template <typename T> __device__ T minus_doubled(T x) {
    return -x * (T(1.5957691216057308) + T(0.071354816272600242) * (x * x));
}

ACTIVATION(Exp, exponential(x))
ACTIVATION(Erf, error_function(x))
ACTIVATION(Tanh, hyperbolic_tangent(x))
ACTIVATION(Sigmoid, T(1) / (T(1) + exponential(-x)))
ACTIVATION(Silu, x / (T(1) + exponential(-x)))
ACTIVATION(Gelu, x * normal(x))
ACTIVATION(GeluTanh, x / (T(1) + exponential(minus_doubled(x))))
ACTIVATION(Mish, x * mish_gate(x))
ACTIVATION(Elu, x > T(0) ? x : alpha * exponential_minus_one(x))
ACTIVATION(LeakyRelu, x > T(0) ? x : alpha * x)
ACTIVATION(Relu6, between_0_and_6(x))
ACTIVATION(Hardsigmoid, between_0_and_6(x + T(3)) / T(6))
ACTIVATION(Hardswish, x * between_0_and_6(x + T(3)) / T(6))

template <typename T, typename F>
__global__ void each(const T* __restrict__ x, T* __restrict__ y, T alpha, long long count) {
    const long long first = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    const long long stride = (long long)gridDim.x * blockDim.x;
    for (long long i = first; i < count; i += stride) y[i] = F::of(x[i], alpha);
}
