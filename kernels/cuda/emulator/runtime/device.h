// Device memory and launches for programs with host code (host/runtime_api.h).
//
// A checked program's memory has a room of its own for each allocation, in which kernels work in
// place, and which the host cannot access unless it is managed memory. Unchecked, it is ordinary
// memory. Both are filled with NaN.
#pragma once

#include <pthread.h>

#include <cstdlib>
#include <map>

namespace device {

enum Status { SUCCESS = 0, INVALID_VALUE = 1, NO_MEMORY = 2, INVALID_CONFIGURATION = 9 };

struct Block {
  uint64_t bytes;
  int room;  // -1: ordinary memory
  bool managed;
};

using Undefined = void (*)(const Report *, const char *kernel, uint64_t low, uint64_t high);

constexpr uint64_t PLAIN_SHARED = 48 << 10;
inline std::map<uint64_t, Block> blocks;  // by address
inline uint64_t rooms;                    // a bit for each that is taken
inline Undefined undefined;
inline uint64_t most_shared = PLAIN_SHARED;
inline thread_local bool launching;
inline pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct Locked {
  Locked() { pthread_mutex_lock(&lock); }
  ~Locked() { pthread_mutex_unlock(&lock); }
};

[[noreturn]] inline void say(const char *what, const char *file, int line) {
  std::fprintf(stderr, "emulator: %s:%d: %s\n", file, line, what);
  std::fflush(nullptr);
  std::abort();
}

// Has the host see the checked memory that is not managed, or not.
inline void show(bool shown) {
  for (auto &[address, block] : blocks)
    if (block.room >= 0 && !block.managed && block.bytes)
      mprotect(reinterpret_cast<void *>(address), block.bytes,
               shown ? PROT_READ | PROT_WRITE : PROT_NONE);
}

inline std::map<uint64_t, Block>::iterator containing(uint64_t address) {
  auto after = blocks.upper_bound(address);
  return after == blocks.begin() ? blocks.end() : std::prev(after);
}

// Whether the bytes lie in one allocation.
inline bool holds(const void *p, uint64_t bytes) {
  uint64_t address = reinterpret_cast<uint64_t>(p);
  auto found = containing(address);
  return found != blocks.end() && address - found->first + bytes <= found->second.bytes;
}

inline bool is_checked_memory(const void *p) {
  return reinterpret_cast<uint64_t>(p) - memory::heap < memory::HEAP;
}

inline int free_room() {
  for (int i = 0; i < MOST_ARRAYS; i++)
    if (!(rooms >> i & 1)) return i;
  return -1;
}

inline void describe(Launch &launch, bool narrow) {
  launch.arrays = 0;
  for (auto &[address, block] : blocks) {
    if (block.room < 0) continue;
    char *at = reinterpret_cast<char *>(address);
    launch.array[block.room] = {at, at, block.bytes, 1, narrow};
    if (launch.arrays <= uint32_t(block.room)) launch.arrays = uint32_t(block.room) + 1;
  }
}

inline bool fits(const Launch &l) {
  const uint32_t most[] = {1024, 1024, 64}, blocks_most[] = {2147483647u, 65535, 65535};
  uint64_t threads = 1;
  for (int i = 0; i < 3; i++) {
    threads *= l.block[i];
    if (!l.block[i] || !l.grid[i] || l.block[i] > most[i] || l.grid[i] > blocks_most[i])
      return false;
  }
  return threads <= 1024;
}

}  // namespace device

