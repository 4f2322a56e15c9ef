// Callbacks of an instrumented kernel: `-fsanitize=thread` calls them before each access of memory,
// `-fsanitize=alignment,bounds,...` after a failed check.
#pragma once

#include "shadow.h"

namespace instrumentation {

struct Source {  // in g++'s layout
  const char *file;
  uint32_t line, column;
};
struct Type {
  uint16_t kind, info;
  char name[1];
};
struct Mismatch {
  Source source;
  const Type *type;
  unsigned char log_alignment, kind;
};
struct OutOfBounds {
  Source source;
  const Type *array, *index;
};
struct Arithmetic {
  Source source;
  const Type *type;
};

inline uint32_t site(void *return_address) {
  return uint32_t(reinterpret_cast<uint64_t>(return_address) - 1 - state.image_low);
}

[[noreturn]] inline void failed(Kind kind, const Source &source, const Type *type, int64_t number,
                                const char *text) {
  Report &r = report::begin(kind);
  r.here.file = source.file, r.here.line = int32_t(source.line);
  r.type = type ? type->name : nullptr;
  r.number = number;
  r.text = text;
  leave(UNDEFINED);
}

}  // namespace instrumentation

#define SITE instrumentation::site(__builtin_return_address(0))
#define ADDRESS reinterpret_cast<uint64_t>(p)
#define WATCHED(size)                                                            \
  void __tsan_read##size(void *p) { shadow::access<READ>(ADDRESS, size, SITE); } \
  void __tsan_write##size(void *p) { shadow::access<WRITE>(ADDRESS, size, SITE); }
#define WATCHED_UNALIGNED(size)                                                            \
  void __tsan_unaligned_read##size(void *p) { shadow::access<READ>(ADDRESS, size, SITE); } \
  void __tsan_unaligned_write##size(void *p) { shadow::access<WRITE>(ADDRESS, size, SITE); }

#pragma GCC visibility push(default)
extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
WATCHED(1)
WATCHED(2)
WATCHED(4)
WATCHED(8)
WATCHED(16)
WATCHED_UNALIGNED(2)
WATCHED_UNALIGNED(4)
WATCHED_UNALIGNED(8)
WATCHED_UNALIGNED(16)
void __tsan_read_range(void *p, long size) { shadow::access<READ>(ADDRESS, size, SITE); }
void __tsan_write_range(void *p, long size) { shadow::access<WRITE>(ADDRESS, size, SITE); }

void __ubsan_handle_type_mismatch_v1_abort(instrumentation::Mismatch *data, void *p) {
  Report &r = report::begin(MISALIGNED);
  r.here.file = data->source.file, r.here.line = int32_t(data->source.line);
  r.here.mode = data->kind == 1 ? WRITE : READ;
  r.type = data->type->name;
  r.size = uint64_t(1) << data->log_alignment;
  report::name(r, ADDRESS);
  leave(UNDEFINED);
}
void __ubsan_handle_out_of_bounds_abort(instrumentation::OutOfBounds *data, uint64_t index) {
  int bits = 1 << (data->index->info >> 1);
  bool is_signed = data->index->info & 1;
  int64_t value = is_signed && bits < 64 ? int64_t(index << (64 - bits)) >> (64 - bits) : index;
  instrumentation::failed(INDEX, data->source, data->array, value, nullptr);
}
void __ubsan_handle_divrem_overflow_abort(instrumentation::Arithmetic *data, uint64_t, uint64_t) {
  instrumentation::failed(ARITHMETIC, data->source, data->type, 0, "an integer division by zero");
}
void __ubsan_handle_shift_out_of_bounds_abort(instrumentation::Arithmetic *data, uint64_t,
                                              uint64_t) {
  instrumentation::failed(ARITHMETIC, data->source, data->type, 0,
                          "a shift by less than zero or by more bits than there are");
}
}
#pragma GCC visibility pop
#undef SITE
#undef ADDRESS
#undef WATCHED
#undef WATCHED_UNALIGNED
