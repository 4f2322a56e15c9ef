// Elementary functions of a float or a double by one name each, for templates over both.

#pragma once

__device__ __forceinline__ float exponential(float x) { return expf(x); }
__device__ __forceinline__ double exponential(double x) { return exp(x); }
__device__ __forceinline__ float exponential_minus_one(float x) { return expm1f(x); }
__device__ __forceinline__ double exponential_minus_one(double x) { return expm1(x); }
__device__ __forceinline__ float hyperbolic_tangent(float x) { return tanhf(x); }
__device__ __forceinline__ double hyperbolic_tangent(double x) { return tanh(x); }
__device__ __forceinline__ float error_function(float x) { return erff(x); }
__device__ __forceinline__ double error_function(double x) { return erf(x); }

// The normal distribution function.
template <typename T> __device__ __forceinline__ T normal(T x) {
    return T(0.5) * (T(1) + error_function(x * T(0.70710678118654752)));
}

// min(max(x, 0), 6); NaN stays NaN.
template <typename T> __device__ __forceinline__ T between_0_and_6(T x) {
    return x < T(0) ? T(0) : x > T(6) ? T(6) : x;
}
