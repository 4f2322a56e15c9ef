// Signals that end a launch: a processor fault, or a thread that does not end.
#pragma once

#include <csignal>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report.h"

namespace guard {

constexpr int FAULTS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
constexpr size_t STACK = 64 << 10;

inline struct sigaction before[4], alarm_before;
inline stack_t stack_before;
inline char stack[STACK];
inline pthread_t owner;
inline timer_t timer;
inline bool ticking;
inline uint64_t seen;

inline bool in_kernel(uint64_t a) { return a - state.image_low < state.image_size; }

// The interrupted instruction; if it is outside of the kernel, the kernel's call that led there:
// the first word on the stack that points into the kernel.
inline uint64_t instruction(void *context) {
#if defined(__x86_64__)
  const auto &registers = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
  uint64_t at = uint64_t(registers[REG_RIP]), stack = uint64_t(registers[REG_RSP]);
#elif defined(__aarch64__)
  const auto &registers = static_cast<ucontext_t *>(context)->uc_mcontext;
  uint64_t at = registers.pc, stack = registers.sp;
#else
  (void)context;
  uint64_t at = 0, stack = 0;
#endif
  if (in_kernel(at)) return at;
  uint64_t end = state.stack_low + fibers::STACK;
  for (; stack - state.stack_low < fibers::STACK && stack < end - 8; stack += 8)
    if (in_kernel(*reinterpret_cast<uint64_t *>(stack)))
      return *reinterpret_cast<uint64_t *>(stack) - 1;
  return at;
}

inline void on_fault(int signal, siginfo_t *info, void *context) {
  if (!pthread_equal(pthread_self(), owner)) {  // another thread: the original handler gets it
    for (int i = 0; i < 4; i++)
      if (FAULTS[i] == signal) sigaction(signal, &before[i], nullptr);
    return;
  }
  Report &r = report::begin(CRASH);
  r.here.pc = instruction(context);
  r.number = signal;
  uint64_t a = reinterpret_cast<uint64_t>(info->si_addr);
  if (signal == SIGSEGV && memory::in_stacks(a)) r.text = "its local memory is full";
  leave(UNDEFINED);
}

inline void on_alarm(int, siginfo_t *, void *context) {
  if (seen != state.progress) {
    seen = state.progress;
    return;
  }
  report::begin(NO_END).here.pc = instruction(context);
  leave(UNDEFINED);
}

inline void start_timer() {
  sigevent event = {};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGVTALRM;
  event._sigev_un._tid = int(syscall(SYS_gettid));
  ticking = !timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer);
  if (!ticking) return;
  itimerspec every = {};
  double seconds = state.launch.patience;
  every.it_value.tv_sec = time_t(seconds);
  every.it_value.tv_nsec = long((seconds - double(time_t(seconds))) * 1e9) + 1;
  every.it_interval = every.it_value;
  seen = state.progress - 1;
  timer_settime(timer, 0, &every, nullptr);
}

inline void arm() {
  owner = pthread_self();
  stack_t own = {};
  own.ss_sp = stack;
  own.ss_size = STACK;
  sigaltstack(&own, &stack_before);
  struct sigaction action = {};
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  action.sa_sigaction = on_fault;
  for (int i = 0; i < 4; i++) sigaction(FAULTS[i], &action, &before[i]);
  action.sa_sigaction = on_alarm;
  sigaction(SIGVTALRM, &action, &alarm_before);
  start_timer();
}

inline void disarm() {
  if (ticking) timer_delete(timer);
  ticking = false;
  sigaction(SIGVTALRM, &alarm_before, nullptr);
  for (int i = 0; i < 4; i++) sigaction(FAULTS[i], &before[i], nullptr);
  if (stack_before.ss_flags & SS_DISABLE) stack_before.ss_size = 0;
  sigaltstack(&stack_before, nullptr);
}

}  // namespace guard
