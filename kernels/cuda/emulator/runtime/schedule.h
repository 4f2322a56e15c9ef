// Scheduler of blocks and threads. Blocks run one after another; a thread runs until it waits or
// ends. A seed draws the order of both; 0 is the natural order.
//
// A thread gets a fiber only when it first runs, and the fiber of a thread that has ended is reused
// at once: a kernel without barriers runs on one stack.
#pragma once

#include <ctime>
#include <vector>

#include "report.h"

namespace schedule {

inline std::vector<uint32_t> order;  // of the blocks; empty: natural
constexpr double SLICE = 0.1;        // seconds after which Python may look for an interrupt

inline double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

inline void draw_order() {
  order.clear();
  if (!state.launch.seed) return;
  order.resize(state.blocks);
  for (uint32_t i = 0; i < state.blocks; i++) {
    uint32_t j = below(i + 1);
    order[i] = order[j];
    order[j] = i;
  }
}

inline void make_ready(Thread &t) {
  t.waiting = READY;
  state.ready[(state.head + state.ready_count++) % fibers::COUNT] = int(&t - state.threads);
}

inline Thread *take_ready() {
  int *first = &state.ready[state.head];
  if (state.launch.seed) {
    int *drawn = &state.ready[(state.head + below(state.ready_count)) % fibers::COUNT];
    int chosen = *drawn;
    *drawn = *first;
    *first = chosen;
  }
  state.head = (state.head + 1) % fibers::COUNT;
  state.ready_count--;
  return &state.threads[*first];
}

inline void all_ready() {
  state.head = 0;
  state.ready_count = state.count;
  for (int i = 0; i < state.count; i++) state.ready[i] = i;
}

// Releases a barrier that all threads reached, or else reports those that did not.
void open_barrier();

inline bool begin_block() {
  if (state.next_block == state.blocks) return false;
  if (now() > state.deadline) leave(PAUSED);
  state.block = report::block_at(state.next_block++);
  state.block_first = ++state.epoch;
  state.ended = state.arrived = 0;
  for (auto &turn : state.turns) turn = 0;
  for (int i = 0; i < state.count; i++) {
    state.threads[i].fiber = nullptr;
    state.threads[i].waiting = READY;
  }
  all_ready();
  return true;
}

// Null if all blocks have run.
inline Thread *next() {
  if (!state.ready_count) {
    if (state.ended == state.count) {
      if (!begin_block()) return nullptr;
    } else {
      open_barrier();
    }
  }
  return take_ready();
}

// The warp's count of barriers, for the accesses of the thread that resumes.
inline void take_turn(uint32_t linear) {
  state.turn = state.turns[linear / 32];
  uint64_t epoch = uint64_t(state.epoch) << 32;
  state.quiet_for_all = epoch | 0xffffffffu;
  state.quiet_for_warp = epoch | linear / 32 << 16 | state.turn;
}

inline void become(Thread *t) {
  state.current = t;
  uint32_t linear = uint32_t(t - state.threads);
  state.me = uint32_t((state.next_block - 1) << 10) | linear;
  take_turn(linear);
  state.stack_low = reinterpret_cast<uint64_t>(t->fiber->low);
  state.progress = state.progress + 1;
}

void body();

// Gives a new thread a fiber.
inline void equip(Thread *t) {
  if (t->fiber) return;
  if (state.idle_count) {
    t->fiber = state.idle[--state.idle_count];
  } else {
    t->fiber = &fibers::all[state.fibers_used++];
    fibers::prepare(*t->fiber, body, state.launch.portable);
  }
}

// The current thread waits; returns when it may resume.
inline void wait() {
  Thread *me = state.current, *t = next();
  equip(t);
  if (t != me) {
    become(t);
    fibers::switch_to(*me->fiber, *t->fiber, state.launch.portable);
  }
  take_turn(uint32_t(me - state.threads));
}

void end_thread(Thread &t);

inline void body() {
  for (;;) {
    state.launch.entry(state.launch.arguments);
    Thread *me = state.current;
    fibers::Fiber *mine = me->fiber;
    end_thread(*me);
    Thread *t = next();
    if (!t) leave(FINISHED);
    if (!t->fiber) {
      t->fiber = mine;
      become(t);
    } else {
      become(t);
      state.idle[state.idle_count++] = mine;
      fibers::switch_to(*mine, *t->fiber, state.launch.portable);
    }
  }
}

// Switches from the loader's stack to the first fiber.
[[noreturn]] inline void enter() {
  static fibers::Fiber loader;
  // No thread has one at the beginning or between two blocks; after a report they stay as they are.
  state.idle_count = state.fibers_used = 0;
  Thread *t = next();
  if (!t) leave(FINISHED);
  equip(t);
  become(t);
  fibers::switch_to(loader, *t->fiber, state.launch.portable);
  __builtin_unreachable();
}

}  // namespace schedule

inline uint3 report::block_at(uint64_t place) {
  if (!schedule::order.empty()) place = schedule::order[place];
  uint3 grid = state.grid_size;
  return {uint32_t(place % grid.x), uint32_t(place / grid.x % grid.y),
          uint32_t(place / grid.x / grid.y)};
}
