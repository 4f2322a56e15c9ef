// CUDA's runtime interface for host code. Every call is synchronous, and there is one device.
#pragma once

#include "launch.h"

enum cudaMemcpyKind {
  cudaMemcpyHostToHost,
  cudaMemcpyHostToDevice,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice,
  cudaMemcpyDefault,
};

inline cudaError_t cudaGetLastError() {
  cudaError_t found = host::last_error;
  host::last_error = cudaSuccess;
  return found;
}
inline cudaError_t cudaPeekAtLastError() { return host::last_error; }

inline const char *cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    default: return "cudaErrorUnknown";
  }
}
inline const char *cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInvalidConfiguration: return "invalid configuration argument";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    default: return "unknown error";
  }
}

// --- memory ---

template <class T>
cudaError_t cudaMalloc(T **p, size_t bytes, EMULATOR_HERE) {
  return host::kept(emulator_allocate(reinterpret_cast<void **>(p), bytes, EMULATOR_IS_CHECKED, 0,
                                      file, line));
}
template <class T>
cudaError_t cudaMallocAsync(T **p, size_t bytes, cudaStream_t, EMULATOR_HERE) {
  return cudaMalloc(p, bytes, file, line);
}
constexpr unsigned cudaMemAttachGlobal = 1, cudaMemAttachHost = 2;
template <class T>
cudaError_t cudaMallocManaged(T **p, size_t bytes, unsigned = 1, EMULATOR_HERE) {
  return host::kept(emulator_allocate(reinterpret_cast<void **>(p), bytes, EMULATOR_IS_CHECKED, 1,
                                      file, line));
}
constexpr unsigned cudaHostAllocDefault = 0, cudaHostAllocPortable = 1, cudaHostAllocMapped = 2;
template <class T>
cudaError_t cudaHostAlloc(T **p, size_t bytes, unsigned = 0, EMULATOR_HERE) {
  return cudaMallocManaged(p, bytes, 1, file, line);
}
template <class T>
cudaError_t cudaMallocHost(T **p, size_t bytes, unsigned = 0, EMULATOR_HERE) {
  return cudaMallocManaged(p, bytes, 1, file, line);
}
template <class T>
cudaError_t cudaMallocPitch(T **p, size_t *pitch, size_t width, size_t height, EMULATOR_HERE) {
  *pitch = (width + 511) / 512 * 512;
  return cudaMalloc(p, *pitch * height, file, line);
}
inline cudaError_t cudaFree(void *p) { return host::kept(emulator_release(p)); }
inline cudaError_t cudaFreeAsync(void *p, cudaStream_t) { return cudaFree(p); }
inline cudaError_t cudaFreeHost(void *p) { return cudaFree(p); }

inline cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
  if (kind < 0 || kind > cudaMemcpyDefault) return host::kept(cudaErrorInvalidMemcpyDirection);
  bool any = kind == cudaMemcpyDefault;
  int to_device = any ? -1 : kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  int from_device = any ? -1 : kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  return host::kept(emulator_copy(to, from, bytes, to_device, from_device, EMULATOR_IS_CHECKED));
}
inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                                   cudaStream_t = nullptr) {
  return cudaMemcpy(to, from, bytes, kind);
}
inline cudaError_t cudaMemcpy2D(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                                size_t width, size_t height, cudaMemcpyKind kind) {
  for (size_t row = 0; row < height; row++) {
    cudaError_t status = cudaMemcpy(static_cast<char *>(to) + row * to_pitch,
                                    static_cast<const char *>(from) + row * from_pitch, width, kind);
    if (status) return status;
  }
  return cudaSuccess;
}
inline cudaError_t cudaMemset(void *p, int value, size_t bytes) {
  return host::kept(emulator_fill(p, value, bytes, EMULATOR_IS_CHECKED));
}
inline cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t = nullptr) {
  return cudaMemset(p, value, bytes);
}
inline cudaError_t cudaMemGetInfo(size_t *left, size_t *all) {
  *left = *all = size_t(8) << 30;
  return cudaSuccess;
}

