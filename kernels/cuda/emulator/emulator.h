// The part of CUDA that kernels use, for g++: qualifiers, indices, barriers, warp operations.
//
// A thread is a fiber of the runtime (runtime/), which this header declares. A call in which a
// thread waits for others switches to the next fiber. `threadIdx` and similar are calls of
// functions with the attribute `const`: their value is constant within a thread, and they are not
// instrumented as accesses of memory.
#pragma once

#define EMULATOR 1
#define __global__ inline  // compiled only where it is the entry
#define __device__
#define __host__
#define __noinline__ __attribute__((noinline))
#define __forceinline__ inline __attribute__((always_inline))
#define __restrict__ __restrict
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
#define __grid_constant__

typedef decltype(sizeof(0)) size_t;

#include "vectors.h"

// The source position of a call: reports name it, and the runtime compares it between threads.
#define EMULATOR_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

namespace emulator {
// Descriptor of a `__shared__` variable: rewrite.py adds one to each declaration.
struct Slot {
  unsigned size, alignment, element;
  const char *name, *file;
  int line;
  void *address;                // set by the runtime: its address,
  unsigned long long launch;    // and its launch
};

constexpr unsigned larger(unsigned a, unsigned b) { return a > b ? a : b; }

template <class T> struct Element { using type = T; };
template <class T, size_t N> struct Element<T[N]> : Element<T> {};

template <class T>
constexpr Slot slot(unsigned alignment, const char *name, const char *file, int line) {
  constexpr unsigned element = sizeof(typename Element<T>::type);
  return {sizeof(T), larger(alignof(T), alignment), element, name, file, line, nullptr, 0};
}

enum WarpOperation { SYNC, SHUFFLE, VOTE };
}  // namespace emulator

extern "C" {
__attribute__((const)) uint3 emulator_thread_index();
__attribute__((const)) uint3 emulator_block_index();
__attribute__((const)) uint3 emulator_block_size();
__attribute__((const)) uint3 emulator_grid_size();
__attribute__((const)) unsigned emulator_lane();
unsigned emulator_active_lanes();
void *emulator_shared(emulator::Slot *slot);
void *emulator_dynamic_shared(unsigned alignment, unsigned element, const char *name);
int emulator_barrier(int predicate, int combine, const char *file, int line);
unsigned long long emulator_warp(unsigned mask, int operation, unsigned long long value,
                                 unsigned source, const char *file, int line);
void emulator_atomic(void *address, unsigned size, const char *file, int line);
void emulator_trap(const char *file, int line);
int printf(const char *, ...);
}

#define threadIdx emulator_thread_index()
#define blockIdx emulator_block_index()
#define blockDim emulator_block_size()
#define gridDim emulator_grid_size()
#define warpSize 32

inline void __syncthreads(EMULATOR_HERE) { emulator_barrier(0, 0, file, line); }
inline int __syncthreads_count(int p, EMULATOR_HERE) { return emulator_barrier(p, 0, file, line); }
inline int __syncthreads_and(int p, EMULATOR_HERE) { return emulator_barrier(p, 1, file, line); }
inline int __syncthreads_or(int p, EMULATOR_HERE) { return emulator_barrier(p, 2, file, line); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __trap(EMULATOR_HERE) { emulator_trap(file, line); }

inline void __syncwarp(unsigned mask = 0xffffffffu, EMULATOR_HERE) {
  emulator_warp(mask, emulator::SYNC, 0, 0, file, line);
}
inline unsigned __activemask() { return emulator_active_lanes(); }
inline unsigned __ballot_sync(unsigned mask, int predicate, EMULATOR_HERE) {
  return emulator_warp(mask, emulator::VOTE, predicate != 0, 0, file, line);
}
inline int __any_sync(unsigned mask, int predicate, EMULATOR_HERE) {
  return __ballot_sync(mask, predicate, file, line) != 0;
}
inline int __all_sync(unsigned mask, int predicate, EMULATOR_HERE) {
  return __ballot_sync(mask, !predicate, file, line) == 0;
}

namespace emulator {
template <class T>
T shuffle(unsigned mask, T value, unsigned source, const char *file, int line) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a shuffle moves 4 or 8 bytes");
  unsigned long long bits = 0;
  __builtin_memcpy(&bits, &value, sizeof(T));
  bits = emulator_warp(mask, SHUFFLE, bits, source, file, line);
  __builtin_memcpy(&value, &bits, sizeof(T));
  return value;
}
}  // namespace emulator

// A segment is `width` lanes (a power of two); a source beyond it is the lane itself.
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, EMULATOR_HERE) {
  unsigned first = emulator_lane() & ~(width - 1);
  return emulator::shuffle(mask, value, first + (source & (width - 1)), file, line);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, EMULATOR_HERE) {
  unsigned lane = emulator_lane(), within = lane & (width - 1);
  return emulator::shuffle(mask, value, within < delta ? lane : lane - delta, file, line);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, EMULATOR_HERE) {
  unsigned lane = emulator_lane(), within = lane & (width - 1);
  bool inside = within + delta < unsigned(width);
  return emulator::shuffle(mask, value, inside ? lane + delta : lane, file, line);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int flip, int width = 32, EMULATOR_HERE) {
  unsigned lane = emulator_lane(), source = lane ^ flip, end = (lane | (width - 1)) + 1;
  return emulator::shuffle(mask, value, source < end ? source : lane, file, line);
}

#include "atomics.h"
#include "device_math.h"
#include "entry.h"
