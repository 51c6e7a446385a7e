// What the C that wasm2c 1.0.34 or later makes of the core needs of a runtime: one 32-bit memory with guard pages, traps
// that end the process, no tables that are ever filled, no exceptions, no imports. Written for the benchmark; wasm2c's own
// runtime has the same choices on Linux (guard pages instead of bounds checks, no stack depth count).
// The rest of the generated file's names are here because its prologue spells them out, whether the module uses them or not.
#ifndef WASM_RT_H_
#define WASM_RT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define wasm_rt_memcpy __builtin_memcpy
#define wasm_rt_unreachable __builtin_unreachable

#define WASM_RT_MEMCHECK_GUARD_PAGES 1
#define WASM_RT_STACK_DEPTH_COUNT 0
#define WASM_RT_USE_SEGUE 0
#define WASM_RT_SANITY_CHECKS 0

typedef enum {
  WASM_RT_TRAP_NONE,
  WASM_RT_TRAP_OOB,
  WASM_RT_TRAP_INT_OVERFLOW,
  WASM_RT_TRAP_DIV_BY_ZERO,
  WASM_RT_TRAP_INVALID_CONVERSION,
  WASM_RT_TRAP_UNREACHABLE,
  WASM_RT_TRAP_CALL_INDIRECT,
  WASM_RT_TRAP_NULL_REF,
  WASM_RT_TRAP_UNCAUGHT_EXCEPTION,
  WASM_RT_TRAP_UNALIGNED,
  WASM_RT_TRAP_EXHAUSTION,
} wasm_rt_trap_t;

typedef enum {
  WASM_RT_I32,
  WASM_RT_I64,
  WASM_RT_F32,
  WASM_RT_F64,
  WASM_RT_V128,
  WASM_RT_FUNCREF,
  WASM_RT_EXTERNREF,
  WASM_RT_EXNREF,
} wasm_rt_type_t;

typedef void (*wasm_rt_function_ptr_t)(void);
typedef const char* wasm_rt_func_type_t;

typedef struct wasm_rt_tailcallee_t {
  void (*fn)(void** instance, void* stack, struct wasm_rt_tailcallee_t* next);
} wasm_rt_tailcallee_t;

typedef struct {
  wasm_rt_func_type_t func_type;
  wasm_rt_function_ptr_t func;
  wasm_rt_tailcallee_t func_tailcallee;
  void* module_instance;
} wasm_rt_funcref_t;
static const wasm_rt_funcref_t wasm_rt_funcref_null_value = {0};

typedef void* wasm_rt_externref_t;
static const wasm_rt_externref_t wasm_rt_externref_null_value = NULL;

typedef struct {
  wasm_rt_funcref_t* data;
  uint32_t max_size;
  uint32_t size;
} wasm_rt_funcref_table_t;

typedef struct {
  wasm_rt_externref_t* data;
  uint32_t max_size;
  uint32_t size;
} wasm_rt_externref_table_t;

typedef struct {
  uint8_t* data;
  uint64_t pages, max_pages;
  uint64_t size;
} wasm_rt_memory_t;

static inline bool wasm_rt_is_initialized(void) {
  return true;
}

__attribute__((noreturn)) void wasm_rt_trap(wasm_rt_trap_t trap);
void wasm_rt_allocate_memory(wasm_rt_memory_t* memory,
                             uint64_t pages,
                             uint64_t max_pages,
                             bool is64,
                             uint32_t page_size);
uint64_t wasm_rt_grow_memory(wasm_rt_memory_t* memory, uint64_t pages);
void wasm_rt_free_memory(wasm_rt_memory_t* memory);

#endif
