// CUDA's 16-bit types: a number is stored in 16 bits, computed in float and rounded to nearest even
// after each operation. A float has more than twice the digits, so that the two roundings of a sum,
// product, quotient or root give the nearest number of the type (Figueroa 1995).
#pragma once

namespace narrow {
using u16 = unsigned short;
using u32 = unsigned;

inline u16 half_of(float f) {
  u32 x = __builtin_bit_cast(u32, f), sign = x >> 16 & 0x8000u, a = x & 0x7fffffffu;
  if (a > 0x7f800000u) return u16(sign | 0x7fffu);  // NaN
  if (a >= 0x47800000u) return u16(sign | 0x7c00u);  // 65536 and above
  if (a < 0x38800000u) {  // below 2^-14: the units of a denormal number are 2^-24
    float scaled = __builtin_rintf(__builtin_bit_cast(float, a) * 16777216.0f);
    return u16(sign | u32(scaled));
  }
  u32 odd = a >> 13 & 1;
  return u16(sign | ((a - 0x38000000u + 0xfffu + odd) >> 13));
}
inline float from_half(u16 h) {
  u32 sign = u32(h & 0x8000u) << 16, e = h >> 10 & 31, m = h & 0x3ffu;
  if (e == 0) {
    float value = float(m) * (1.0f / 16777216.0f);
    return sign ? -value : value;
  }
  u32 bits = e == 31 ? 0x7f800000u | m << 13 : (e + 112) << 23 | m << 13;
  return __builtin_bit_cast(float, sign | bits);
}
inline u16 bfloat_of(float f) {
  u32 x = __builtin_bit_cast(u32, f);
  if ((x & 0x7fffffffu) > 0x7f800000u) return 0x7fffu;
  return u16((x + 0x7fffu + (x >> 16 & 1)) >> 16);
}
inline float from_bfloat(u16 b) { return __builtin_bit_cast(float, u32(b) << 16); }
}  // namespace narrow

#define EMULATOR_NARROW_TYPE(T, Pair, to, from)                                                   \
  struct T {                                                                                      \
    unsigned short bits;                                                                          \
    T() = default;                                                                                \
    T(float f) : bits(narrow::to(f)) {}                                                           \
    T(double f) : bits(narrow::to(float(f))) {}                                                   \
    T(int i) : bits(narrow::to(float(i))) {}                                                      \
    T(unsigned i) : bits(narrow::to(float(i))) {}                                                 \
    T(long i) : bits(narrow::to(float(i))) {}                                                     \
    T(long long i) : bits(narrow::to(float(i))) {}                                                \
    operator float() const { return narrow::from(bits); }                                         \
    T &operator+=(T b) { return *this = T(float(*this) + float(b)); }                             \
    T &operator-=(T b) { return *this = T(float(*this) - float(b)); }                             \
    T &operator*=(T b) { return *this = T(float(*this) * float(b)); }                             \
    T &operator/=(T b) { return *this = T(float(*this) / float(b)); }                             \
  };                                                                                              \
  struct alignas(4) Pair {                                                                        \
    T x, y;                                                                                       \
    Pair() = default;                                                                             \
    Pair(T a, T b) : x(a), y(b) {}                                                                \
  };                                                                                              \
  inline T operator+(T a, T b) { return T(float(a) + float(b)); }                                 \
  inline T operator-(T a, T b) { return T(float(a) - float(b)); }                                 \
  inline T operator*(T a, T b) { return T(float(a) * float(b)); }                                 \
  inline T operator/(T a, T b) { return T(float(a) / float(b)); }                                 \
  inline T operator-(T a) { return T(-float(a)); }                                                \
  inline bool operator==(T a, T b) { return float(a) == float(b); }                               \
  inline bool operator!=(T a, T b) { return float(a) != float(b); }                               \
  inline bool operator<(T a, T b) { return float(a) < float(b); }                                 \
  inline bool operator>(T a, T b) { return float(a) > float(b); }                                 \
  inline bool operator<=(T a, T b) { return float(a) <= float(b); }                               \
  inline bool operator>=(T a, T b) { return float(a) >= float(b); }                               \
  inline Pair operator+(Pair a, Pair b) { return {a.x + b.x, a.y + b.y}; }                        \
  inline Pair operator-(Pair a, Pair b) { return {a.x - b.x, a.y - b.y}; }                        \
  inline Pair operator*(Pair a, Pair b) { return {a.x * b.x, a.y * b.y}; }                        \
  inline T __hadd(T a, T b) { return a + b; }                                                     \
  inline T __hsub(T a, T b) { return a - b; }                                                     \
  inline T __hmul(T a, T b) { return a * b; }                                                     \
  inline T __hdiv(T a, T b) { return a / b; }                                                     \
  inline T __hneg(T a) { return -a; }                                                             \
  inline T __habs(T a) { return T(__builtin_fabsf(float(a))); }                                   \
  inline T __hfma(T a, T b, T c) { return T(double(a) * double(b) + double(c)); }                 \
  inline T __hmax(T a, T b) { return T(__builtin_fmaxf(float(a), float(b))); }                    \
  inline T __hmin(T a, T b) { return T(__builtin_fminf(float(a), float(b))); }                    \
  inline bool __hgt(T a, T b) { return a > b; }                                                   \
  inline bool __hge(T a, T b) { return a >= b; }                                                  \
  inline bool __hlt(T a, T b) { return a < b; }                                                   \
  inline bool __hle(T a, T b) { return a <= b; }                                                  \
  inline bool __heq(T a, T b) { return a == b; }                                                  \
  inline bool __hne(T a, T b) { return a != b; }                                                  \
  inline bool __hisnan(T a) { return __builtin_isnan(float(a)); }                                 \
  inline T hsqrt(T a) { return T(__builtin_sqrtf(float(a))); }                                    \
  inline T hrsqrt(T a) { return T(1.0f / __builtin_sqrtf(float(a))); }                            \
  inline T hexp(T a) { return T(__builtin_expf(float(a))); }                                      \
  inline T hlog(T a) { return T(__builtin_logf(float(a))); }                                      \
  inline T htanh(T a) { return T(__builtin_tanhf(float(a))); }                                    \
  inline T hrcp(T a) { return T(1.0f / float(a)); }                                               \
  inline Pair __hadd2(Pair a, Pair b) { return a + b; }                                           \
  inline Pair __hsub2(Pair a, Pair b) { return a - b; }                                           \
  inline Pair __hmul2(Pair a, Pair b) { return a * b; }                                           \
  inline Pair __hfma2(Pair a, Pair b, Pair c) {                                                   \
    return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)};                                        \
  }                                                                                               \
  inline Pair __hmax2(Pair a, Pair b) { return {__hmax(a.x, b.x), __hmax(a.y, b.y)}; }            \
  inline Pair __hmin2(Pair a, Pair b) { return {__hmin(a.x, b.x), __hmin(a.y, b.y)}; }            \
  inline T __shfl_down_sync(unsigned mask, T v, unsigned d, int width = 32, EMULATOR_HERE) {      \
    return T(__shfl_down_sync(mask, float(v), d, width, file, line));                             \
  }                                                                                               \
  inline T __shfl_xor_sync(unsigned mask, T v, int flip, int width = 32, EMULATOR_HERE) {         \
    return T(__shfl_xor_sync(mask, float(v), flip, width, file, line));                           \
  }                                                                                               \
  inline T __shfl_sync(unsigned mask, T v, int source, int width = 32, EMULATOR_HERE) {           \
    return T(__shfl_sync(mask, float(v), source, width, file, line));                             \
  }                                                                                               \
  __attribute__((noinline, no_sanitize("thread", "undefined"))) inline T atomicAdd(               \
      T *address, T value, EMULATOR_HERE) {                                                       \
    EMULATOR_TOUCH(address);                                                                      \
    T old = *address;                                                                             \
    *address = old + value;                                                                       \
    return old;                                                                                   \
  }

