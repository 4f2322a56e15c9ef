// Report of undefined behaviour, which ends the launch: the report is filled, the fibers abandoned.
#pragma once

#include "memory.h"

namespace report {

inline void set3(uint32_t *to, uint3 v) { to[0] = v.x, to[1] = v.y, to[2] = v.z; }

// Call sites that pass their position have a number instead of an address, in the same field.
constexpr uint32_t NUMBERED = 0x80000000u;
inline struct { const char *file; int line; } places[1024];
inline uint32_t place_count;

inline uint32_t numbered(const char *file, int line) {
  for (uint32_t i = place_count; i-- > 0;)
    if (places[i].line == line && places[i].file == file) return NUMBERED | i;
  if (place_count == 1024) place_count = 0;
  places[place_count] = {file, line};
  return NUMBERED | place_count++;
}

inline void locate(Point &p, uint32_t site) {
  if (site & NUMBERED)
    p.file = places[site & ~NUMBERED].file, p.line = places[site & ~NUMBERED].line;
  else
    p.pc = state.image_low + site;
}

inline uint3 index_of_thread(uint32_t linear) {
  uint3 size = state.block_size;
  return {linear % size.x, linear / size.x % size.y, linear / size.x / size.y};
}

uint3 block_at(uint64_t place);  // by its place in the order of blocks

inline void identify(Point &p, uint32_t who) {
  uint64_t place = state.next_block - 1;
  place -= ((place & 0x3fffff) - (who >> 10)) & 0x3fffff;  // `who` keeps 22 bits of it
  set3(p.block, block_at(place));
  set3(p.thread, index_of_thread(who & 1023));
}

inline Report &begin(Kind kind) {
  state.report = {};
  state.report.kind = kind;
  state.report.array = -1;
  if (state.current) identify(state.report.here, state.me);
  return state.report;
}

inline uint64_t distance(uint64_t a, uint64_t low, uint64_t size) {
  return a < low ? low - a : a < low + size ? 0 : a - (low + size) + 1;
}

// Names the array or shared variable that contains `a`, or else the nearest in its region.
inline void name(Report &r, uint64_t a) {
  uint64_t nearest = UINT64_MAX;
  bool shared = a - memory::arena < 2 * memory::ARENA;
  auto offer = [&](uint64_t low, uint64_t size, int array, const char *variable) {
    uint64_t far = distance(a, low, size);
    if (far >= nearest) return;
    nearest = far;
    r.array = array, r.shared = variable;
    r.offset = int64_t(a - low), r.extent = int64_t(size), r.offset_known = 1;
  };
  if (shared)
    for (int i = 0; i < memory::slot_count; i++)
      offer(memory::slots[i].low, memory::slots[i].size, -1, memory::slots[i].name);
  else if (a - memory::heap < memory::HEAP)
    for (uint32_t i = 0; i < state.launch.arrays; i++)
      offer(reinterpret_cast<uint64_t>(state.launch.array[i].device), state.launch.array[i].bytes,
            int(i), nullptr);
  else if (a < 1 << 16)
    r.text = "through a null pointer";
  else if (memory::in_stacks(a))
    r.text = "into the local memory of another thread";
  else
    r.text = "far from every array and shared variable";
}

[[noreturn]] inline void at_access(Kind kind, Mode mode, uint64_t a, uint64_t size, uint32_t site) {
  Report &r = begin(kind);
  locate(r.here, site);
  r.here.mode = mode;
  r.size = size;
  name(r, a);
  leave(UNDEFINED);
}

[[noreturn]] inline void at_place(Kind kind, const char *file, int line, const char *text) {
  Report &r = begin(kind);
  r.here.file = file;
  r.here.line = line;
  r.text = text;
  leave(UNDEFINED);
}

}  // namespace report
