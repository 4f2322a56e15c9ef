// Fibers: stacks between which one operating-system thread switches.
//
// A switch saves the six registers that a called function must keep and exchanges the stack
// pointer: some ten instructions. `swapcontext` is portable, but makes a system call for the
// signal mask each time, which costs more than most threads compute between two barriers.
#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdint>

namespace fibers {

constexpr int COUNT = 1024;              // threads of a block, at most
constexpr size_t PAGE = 4096;
constexpr size_t STACK = 32 * PAGE;      // local memory of a thread
constexpr size_t STRIDE = STACK + PAGE;  // with a guard page below each

struct Fiber {
  void *stack_pointer;
  char *low;           // its stack: low <= address < low + STACK
  ucontext_t context;  // for unknown processors
};

inline Fiber all[COUNT];

inline bool reserve() {
  void *memory = mmap(nullptr, COUNT * STRIDE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  for (int i = 0; i < COUNT; i++) {
    char *guard = static_cast<char *>(memory) + i * STRIDE;
    mprotect(guard, PAGE, PROT_NONE);
    all[i].low = guard + PAGE;
  }
  return true;
}

#if defined(__x86_64__)
constexpr bool KNOWN_PROCESSOR = true;

// switch_stacks(save, to): the compiler saves the caller's registers.
asm(R"(
.text
.type emulator_switch_stacks, @function
emulator_switch_stacks:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size emulator_switch_stacks, .-emulator_switch_stacks
)");
extern "C" void emulator_switch_stacks(void **save, void *to);

inline void *fresh_stack(char *top, void (*body)()) {
  void **words = reinterpret_cast<void **>(top);
  *--words = nullptr;  // return address of `body`, unused; it aligns the stack as after a call
  *--words = reinterpret_cast<void *>(body);
  for (int saved = 0; saved < 6; saved++) *--words = nullptr;
  return words;
}
#else
constexpr bool KNOWN_PROCESSOR = false;
inline void emulator_switch_stacks(void **, void *) {}
inline void *fresh_stack(char *, void (*)()) { return nullptr; }
#endif

inline void prepare(Fiber &fiber, void (*body)(), bool portable) {
  // Tops differ modulo the page size: otherwise all stacks would share the same few cache sets.
  size_t number = &fiber - all;
  char *top = fiber.low + STACK - (number % 29) * 128;
  if (portable) {
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.low;
    fiber.context.uc_stack.ss_size = top - fiber.low;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, body, 0);
  } else {
    fiber.stack_pointer = fresh_stack(top, body);
  }
}

inline void switch_to(Fiber &from, Fiber &to, bool portable) {
  if (portable)
    swapcontext(&from.context, &to.context);
  else
    emulator_switch_stacks(&from.stack_pointer, to.stack_pointer);
}

}  // namespace fibers
