// Launches `kernel<<<grid, block, shared, stream>>>(arguments)` by host code, and the program's
// memory. programs.py rewrites each launch to a call of `host::launch`, with a function that makes
// the kernel's call; every thread of the grid calls it with copies of the arguments.
#pragma once

#ifdef EMULATOR_CHECKED
#define EMULATOR_IS_CHECKED 1
#else
#define EMULATOR_IS_CHECKED 0
#endif
#ifndef EMULATOR_NARROW
#define EMULATOR_NARROW 0
#endif
#define EMULATOR_PLAIN __attribute__((no_sanitize("thread", "undefined")))

extern "C" {
int emulator_allocate(void **p, unsigned long bytes, int checked, int managed, const char *file,
                      int line);
int emulator_release(void *p);
int emulator_copy(void *to, const void *from, unsigned long bytes, int to_device, int from_device,
                  int checked);
int emulator_fill(void *p, int value, unsigned long bytes, int checked);
void emulator_allow_shared(unsigned long bytes);
int emulator_launch(void (*entry)(void **), void **arguments, const unsigned *grid,
                    const unsigned *block, unsigned long shared, int checked, int narrow,
                    const char *kernel, const char *file, int line);
// Tells Python that the library launches kernels, and whether they are checked.
__attribute__((visibility("default"))) extern const int emulator_program;
const int emulator_program = EMULATOR_IS_CHECKED;
}

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInitializationError = 3,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInvalidSymbol = 13,
  cudaErrorInvalidDevicePointer = 17,
  cudaErrorInvalidMemcpyDirection = 21,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorNotReady = 600,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchOutOfResources = 701,
  cudaErrorLaunchFailure = 719,
  cudaErrorNotSupported = 801,
  cudaErrorUnknown = 999,
};
struct CUstream_st;
typedef CUstream_st *cudaStream_t;

namespace host {
inline cudaError_t last_error = cudaSuccess;

// The status of a call, kept for cudaGetLastError.
inline cudaError_t kept(int status) {
  if (status) last_error = cudaError_t(status);
  return cudaError_t(status);
}

struct Configuration {
  dim3 grid, block;
  size_t shared;
  Configuration(dim3 grid, dim3 block, size_t shared = 0, cudaStream_t = nullptr)
      : grid(grid), block(block), shared(shared) {}
};

template <class Function, class... P> struct Bound {
  Function function;
  std::tuple<P...> arguments;

  __attribute__((noinline)) void run() { std::apply(function, arguments); }

  // The bytes of the arguments are the host's: they are copied to the thread's own memory first,
  // by code that is not instrumented.
  EMULATOR_PLAIN static void enter(void **given) {
    alignas(Bound) char own[sizeof(Bound)];
    __builtin_memcpy(own, *given, sizeof(Bound));
    Bound *mine = reinterpret_cast<Bound *>(own);
    void (Bound::*hidden)() = &Bound::run;
    asm volatile("" : "+m"(hidden));
    (mine->*hidden)();
  }
};

template <class Function, class... P>
void launch(const Configuration &c, const char *kernel, const char *file, int line,
            Function function, P... arguments) {
  using Call = Bound<Function, P...>;
  Call call{function, {arguments...}};
  void *given[] = {&call};
  const unsigned grid[] = {c.grid.x, c.grid.y, c.grid.z};
  const unsigned block[] = {c.block.x, c.block.y, c.block.z};
  kept(emulator_launch(&Call::enter, given, grid, block, c.shared, EMULATOR_IS_CHECKED,
                       EMULATOR_NARROW, kernel, file, line));
}
}  // namespace host
