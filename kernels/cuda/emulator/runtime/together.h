// Synchronisation: the block's barrier and the operations of a warp.
#pragma once

#include "schedule.h"

namespace together {

inline uint32_t linear(const Thread &t) { return uint32_t(&t - state.threads); }

inline uint32_t identity(const Thread &t) {
  return uint32_t((state.next_block - 1) << 10) | linear(t);
}

inline const char *what(const Thread &t) {
  return t.waiting == ENDED ? "has ended"
         : t.waiting == IN_WARP ? "waits in a warp operation"
                                : "waits at another barrier";
}

[[noreturn]] inline void incomplete(Kind kind, const Thread &waits, const Thread &missing) {
  Report &r = report::begin(kind);
  r.here.file = waits.file, r.here.line = waits.line;
  report::identify(r.here, identity(waits));
  report::identify(r.other, identity(missing));
  r.has_other = 1;
  r.mask = kind == WARP ? waits.mask : 0;
  r.text = what(missing);
  if (missing.waiting != ENDED) r.other.file = missing.file, r.other.line = missing.line;
  leave(UNDEFINED);
}

inline bool same_place(const Thread &a, const Thread &b) {
  return a.line == b.line && (a.file == b.file || !__builtin_strcmp(a.file, b.file));
}

inline bool named(const Thread &waits, const Thread &other) {
  uint32_t a = linear(waits), b = linear(other);
  return a / 32 == b / 32 && (waits.mask >> b % 32 & 1);
}

// Deadlock: a warp operation lacks a lane, or some threads do not reach the barrier.
[[noreturn]] inline void stuck() {
  const Thread *at_barrier = nullptr;
  for (int i = 0; i < state.count; i++) {
    const Thread &t = state.threads[i];
    if (t.waiting == IN_WARP)
      for (int k = i & ~31; k < state.count && k < (i | 31) + 1; k++)
        if (named(t, state.threads[k]) && (state.threads[k].waiting != IN_WARP ||
            state.threads[k].mask != t.mask || state.threads[k].operation != t.operation))
          incomplete(WARP, t, state.threads[k]);
    if (t.waiting == AT_BARRIER && !at_barrier) at_barrier = &t;
  }
  for (int i = 0; i < state.count; i++) {
    const Thread &t = state.threads[i];
    if (t.waiting == ENDED || !same_place(t, *at_barrier)) incomplete(BARRIER, *at_barrier, t);
  }
  __builtin_unreachable();
}

inline const Thread *first_at_barrier;

inline int barrier(int predicate, int combine, const char *file, int line) {
  Thread &me = *state.current;
  me.waiting = AT_BARRIER;
  me.file = file, me.line = line;
  if (!state.arrived++) {
    first_at_barrier = &me;
    state.votes = 0;
    state.scattered = false;
  }
  state.votes += predicate != 0;
  state.scattered |= !same_place(me, *first_at_barrier);
  schedule::wait();
  return state.combined[combine];
}

// The lanes that an operation waits for: those of the mask that exist and have not ended.
inline unsigned expected(uint32_t first, unsigned mask) {
  unsigned lanes = 0;
  for (int lane = 0; lane < 32 && first + lane < uint32_t(state.count); lane++)
    if (state.threads[first + lane].waiting != ENDED) lanes |= 1u << lane;
  return lanes & mask;
}

inline bool complete(uint32_t first, const Thread &t, unsigned lanes) {
  for (unsigned left = lanes; left; left &= left - 1) {
    const Thread &other = state.threads[first + __builtin_ctz(left)];
    if (other.waiting != IN_WARP || other.mask != t.mask || other.operation != t.operation)
      return false;
  }
  return true;
}

inline void answer(uint32_t first, unsigned lanes, const Thread &one) {
  unsigned long long votes = 0;
  for (unsigned left = lanes; left; left &= left - 1) {
    int lane = __builtin_ctz(left);
    Thread &t = state.threads[first + lane];
    votes |= (t.value & 1) << lane;
    if (one.operation != emulator::SHUFFLE) continue;
    if (!(lanes >> t.source & 1)) {
      Report &r = report::begin(WARP);
      r.here.file = t.file, r.here.line = t.line;
      report::identify(r.here, identity(t));
      r.mask = t.mask;
      r.number = t.source;
      r.text = "reads from a lane that takes no part, lane";
      leave(UNDEFINED);
    }
    t.result = state.threads[first + t.source].value;
  }
  for (unsigned left = lanes; left; left &= left - 1) {
    Thread &t = state.threads[first + __builtin_ctz(left)];
    if (one.operation == emulator::VOTE) t.result = votes;
    schedule::make_ready(t);
  }
  // Shuffles and votes exchange registers and order no memory (CUDA C++ Programming Guide, Warp
  // Shuffle Functions): of the three only the warp's barrier does.
  if (one.operation == emulator::SYNC) state.turns[first / 32]++;
}

inline void try_to_complete(const Thread &t) {
  uint32_t first = linear(t) & ~31u;
  unsigned lanes = expected(first, t.mask);
  if (complete(first, t, lanes)) {
    Thread one = t;
    answer(first, lanes, one);
  }
}

inline unsigned long long warp(unsigned mask, int operation, unsigned long long value,
                               unsigned source, const char *file, int line) {
  Thread &me = *state.current;
  if (!(mask >> linear(me) % 32 & 1))
    report::at_place(WARP, file, line, "the mask does not name the lane that calls");
  me.waiting = IN_WARP;
  me.mask = mask, me.operation = operation, me.value = value, me.source = source;
  me.file = file, me.line = line;
  try_to_complete(me);
  schedule::wait();
  return me.result;
}

}  // namespace together

inline void schedule::open_barrier() {
  if (state.arrived != state.count || state.scattered) together::stuck();
  state.combined[0] = state.votes;
  state.combined[1] = state.votes == state.count;
  state.combined[2] = state.votes != 0;
  state.arrived = 0;
  state.epoch++;
  schedule::all_ready();
}

inline void schedule::end_thread(Thread &t) {
  t.waiting = ENDED;
  state.ended++;
  // The operations of its warp wait for it no longer.
  uint32_t first = together::linear(t) & ~31u;
  for (uint32_t i = first; i < first + 32 && i < uint32_t(state.count); i++)
    if (state.threads[i].waiting == IN_WARP) together::try_to_complete(state.threads[i]);
}
