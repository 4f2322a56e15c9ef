// Entry point of a kernel: it takes pointers to the arguments and unpacks them by the types of the
// kernel's parameters. It also describes these types, so that Python can check the arguments.
#pragma once

namespace emulator {
struct Parameter {
  unsigned size;     // bytes of the value, or of what a pointer points to
  char kind;         // f float, i integer, s struct
  bool pointer, constant;
};

template <class T> constexpr char kind = __is_class(T) || __is_union(T) ? 's' : 'i';
template <> inline constexpr char kind<float> = 'f';
template <> inline constexpr char kind<double> = 'f';
template <> inline constexpr char kind<void> = 's';

template <class T> constexpr unsigned size = sizeof(T);
template <> inline constexpr unsigned size<void> = 0;

template <class T> struct Describe {
  static constexpr Parameter value{sizeof(T), kind<T>, false, false};
};
template <class T> struct Describe<const T> : Describe<T> {};
template <class T> struct Describe<T *> {
  static constexpr Parameter value{size<T>, kind<T>, true, false};
};
template <class T> struct Describe<const T *> {
  static constexpr Parameter value{size<T>, kind<T>, true, true};
};
template <class T> struct Describe<T *__restrict> : Describe<T *> {};
template <class T> struct Describe<volatile T *> : Describe<T *> {};
template <class T> struct Describe<const volatile T *> : Describe<const T *> {};
template <class T> struct Describe<T *const> : Describe<T *> {};

template <class Function> struct Signature;
template <class... P> struct Signature<void (*)(P...)> {
  static constexpr unsigned count = sizeof...(P);
  static constexpr Parameter parameters[sizeof...(P) + 1] = {Describe<P>::value..., {}};
};

template <size_t... I> struct Indices {};

template <class... P, size_t... I>
__attribute__((no_sanitize("thread", "undefined"))) inline void unpack(
    void (*kernel)(P...), void **arguments, Indices<I...>) {
  kernel(*static_cast<P *>(arguments[I])...);
}

template <class... P>
__attribute__((no_sanitize("thread", "undefined"))) inline void call(void (*kernel)(P...),
                                                                     void **arguments) {
  // Hides the kernel from the inliner: code inlined here would not be instrumented.
  asm volatile("" : "+r"(kernel));
  unpack(kernel, arguments, Indices<__integer_pack(sizeof...(P))...>{});
}
}  // namespace emulator

#define EMULATOR_ENTRY(...)                                                             \
  extern "C" __attribute__((visibility("default"), no_sanitize("thread", "undefined"))) \
  void emulator_entry(void **arguments) { emulator::call(&__VA_ARGS__, arguments); }    \
  extern "C" __attribute__((visibility("default"))) const unsigned emulator_count =     \
      emulator::Signature<decltype(&__VA_ARGS__)>::count;                               \
  extern "C" __attribute__((visibility("default"))) const emulator::Parameter           \
      *const emulator_parameters = emulator::Signature<decltype(&__VA_ARGS__)>::parameters;