EMULATOR_NARROW_TYPE(__half, __half2, half_of, from_half)
EMULATOR_NARROW_TYPE(__nv_bfloat16, __nv_bfloat162, bfloat_of, from_bfloat)
#undef EMULATOR_NARROW_TYPE

// Operations with a number of another type: as C++ has them for float.
#define EMULATOR_MIXED(T, op)                                   \
  inline float operator op(T a, float b) { return float(a) op b; } \
  inline float operator op(float a, T b) { return a op float(b); }
#define EMULATOR_MIXED_ALL(T) \
  EMULATOR_MIXED(T, +) EMULATOR_MIXED(T, -) EMULATOR_MIXED(T, *) EMULATOR_MIXED(T, /)
EMULATOR_MIXED_ALL(__half)
EMULATOR_MIXED_ALL(__nv_bfloat16)
#undef EMULATOR_MIXED_ALL
#undef EMULATOR_MIXED

typedef __half half;
typedef __half2 half2;
typedef __nv_bfloat16 nv_bfloat16;
typedef __nv_bfloat162 nv_bfloat162;

inline __half __float2half(float f) { return __half(f); }
inline __half __float2half_rn(float f) { return __half(f); }
inline __half __double2half(double f) { return __half(float(f)); }
inline __half __int2half_rn(int i) { return __half(float(i)); }
inline float __half2float(__half h) { return float(h); }
inline int __half2int_rn(__half h) { return int(__builtin_rintf(float(h))); }
inline unsigned short __half_as_ushort(__half h) { return h.bits; }
inline __half __ushort_as_half(unsigned short bits) {
  __half h;
  h.bits = bits;
  return h;
}
inline __half2 __floats2half2_rn(float a, float b) { return {__half(a), __half(b)}; }
inline __half2 __float22half2_rn(float2 v) { return {__half(v.x), __half(v.y)}; }
inline __half2 __float2half2_rn(float f) { return {__half(f), __half(f)}; }
inline float2 __half22float2(__half2 v) { return {float(v.x), float(v.y)}; }
inline __half2 __half2half2(__half h) { return {h, h}; }
inline __half2 __halves2half2(__half a, __half b) { return {a, b}; }
inline __half2 make_half2(__half a, __half b) { return {a, b}; }
inline __half __low2half(__half2 v) { return v.x; }
inline __half __high2half(__half2 v) { return v.y; }
inline float __low2float(__half2 v) { return float(v.x); }
inline float __high2float(__half2 v) { return float(v.y); }
inline __nv_bfloat16 __float2bfloat16(float f) { return __nv_bfloat16(f); }
inline __nv_bfloat16 __float2bfloat16_rn(float f) { return __nv_bfloat16(f); }
inline float __bfloat162float(__nv_bfloat16 b) { return float(b); }
inline __nv_bfloat162 __floats2bfloat162_rn(float a, float b) {
  return {__nv_bfloat16(a), __nv_bfloat16(b)};
}
inline float2 __bfloat1622float2(__nv_bfloat162 v) { return {float(v.x), float(v.y)}; }
