// Address space of a launch: its arrays and shared variables.
//
// A checked kernel works on copies of its arrays, each in a gigabyte of reserved addresses. The
// addresses around an array are unused, and the upper bits of an address identify the array, so any
// wrong index is found and its array named. Shared variables are in an arena with gaps between
// them; those with elements below four bytes are in a second one, because the first is checked by
// words.
#pragma once

#include <sys/mman.h>

#include <cmath>
#include <cstring>

#pragma GCC visibility push(default)
#define EMULATOR_HOSTED
#include "../emulator.h"
#pragma GCC visibility pop
#include "state.h"
#undef threadIdx

namespace memory {

constexpr int ROOM_BITS = 30;
constexpr uint64_t ROOM = uint64_t(1) << ROOM_BITS;
constexpr uint64_t MARGIN = ROOM / 4;  // before an array: a negative index stays in its gigabyte
constexpr uint64_t HEAP = MOST_ARRAYS * ROOM;
constexpr uint64_t ARENA = 1 << 20;
constexpr uint64_t ZONE = 1024;
constexpr uint64_t STATIC_LIMIT = 48 << 10, SHARED_LIMIT = 227 << 10;

inline uint64_t heap;                         // its address
alignas(4096) inline char arena_memory[2 * ARENA + 64];
inline const uint64_t arena = reinterpret_cast<uint64_t>(arena_memory);
inline uint8_t owner[2 * ARENA];              // slot + 1 of each word, then of each byte
inline struct { uint64_t low, size; const char *name; } slots[MOST_SLOTS];
inline int slot_count;
inline uint64_t cursor[2];                    // bytes used of each arena
inline uint64_t static_bytes;
inline void *dynamic_address;

inline uint64_t reserve(uint64_t bytes) {
  void *p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? 0 : reinterpret_cast<uint64_t>(p);
}

inline bool in_stacks(uint64_t a) {
  uint64_t low = reinterpret_cast<uint64_t>(fibers::all[0].low) - fibers::PAGE;
  return a - low < fibers::COUNT * fibers::STRIDE;
}

inline uint8_t *owners(uint64_t offset) {  // of an offset into the two arenas
  return offset < ARENA ? owner + offset / 4 : owner + ARENA + (offset - ARENA);
}

inline void forget_shared() {
  std::memset(owner, 0, cursor[0] / 4);
  std::memset(owner + ARENA, 0, cursor[1]);
  cursor[0] = cursor[1] = ZONE;
  slot_count = 0;
  static_bytes = 0;
  dynamic_address = nullptr;
}

// An address with the declared alignment and no better one: on a GPU a float array may be at any
// multiple of four bytes, whatever a vector load through it would need.
inline void *place(uint64_t size, uint64_t alignment, uint64_t element, const char *name) {
  int narrow = element < 4;
  uint64_t coarse = alignment < 16 ? 16 : alignment;
  uint64_t at = (cursor[narrow] + coarse - 1) / coarse * coarse;
  if (alignment < 16) at += alignment;
  if (slot_count == MOST_SLOTS || at + size + ZONE > ARENA) return nullptr;
  cursor[narrow] = at + size + ZONE;
  uint64_t offset = narrow * ARENA + at;
  slots[slot_count++] = {arena + offset, size, name};
  std::memset(owners(offset), slot_count, narrow ? size : (size + 3) / 4);
  return reinterpret_cast<void *>(arena + offset);
}

// Device memory of a program (device.h) is used where it is.
inline bool in_place(const Array &a) { return a.host == a.device; }

inline void copy_in(Array &a) {
  if (!a.bytes || in_place(a)) return;
  std::memcpy(a.device, a.host, a.bytes);
}

inline void copy_out(const Array &a) {
  if (a.written && !in_place(a)) std::memcpy(a.host, a.device, a.bytes);
}

// Pages beyond a few megabytes are returned to the system.
inline void release(uint64_t low, uint64_t bytes) {
  constexpr uint64_t KEPT = 16 << 20;
  low &= ~(fibers::PAGE - 1);
  if (bytes > KEPT) madvise(reinterpret_cast<void *>(low + KEPT), bytes - KEPT, MADV_DONTNEED);
}

}  // namespace memory