// Variables with __constant__ or __device__ lie in the program's own memory.
template <class T>
cudaError_t cudaMemcpyToSymbol(T &symbol, const void *from, size_t bytes, size_t offset = 0,
                               cudaMemcpyKind = cudaMemcpyHostToDevice) {
  if (offset + bytes > sizeof(T)) return host::kept(cudaErrorInvalidValue);
  void *to = reinterpret_cast<char *>(&const_cast<std::remove_const_t<T> &>(symbol)) + offset;
  return host::kept(emulator_copy(to, from, bytes, -1, -1, EMULATOR_IS_CHECKED));
}
template <class T>
cudaError_t cudaMemcpyToSymbolAsync(T &symbol, const void *from, size_t bytes, size_t offset = 0,
                                    cudaMemcpyKind kind = cudaMemcpyHostToDevice,
                                    cudaStream_t = nullptr) {
  return cudaMemcpyToSymbol(symbol, from, bytes, offset, kind);
}
template <class T>
cudaError_t cudaMemcpyFromSymbol(void *to, const T &symbol, size_t bytes, size_t offset = 0,
                                 cudaMemcpyKind = cudaMemcpyDeviceToHost) {
  if (offset + bytes > sizeof(T)) return host::kept(cudaErrorInvalidValue);
  const void *from = reinterpret_cast<const char *>(&symbol) + offset;
  return host::kept(emulator_copy(to, from, bytes, -1, -1, EMULATOR_IS_CHECKED));
}
template <class T> cudaError_t cudaGetSymbolAddress(void **p, T &symbol) {
  *p = const_cast<void *>(static_cast<const void *>(&symbol));
  return cudaSuccess;
}

// --- streams and events ---

struct CUevent_st;
typedef CUevent_st *cudaEvent_t;
constexpr unsigned cudaStreamDefault = 0, cudaStreamNonBlocking = 1;
constexpr unsigned cudaEventDefault = 0, cudaEventBlockingSync = 1, cudaEventDisableTiming = 2;

namespace host {
template <class T> cudaError_t handle(T **p) {
  static char object;
  *p = reinterpret_cast<T *>(&object);
  return cudaSuccess;
}
}  // namespace host

inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaThreadSynchronize() { return cudaSuccess; }
inline cudaError_t cudaStreamCreate(cudaStream_t *s) { return host::handle(s); }
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned) { return host::handle(s); }
inline cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamQuery(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned = 0) {
  return cudaSuccess;
}
inline cudaError_t cudaEventCreate(cudaEvent_t *e) { return host::handle(e); }
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned) { return host::handle(e); }
inline cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t = nullptr) { return cudaSuccess; }
inline cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventQuery(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 0;  // the emulator has no time of a GPU
  return cudaSuccess;
}

// --- the device ---

struct cudaDeviceProp {
  char name[256] = "emulator";
  size_t totalGlobalMem = size_t(8) << 30, sharedMemPerBlock = 48 << 10;
  size_t sharedMemPerBlockOptin = 227 << 10, sharedMemPerMultiprocessor = 228 << 10;
  int regsPerBlock = 65536, warpSize_ = 32, maxThreadsPerBlock = 1024;
  int maxThreadsDim[3] = {1024, 1024, 64}, maxGridSize[3] = {2147483647, 65535, 65535};
  int major = 8, minor = 0, multiProcessorCount = 108, maxThreadsPerMultiProcessor = 2048;
  int clockRate = 1410000, l2CacheSize = 40 << 20;
};
enum cudaDeviceAttr {
  cudaDevAttrMaxThreadsPerBlock = 1,
  cudaDevAttrMaxSharedMemoryPerBlock = 8,
  cudaDevAttrWarpSize = 10,
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97,
};
enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
  cudaFuncAttributePreferredSharedMemoryCarveout = 9,
};
enum cudaFuncCache {
  cudaFuncCachePreferNone,
  cudaFuncCachePreferShared,
  cudaFuncCachePreferL1,
  cudaFuncCachePreferEqual,
};

inline cudaError_t cudaGetDeviceCount(int *count) {
  *count = 1;
  return cudaSuccess;
}
inline cudaError_t cudaGetDevice(int *device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaSetDevice(int device) {
  return device ? host::kept(cudaErrorInvalidDevice) : cudaSuccess;
}
inline cudaError_t cudaDeviceReset() { return cudaSuccess; }
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp *found, int) {
  *found = {};
  return cudaSuccess;
}
inline cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr which, int) {
  switch (which) {
    case cudaDevAttrMaxThreadsPerBlock: *value = 1024; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = 48 << 10; break;
    case cudaDevAttrWarpSize: *value = 32; break;
    case cudaDevAttrMultiProcessorCount: *value = 108; break;
    case cudaDevAttrComputeCapabilityMajor: *value = 8; break;
    case cudaDevAttrComputeCapabilityMinor: *value = 0; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = 227 << 10; break;
    default: return host::kept(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel *, cudaFuncAttribute which, int value) {
  if (which == cudaFuncAttributeMaxDynamicSharedMemorySize) emulator_allow_shared(size_t(value));
  return cudaSuccess;
}
template <class Kernel> cudaError_t cudaFuncSetCacheConfig(Kernel *, cudaFuncCache) {
  return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaOccupancyMaxPotentialBlockSize(int *grid, int *block, Kernel, size_t = 0, int = 0) {
  *grid = 108, *block = 256;
  return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, Kernel, int, size_t) {
  *blocks = 2;
  return cudaSuccess;
}