#pragma GCC visibility push(default)
extern "C" {

// What is called when a launch is undefined; it does not return.
void emulator_on_undefined(device::Undefined call) { device::undefined = call; }

int emulator_allocate(void **p, uint64_t bytes, int checked, int managed, const char *file,
                      int line) {
  device::Locked locked;
  if (!p) return device::INVALID_VALUE;
  if (!bytes) {
    *p = nullptr;
    return device::SUCCESS;
  }
  int room = -1;
  if (checked) {
    room = device::free_room();
    if (room < 0)
      device::say("64 arrays of device memory at a time are what the checks take: is a cudaFree "
                  "missing?", file, line);
    if (bytes > uint64_t(3) << 28) return device::NO_MEMORY;
    *p = reinterpret_cast<void *>(memory::heap + uint64_t(room) * memory::ROOM + memory::MARGIN);
    device::rooms |= uint64_t(1) << room;
    mprotect(*p, bytes, PROT_READ | PROT_WRITE);
  } else {
    *p = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (!*p) return device::NO_MEMORY;
  }
  std::memset(*p, 0xff, bytes);
  device::blocks[reinterpret_cast<uint64_t>(*p)] = {bytes, room, managed != 0};
  if (checked && !managed) mprotect(*p, bytes, PROT_NONE);
  return device::SUCCESS;
}

// The room of an address, which reports number.
int emulator_room_of(const void *p) {
  return int((reinterpret_cast<uint64_t>(p) - memory::heap) >> memory::ROOM_BITS);
}

int emulator_release(void *p) {
  device::Locked locked;
  if (!p) return device::SUCCESS;
  auto found = device::blocks.find(reinterpret_cast<uint64_t>(p));
  if (found == device::blocks.end()) return device::INVALID_VALUE;
  device::Block block = found->second;
  device::blocks.erase(found);
  if (block.room < 0) {
    std::free(p);
  } else {
    device::rooms &= ~(uint64_t(1) << block.room);
    madvise(p, block.bytes, MADV_DONTNEED);
    mprotect(p, block.bytes, PROT_NONE);
  }
  return device::SUCCESS;
}

// Copies like cudaMemcpy; device addresses are checked in a checked program.
int emulator_copy(void *to, const void *from, uint64_t bytes, int to_device, int from_device,
                  int checked) {
  device::Locked locked;
  if (!bytes) return device::SUCCESS;
  auto wrong = [&](const void *p, int is_device) {
    return device::is_checked_memory(p) ? !device::holds(p, bytes) : is_device == 1;
  };
  if (!to || !from) return device::INVALID_VALUE;
  if (checked && (wrong(to, to_device) || wrong(from, from_device))) return device::INVALID_VALUE;
  device::show(true);
  std::memmove(to, from, bytes);
  device::show(false);
  return device::SUCCESS;
}

int emulator_fill(void *p, int value, uint64_t bytes, int checked) {
  device::Locked locked;
  if (!bytes) return device::SUCCESS;
  if (!p || (checked && !device::holds(p, bytes))) return device::INVALID_VALUE;
  device::show(true);
  std::memset(p, value, bytes);
  device::show(false);
  return device::SUCCESS;
}

void emulator_allow_shared(uint64_t bytes) {
  if (bytes <= memory::SHARED_LIMIT && bytes > device::most_shared) device::most_shared = bytes;
}

// Launches a kernel and waits for it; an error as CUDA gives it for a grid that it refuses.
int emulator_launch(void (*entry)(void **), void **arguments, const uint32_t *grid,
                    const uint32_t *block, uint64_t shared, int checked, int narrow,
                    const char *kernel, const char *file, int line) {
  if (device::launching)
    device::say("a kernel launches a kernel (dynamic parallelism), which is not taken", file, line);
  device::Locked locked;
  static Launch launch;
  launch = {};
  launch.entry = entry;
  launch.arguments = arguments;
  for (int i = 0; i < 3; i++) launch.grid[i] = grid[i], launch.block[i] = block[i];
  if (!device::fits(launch)) return device::INVALID_CONFIGURATION;
  if (shared > device::most_shared) return device::INVALID_VALUE;
  launch.dynamic_bytes = uint32_t(shared);
  launch.checked = uint32_t(checked);
  launch.patience = 60;
  emulator_image(reinterpret_cast<void *>(entry), &launch.image_low, &launch.image_high);
  if (checked) device::describe(launch, narrow != 0);
  device::show(true);
  if (!emulator_start(&launch)) device::say("its arrays are too large to watch", file, line);
  device::launching = true;
  int outcome = PAUSED;
  while (outcome == PAUSED) outcome = emulator_run();
  device::launching = false;
  if (outcome == UNDEFINED) {
    if (device::undefined)
      device::undefined(&state.report, kernel, launch.image_low, launch.image_high);
    device::say("undefined behaviour", file, line);
  }
  emulator_finish(1);
  device::show(false);
  return device::SUCCESS;
}
}
#pragma GCC visibility pop
