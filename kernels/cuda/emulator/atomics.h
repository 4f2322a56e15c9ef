// Atomic operations. The runtime records the address; the operation itself is plain code, since one
// fiber runs at a time. They are functions that are not instrumented: otherwise they would count as
// ordinary reads and writes.
#pragma once

#ifdef EMULATOR_CHECKED
#define EMULATOR_TOUCH(p) emulator_atomic(p, sizeof(*p), file, line)
#else
#define EMULATOR_TOUCH(p) (void)file, (void)line
#endif

namespace emulator {
template <class T> struct Same { using type = T; };
template <class T, class... Us> constexpr bool one_of = false;
template <class T, class U, class... Us>
constexpr bool one_of<T, U, Us...> = one_of<T, Us...>;
template <class T, class... Us> constexpr bool one_of<T, T, Us...> = true;
using i32 = int;
using u32 = unsigned;
using i64 = long long;
using u64 = unsigned long long;
}  // namespace emulator

#define EMULATOR_ATOMIC(name, after, ...)                                                   \
  template <class T>                                                                        \
  __attribute__((noinline, no_sanitize("thread", "undefined"))) T name(                     \
      T *address, typename emulator::Same<T>::type value, EMULATOR_HERE) {                  \
    using namespace emulator;                                                               \
    static_assert(one_of<T, __VA_ARGS__>, #name " has no such type on a GPU");              \
    EMULATOR_TOUCH(address);                                                                \
    T old = *address;                                                                       \
    *address = after;                                                                       \
    return old;                                                                             \
  }

EMULATOR_ATOMIC(atomicAdd, old + value, i32, u32, u64, float, double)
EMULATOR_ATOMIC(atomicSub, old - value, i32, u32)
EMULATOR_ATOMIC(atomicExch, value, i32, u32, u64, float)
EMULATOR_ATOMIC(atomicMin, value < old ? value : old, i32, u32, i64, u64)
EMULATOR_ATOMIC(atomicMax, value > old ? value : old, i32, u32, i64, u64)
EMULATOR_ATOMIC(atomicInc, old >= value ? 0 : old + 1, u32)
EMULATOR_ATOMIC(atomicDec, old == 0 || old > value ? value : old - 1, u32)
EMULATOR_ATOMIC(atomicAnd, old & value, i32, u32, u64)
EMULATOR_ATOMIC(atomicOr, old | value, i32, u32, u64)
EMULATOR_ATOMIC(atomicXor, old ^ value, i32, u32, u64)
#undef EMULATOR_ATOMIC

template <class T>
__attribute__((noinline, no_sanitize("thread", "undefined"))) T atomicCAS(
    T *address, typename emulator::Same<T>::type compare,
    typename emulator::Same<T>::type value, EMULATOR_HERE) {
  using namespace emulator;
  static_assert(one_of<T, i32, u32, u64, unsigned short>, "atomicCAS has no such type on a GPU");
  EMULATOR_TOUCH(address);
  T old = *address;
  if (old == compare) *address = value;
  return old;
}
