// Structures shared with the loader, and the state of the running launch.
#pragma once

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "../vectors.h"
#include "fibers.h"

constexpr int MOST_ARRAYS = 64;
constexpr int MOST_SLOTS = 64;

// --- shared with Python (native.py declares the same structures) ---

struct Array {
  char *host, *device;
  uint64_t bytes;
  uint32_t written, narrow;  // may the kernel write it; has it elements below four bytes
};

struct Launch {
  void (*entry)(void **);
  void **arguments;
  uint64_t seed, image_low, image_high;
  uint32_t grid[3], block[3];
  uint32_t dynamic_bytes, checked, portable, arrays;
  double patience;  // seconds a thread may run without end or barrier
  Array array[MOST_ARRAYS];
};

enum Outcome : int { FINISHED, PAUSED, UNDEFINED };

enum Kind : int {
  NO_KIND, RACE, OUTSIDE, UNINITIALISED, BARRIER, WARP, MISALIGNED, INDEX, ARITHMETIC, CONSTANT,
  TOO_MUCH_SHARED, NO_END, CRASH, TRAP,
};
enum Mode : int { NO_ACCESS, READ, WRITE, ATOMIC };

struct Point {  // position in the source, thread, and kind of access
  uint64_t pc;
  const char *file;
  int32_t line, mode;
  uint32_t block[3], thread[3];
};

struct Report {
  int32_t kind, has_other;
  Point here, other;
  uint64_t size, mask;
  int32_t array;                   // the array, or the nearest one; -1: none
  int32_t offset_known;
  const char *shared;              // the shared variable; null: none
  int64_t offset, extent;          // bytes from its beginning; its bytes
  const char *text;                // further description
  const char *type;
  int64_t number;
};

// --- private to the runtime ---

enum Waiting : uint8_t { READY, AT_BARRIER, IN_WARP, ENDED };

struct Thread {
  uint3 index;
  fibers::Fiber *fiber;
  Waiting waiting;
  const char *file;
  int line;
  // the warp operation that it waits in
  unsigned mask, source;
  int operation;
  unsigned long long value, result;
};

struct State {
  // read at every access: kept together
  uint32_t epoch;                  // barriers passed, of all blocks of all launches
  uint32_t launch_first, block_first;
  uint32_t me;                     // 1024 times the block's place in the order, plus the thread
  uint16_t turn;                   // barriers that this warp has passed by itself
  uint64_t stack_low, image_low, image_size;
  uint64_t quiet_for_all, quiet_for_warp;  // see shadow.h
  bool inside;                     // a launch runs: otherwise accesses are the host's

  Launch launch;
  Report report;
  jmp_buf *home;
  Thread *current;
  Thread threads[fibers::COUNT];
  uint16_t turns[fibers::COUNT / 32];
  int count, ended, arrived;       // threads of a block; of this one, those that ended or wait
  int votes;                       // true predicates among those that wait
  bool scattered;                  // they wait at more than one barrier
  uint3 block_size, grid_size, block;
  uint64_t blocks, next_block;     // total, begun
  int ready[fibers::COUNT];        // a ring
  int head, ready_count;
  fibers::Fiber *idle[fibers::COUNT];
  int idle_count, fibers_used;     // idle ones, and those ever prepared
  uint64_t random;
  int combined[3];                 // of the barrier: count, and, or
  double deadline;
  volatile uint64_t progress;      // threads begun or resumed
  uint64_t launches;
};

inline State state;

// Undefined behaviour of a program's host code, which is instrumented as its kernels are.
[[noreturn]] inline void host_failed() {
  const Report &r = state.report;
  const char *what = r.text ? r.text : r.kind == INDEX ? "an index outside of an array"
                                                       : "an address that is misaligned";
  std::fprintf(stderr, "%s:%d:0: runtime error: %s\n", r.here.file ? r.here.file : "", r.here.line,
               what);
  std::fflush(nullptr);
  std::abort();
}

inline uint64_t draw() {  // splitmix64 (Steele, Lea & Flood, OOPSLA 2014)
  uint64_t z = state.random += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

inline uint32_t below(uint32_t n) { return (draw() >> 32) * n >> 32; }

[[noreturn]] inline void leave(Outcome outcome) {
  if (!state.inside) host_failed();
  _longjmp(*state.home, outcome + 1);
}
