// Functions that g++ calls for atomic operations of instrumented host code, such as the count of a
// shared pointer. They are done at once.
#pragma once

#ifdef EMULATOR_CHECKED
#define EMULATOR_HOST_CODE \
  __attribute__((weak, visibility("hidden"), no_sanitize("thread", "undefined")))
#define EMULATOR_CHANGE(name, T, bits, how)                                                  \
  EMULATOR_HOST_CODE T __tsan_atomic##bits##_##name(volatile T *p, T value, int) {           \
    return how(p, value, __ATOMIC_SEQ_CST);                                                  \
  }
#define EMULATOR_COMPARE(name, T, bits)                                                      \
  EMULATOR_HOST_CODE int __tsan_atomic##bits##_compare_exchange_##name(                      \
      volatile T *p, T *wanted, T value, int, int) {                                         \
    return __atomic_compare_exchange_n(p, wanted, value, 0, __ATOMIC_SEQ_CST,                \
                                       __ATOMIC_SEQ_CST);                                    \
  }
#define EMULATOR_OF_SIZE(T, bits)                                                            \
  EMULATOR_HOST_CODE T __tsan_atomic##bits##_load(const volatile T *p, int) {                \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                             \
  }                                                                                          \
  EMULATOR_HOST_CODE void __tsan_atomic##bits##_store(volatile T *p, T value, int) {         \
    __atomic_store_n(p, value, __ATOMIC_SEQ_CST);                                            \
  }                                                                                          \
  EMULATOR_CHANGE(exchange, T, bits, __atomic_exchange_n)                                    \
  EMULATOR_CHANGE(fetch_add, T, bits, __atomic_fetch_add)                                    \
  EMULATOR_CHANGE(fetch_sub, T, bits, __atomic_fetch_sub)                                    \
  EMULATOR_CHANGE(fetch_and, T, bits, __atomic_fetch_and)                                    \
  EMULATOR_CHANGE(fetch_or, T, bits, __atomic_fetch_or)                                      \
  EMULATOR_CHANGE(fetch_xor, T, bits, __atomic_fetch_xor)                                    \
  EMULATOR_COMPARE(strong, T, bits)                                                          \
  EMULATOR_COMPARE(weak, T, bits)
extern "C" {
EMULATOR_OF_SIZE(unsigned char, 8)
EMULATOR_OF_SIZE(unsigned short, 16)
EMULATOR_OF_SIZE(unsigned, 32)
EMULATOR_OF_SIZE(unsigned long, 64)
EMULATOR_HOST_CODE void __tsan_atomic_thread_fence(int) { __sync_synchronize(); }
EMULATOR_HOST_CODE void __tsan_vptr_update(void **, void *) {}
EMULATOR_HOST_CODE void __tsan_vptr_read(void **) {}
}
#undef EMULATOR_OF_SIZE
#undef EMULATOR_COMPARE
#undef EMULATOR_CHANGE
#undef EMULATOR_HOST_CODE
#endif
