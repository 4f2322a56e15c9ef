// The emulator's runtime: functions for kernels (emulator.h) and for the loader (native.py).
//
// state.h is the state of a launch; fibers.h, schedule.h and together.h run its threads; memory.h,
// shadow.h and instrumentation.h check their accesses; report.h describes what was undefined;
// device.h has device memory and launches for programs with host code.
#include <link.h>

#include "guard.h"
#include "instrumentation.h"
#include "together.h"

#pragma GCC visibility push(default)
extern "C" {

uint3 emulator_thread_index() { return state.current->index; }
uint3 emulator_block_index() { return state.block; }
uint3 emulator_block_size() { return state.block_size; }
uint3 emulator_grid_size() { return state.grid_size; }
unsigned emulator_lane() { return together::linear(*state.current) % 32; }
unsigned emulator_active_lanes() {
  return together::expected(together::linear(*state.current) & ~31u, 0xffffffffu);
}

int emulator_barrier(int predicate, int combine, const char *file, int line) {
  return together::barrier(predicate, combine, file, line);
}

unsigned long long emulator_warp(unsigned mask, int operation, unsigned long long value,
                                 unsigned source, const char *file, int line) {
  return together::warp(mask, operation, value, source, file, line);
}

void *emulator_shared(emulator::Slot *slot) {
  if (slot->launch == state.launches) return slot->address;
  memory::static_bytes += slot->size;
  uint64_t all = memory::static_bytes + state.launch.dynamic_bytes;
  slot->address = memory::place(slot->size, slot->alignment, slot->element, slot->name);
  if (!slot->address || memory::static_bytes > memory::STATIC_LIMIT || all > memory::SHARED_LIMIT) {
    Report &r = report::begin(TOO_MUCH_SHARED);
    r.here.file = slot->file, r.here.line = slot->line;
    r.shared = slot->name;
    r.number = int64_t(memory::static_bytes);
    leave(UNDEFINED);
  }
  slot->launch = state.launches;
  return slot->address;
}

void *emulator_dynamic_shared(unsigned alignment, unsigned element, const char *name) {
  if (!memory::dynamic_address)
    memory::dynamic_address = memory::place(state.launch.dynamic_bytes, alignment, element, name);
  return memory::dynamic_address;
}

void emulator_atomic(void *address, unsigned size, const char *file, int line) {
  uint64_t a = reinterpret_cast<uint64_t>(address);
  uint32_t site = report::numbered(file, line);
  if (a % size) {
    Report &r = report::begin(MISALIGNED);
    report::locate(r.here, site);
    r.here.mode = ATOMIC;
    r.size = size;
    report::name(r, a);
    leave(UNDEFINED);
  }
  shadow::access<ATOMIC>(a, size, site);
}

void emulator_trap(const char *file, int line) { report::at_place(TRAP, file, line, nullptr); }

// --- functions for the loader ---

// Called once: reserves addresses; 0 if the system refuses.
int emulator_open() {
  using namespace memory;
  heap = reserve(HEAP);
  return heap && shadow::reserve() && fibers::reserve();
}

// The addresses of the shared object that contains `entry`.
void emulator_image(void *entry, uint64_t *low, uint64_t *high) {
  struct Search { uint64_t entry, low, high; } search = {reinterpret_cast<uint64_t>(entry), 0, 0};
  dl_iterate_phdr(
      [](dl_phdr_info *info, size_t, void *data) {
        Search &s = *static_cast<Search *>(data);
        uint64_t low = UINT64_MAX, high = 0;
        for (int i = 0; i < info->dlpi_phnum; i++) {
          const auto &h = info->dlpi_phdr[i];
          if (h.p_type != PT_LOAD) continue;
          uint64_t start = info->dlpi_addr + h.p_vaddr;
          if (start < low) low = start;
          if (start + h.p_memsz > high) high = start + h.p_memsz;
        }
        if (s.entry < low || s.entry >= high) return 0;
        s.low = info->dlpi_addr, s.high = high;
        return 1;
      },
      &search);
  *low = search.low, *high = search.high;
}

// The address of the copy of array `i`, with the alignment of the original.
uint64_t emulator_room(uint32_t i, uint64_t host) {
  return memory::heap + i * memory::ROOM + memory::MARGIN + host % 256;
}

// Begins a launch; 0 if it has too many arrays to check.
int emulator_start(const Launch *launch) {
  state.launch = *launch;
  if (launch->checked) {
    if (state.epoch > 1u << 31) shadow::forget();
    if (!shadow::watch(state.launch)) return 0;
    for (uint32_t i = 0; i < launch->arrays; i++) memory::copy_in(state.launch.array[i]);
  }
  const uint32_t *b = launch->block, *g = launch->grid;
  state.block_size = {b[0], b[1], b[2]};
  state.grid_size = {g[0], g[1], g[2]};
  state.count = state.ended = int(b[0] * b[1] * b[2]);
  state.blocks = uint64_t(g[0]) * g[1] * g[2];
  state.next_block = 0;
  state.ready_count = 0;
  state.launches++;
  state.launch_first = ++state.epoch;
  state.image_low = launch->image_low;
  state.image_size = launch->image_high - launch->image_low;
  state.random = launch->seed;
  state.current = nullptr;
  memory::forget_shared();
  schedule::draw_order();
  for (int i = 0; i < state.count; i++) state.threads[i].index = report::index_of_thread(i);
  return 1;
}

// Runs blocks: FINISHED when all have run, PAUSED after a time slice, or UNDEFINED.
int emulator_run() {
  jmp_buf home;
  state.home = &home;
  state.deadline = schedule::now() + schedule::SLICE;
  guard::arm();
  state.inside = true;
  int left = _setjmp(home);
  if (!left) schedule::enter();
  state.inside = false;
  guard::disarm();
  return left - 1;
}

// Copies the results back if the launch finished; returns large memory in any case.
void emulator_finish(int finished) {
  const Launch &launch = state.launch;
  if (!launch.checked) return;
  for (uint32_t i = 0; i < launch.arrays; i++) {
    if (finished) memory::copy_out(launch.array[i]);
    if (!memory::in_place(launch.array[i]))
      memory::release(reinterpret_cast<uint64_t>(launch.array[i].device), launch.array[i].bytes);
  }
  memory::release(reinterpret_cast<uint64_t>(shadow::arrays), shadow::used * sizeof(shadow::Cell));
}

const Report *emulator_report() { return &state.report; }
unsigned emulator_structures(int which) { return which ? sizeof(Report) : sizeof(Launch); }
}
#pragma GCC visibility pop

#include "device.h"
