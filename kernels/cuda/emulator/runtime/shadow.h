// Shadow memory: the last accesses of each word, from which races are detected.
//
// Time in a block is counted in barriers: `epoch` grows with each, over all blocks and launches, so
// nothing has to be cleared. Two threads of a block race on a word if both access it in one epoch
// and one of them writes. In one warp a `__syncwarp` between the two also orders them (`turn`). Two
// blocks race if one writes a word that the other accesses at any time in the launch. Atomic
// operations do not race with each other.
//
// A word has its last write and two reads. Two are enough: a write races with some earlier read if
// and only if it races with one of a pair from two warps, or, if all readers are of one warp, from
// two threads. A read by another block is kept for the whole launch, because every later write
// races with it.
#pragma once

#include "report.h"

namespace shadow {

struct Access {
  uint32_t epoch, thread, site;
  uint16_t turn, atomic;
};

struct Cell {
  Access write, read, other;
};

struct Region {  // the addresses of an array
  uint64_t low, bytes;
  Cell *cells;   // null: the kernel only reads it
  int shift;     // bytes that a cell covers, as a power of two
};

constexpr uint64_t WATCH = uint64_t(64) << 30;  // addresses for the cells of arrays
inline Cell words[memory::ARENA / 4 + 16];
inline Cell *bytes, *arrays;
// The key with which a further read of a word of shared memory need not be recorded: the word was
// written before this epoch and read in it by two warps, so that any write would race (the epoch
// and all ones), or by two threads of a warp since its last barrier (epoch, warp, count of
// barriers).
inline uint64_t quiet[memory::ARENA / 4 + 16];
inline Region regions[MOST_ARRAYS];
inline uint64_t used;

inline bool same_warp(uint32_t a, uint32_t b) { return (a ^ b) < 32; }

inline bool conflicts(const Access &a, uint32_t first) {
  if (a.epoch < first || a.thread == state.me) return false;
  if (a.epoch < state.block_first) return true;
  if (a.epoch != state.epoch) return false;
  return !(same_warp(a.thread, state.me) && a.turn != state.turn);
}

[[noreturn]] __attribute__((noinline, cold)) inline void race(Mode mode, uint64_t address,
                                                              uint64_t size, uint32_t site,
                                                              const Access &with, Mode its) {
  Report &r = report::begin(RACE);
  report::locate(r.here, site);
  report::locate(r.other, with.site);
  report::identify(r.other, with.thread);
  r.here.mode = mode;
  r.other.mode = with.atomic ? ATOMIC : its;
  r.size = size;
  r.has_other = 1;
  report::name(r, address);
  leave(UNDEFINED);
}

inline Access mine(uint32_t site, bool atomic) {
  return {state.epoch, state.me, site, state.turn, atomic};
}

inline bool saturated(const Cell &c) {
  return c.read.epoch == state.epoch && c.other.epoch == state.epoch &&
         !same_warp(c.other.thread, c.read.thread);
}

inline void record_read(Cell &cell, uint32_t first, uint32_t site) {
  Access &read = cell.read, &other = cell.other;
  auto elsewhere = [&](const Access &a) { return a.epoch >= first && a.epoch < state.block_first; };
  if (read.epoch == state.epoch) {
    if (read.thread == state.me) {
      read.turn = state.turn;
      return;
    }
    if (saturated(cell)) return;
    if (!elsewhere(other)) other = read;
  } else if (elsewhere(read) && !elsewhere(other)) {
    other = read;
  }
  read = mine(site, false);
}

template <Mode mode>
inline void touch(Cell &cell, uint32_t first, uint64_t address, uint64_t size, uint32_t site) {
  if (conflicts(cell.write, first) && !(mode == ATOMIC && cell.write.atomic))
    race(mode, address, size, site, cell.write, WRITE);
  if (mode == READ) return record_read(cell, first, site);
  if (conflicts(cell.read, first)) race(mode, address, size, site, cell.read, READ);
  if (conflicts(cell.other, first)) race(mode, address, size, site, cell.other, READ);
  cell.write = mine(site, mode == ATOMIC);
}

template <Mode mode>
inline void touch_shared(Cell &cell, uint8_t owner, uint64_t address, uint64_t size,
                         uint32_t site) {
  if (mode != WRITE && cell.write.epoch < state.block_first)
    report::at_access(owner ? UNINITIALISED : OUTSIDE, mode, address, size, site);
  if (mode == WRITE && !owner) report::at_access(OUTSIDE, mode, address, size, site);
  touch<mode>(cell, state.block_first, address, size, site);
}

inline void calm(const Cell &c, uint64_t i) {
  if (saturated(c))
    quiet[i] = state.quiet_for_all;
  else if (c.other.epoch == state.epoch && c.other.turn == state.turn && c.read.turn == state.turn)
    quiet[i] = state.quiet_for_warp;
}

template <Mode mode>
__attribute__((noinline)) void touch_words(uint64_t offset, uint64_t size, uint32_t site) {
  uint64_t last = (offset + size - 1) / 4;
  for (uint64_t i = offset / 4; i <= last; i++) {
    Cell &cell = words[i];
    touch_shared<mode>(cell, memory::owner[i], memory::arena + 4 * i, size, site);
    if (mode == READ && cell.write.epoch != state.epoch) calm(cell, i);
  }
}

template <Mode mode>
__attribute__((noinline)) void touch_bytes(uint64_t offset, uint64_t size, uint32_t site) {
  for (uint64_t i = offset; i < offset + size; i++)
    touch_shared<mode>(bytes[i], memory::owner[memory::ARENA + i],
                       memory::arena + memory::ARENA + i, size, site);
}

template <Mode mode>
inline void touch_array(Region &r, uint64_t address, uint64_t size, uint32_t site) {
  uint64_t offset = address - r.low;
  if (offset >= r.bytes || size > r.bytes - offset)
    report::at_access(OUTSIDE, mode, address, size, site);
  if (!r.cells) {
    if (mode != READ) report::at_access(CONSTANT, mode, address, size, site);
    return;
  }
  uint64_t last = (offset + size - 1) >> r.shift;
  for (uint64_t i = offset >> r.shift; i <= last; i++)
    touch<mode>(r.cells[i], state.launch_first, address, size, site);
}

inline bool is_quiet(uint64_t word) {
  return word == state.quiet_for_all || word == state.quiet_for_warp;
}

__attribute__((always_inline)) inline bool all_quiet(uint64_t offset, uint64_t size) {
  const uint64_t *word = quiet + offset / 4;
  if (size > 16 || offset % 4) return false;
  bool all = is_quiet(word[0]);
  if (size > 4) all = all && is_quiet(word[1]);
  if (size > 8) all = all && is_quiet(word[2]) && is_quiet(word[3]);
  return all;
}

template <Mode mode>
__attribute__((always_inline)) inline void access(uint64_t address, uint64_t size, uint32_t site) {
  if (!state.inside) return;
  uint64_t offset = address - memory::arena;
  if (offset < memory::ARENA) {
    if (mode == READ && all_quiet(offset, size)) return;
    touch_words<mode>(offset, size, site);
  } else if (address - memory::heap < memory::HEAP) {
    touch_array<mode>(regions[(address - memory::heap) >> memory::ROOM_BITS], address, size, site);
  } else if (address - state.stack_low < fibers::STACK ||
             address - state.image_low < state.image_size) {
    return;
  } else if (offset < 2 * memory::ARENA) {
    touch_bytes<mode>(offset - memory::ARENA, size, site);
  } else {
    report::at_access(OUTSIDE, mode, address, size, site);
  }
}

inline bool reserve() {
  bytes = reinterpret_cast<Cell *>(memory::reserve(memory::ARENA * sizeof(Cell)));
  arrays = reinterpret_cast<Cell *>(memory::reserve(WATCH));
  return bytes && arrays;
}

// Gives each array its cells; false if there are too many.
inline bool watch(const Launch &launch) {
  used = 0;
  for (int i = 0; i < MOST_ARRAYS; i++) regions[i] = {};
  for (uint32_t i = 0; i < launch.arrays; i++) {
    const Array &a = launch.array[i];
    int shift = a.narrow ? 0 : 2;
    uint64_t low = reinterpret_cast<uint64_t>(a.device), cells = (a.bytes >> shift) + 2;
    regions[i] = {low, a.bytes, a.written ? arrays + used : nullptr, shift};
    if (a.written) used += cells;
  }
  return used * sizeof(Cell) <= WATCH;
}

// After some billions of barriers the count restarts.
inline void forget() {
  std::memset(words, 0, sizeof words);
  std::memset(quiet, 0, sizeof quiet);
  madvise(bytes, memory::ARENA * sizeof(Cell), MADV_DONTNEED);
  madvise(arrays, WATCH, MADV_DONTNEED);
  state.epoch = 0;
}

}  // namespace shadow
