// The 128-bit operations of the core, under the names that wasm2c writes: those that the generated prologue spells out and
// those that the core uses for its way compare, with the vector extension of GCC and Clang. Little-endian hosts. A core
// that uses another operation does not compile here: it is to be added.
#ifndef NESTED_IOMMU_SIMD128_H_
#define NESTED_IOMMU_SIMD128_H_

#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

typedef int64_t simde_v128_t __attribute__((vector_size(16)));
typedef int8_t ni_i8x16 __attribute__((vector_size(16)));
typedef int16_t ni_i16x8 __attribute__((vector_size(16)));
typedef int32_t ni_i32x4 __attribute__((vector_size(16)));

static inline simde_v128_t simde_wasm_v128_load(const void* at) {
  simde_v128_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static inline void simde_wasm_v128_store(void* at, simde_v128_t value) {
  memcpy(at, &value, sizeof value);
}

// Loads and stores of parts: a local array of lanes, which the compiler turns into one instruction.
#define NI_SPLAT(bits)                                                    \
  static inline simde_v128_t simde_wasm_v128_load##bits##_splat(const void* at) { \
    uint##bits##_t lane, lanes[128 / bits];                               \
    memcpy(&lane, at, sizeof lane);                                       \
    for (int i = 0; i < 128 / bits; i++) lanes[i] = lane;                 \
    return simde_wasm_v128_load(lanes);                                   \
  }                                                                       \
  static inline simde_v128_t simde_wasm_v128_load##bits##_lane(const void* at, simde_v128_t v, int n) { \
    uint##bits##_t lanes[128 / bits];                                     \
    memcpy(lanes, &v, sizeof v);                                          \
    memcpy(&lanes[n], at, sizeof lanes[n]);                               \
    return simde_wasm_v128_load(lanes);                                   \
  }                                                                       \
  static inline void simde_wasm_v128_store##bits##_lane(void* at, simde_v128_t v, int n) { \
    uint##bits##_t lanes[128 / bits];                                     \
    memcpy(lanes, &v, sizeof v);                                          \
    memcpy(at, &lanes[n], sizeof lanes[n]);                               \
  }
NI_SPLAT(8)
NI_SPLAT(16)
NI_SPLAT(32)
NI_SPLAT(64)

#define NI_WIDEN(name, narrow, wide, count)                      \
  static inline simde_v128_t simde_wasm_##name(const void* at) { \
    narrow from[count];                                          \
    wide lanes[count];                                           \
    memcpy(from, at, sizeof from);                               \
    for (int i = 0; i < count; i++) lanes[i] = from[i];          \
    return simde_wasm_v128_load(lanes);                          \
  }
NI_WIDEN(i16x8_load8x8, int8_t, int16_t, 8)
NI_WIDEN(u16x8_load8x8, uint8_t, uint16_t, 8)
NI_WIDEN(i32x4_load16x4, int16_t, int32_t, 4)
NI_WIDEN(u32x4_load16x4, uint16_t, uint32_t, 4)
NI_WIDEN(i64x2_load32x2, int32_t, int64_t, 2)
NI_WIDEN(u64x2_load32x2, uint32_t, uint64_t, 2)

static inline simde_v128_t simde_wasm_v128_load32_zero(const void* at) {
  uint32_t lanes[4] = {0};
  memcpy(lanes, at, 4);
  return simde_wasm_v128_load(lanes);
}

static inline simde_v128_t simde_wasm_v128_load64_zero(const void* at) {
  uint64_t lanes[2] = {0};
  memcpy(lanes, at, 8);
  return simde_wasm_v128_load(lanes);
}

#define simde_wasm_i64x2_make(a, b) ((simde_v128_t){(a), (b)})
#define simde_wasm_i64x2_splat(a) ((simde_v128_t){(int64_t)(a), (int64_t)(a)})
#define simde_wasm_i32x4_splat(a) \
  ((simde_v128_t)(ni_i32x4){(int32_t)(a), (int32_t)(a), (int32_t)(a), (int32_t)(a)})
#define simde_wasm_i64x2_eq(a, b) ((simde_v128_t)((a) == (b)))
#define simde_wasm_i64x2_ne(a, b) ((simde_v128_t)((a) != (b)))
#define simde_wasm_i32x4_eq(a, b) ((simde_v128_t)((ni_i32x4)(a) == (ni_i32x4)(b)))
#define simde_wasm_i32x4_ne(a, b) ((simde_v128_t)((ni_i32x4)(a) != (ni_i32x4)(b)))
#define simde_wasm_i16x8_eq(a, b) ((simde_v128_t)((ni_i16x8)(a) == (ni_i16x8)(b)))
#define simde_wasm_i8x16_eq(a, b) ((simde_v128_t)((ni_i8x16)(a) == (ni_i8x16)(b)))
#define simde_wasm_v128_and(a, b) ((a) & (b))
#define simde_wasm_v128_or(a, b) ((a) | (b))
#define simde_wasm_v128_xor(a, b) ((a) ^ (b))
#define simde_wasm_v128_not(a) (~(a))
#define simde_wasm_v128_andnot(a, b) ((a) & ~(b))
#define simde_wasm_v128_any_true(a) (((a)[0] | (a)[1]) != 0)
#define simde_wasm_i64x2_add(a, b) ((a) + (b))
#define simde_wasm_i64x2_sub(a, b) ((a) - (b))
#define simde_wasm_i64x2_extract_lane(a, n) ((a)[n])
#define simde_wasm_i32x4_extract_lane(a, n) (((ni_i32x4)(a))[n])
#define simde_wasm_i8x16_const(...) ((simde_v128_t)(ni_i8x16){__VA_ARGS__})

#if defined(__SSE2__)
#define simde_wasm_i64x2_bitmask(a) ((uint32_t)_mm_movemask_pd((__m128d)(a)))
#define simde_wasm_i32x4_bitmask(a) ((uint32_t)_mm_movemask_ps((__m128)(a)))
#define simde_wasm_i8x16_bitmask(a) ((uint32_t)_mm_movemask_epi8((__m128i)(a)))
#define simde_wasm_i16x8_narrow_i32x4(a, b) ((simde_v128_t)_mm_packs_epi32((__m128i)(a), (__m128i)(b)))
#else
static inline uint32_t simde_wasm_i64x2_bitmask(simde_v128_t a) {
  return (uint32_t)(((uint64_t)a[0] >> 63) | (((uint64_t)a[1] >> 63) << 1));
}
static inline uint32_t simde_wasm_i32x4_bitmask(simde_v128_t a) {
  ni_i32x4 v = (ni_i32x4)a;
  uint32_t mask = 0;
  for (int i = 0; i < 4; i++) mask |= (v[i] < 0 ? 1u : 0u) << i;
  return mask;
}
static inline uint32_t simde_wasm_i8x16_bitmask(simde_v128_t a) {
  ni_i8x16 v = (ni_i8x16)a;
  uint32_t mask = 0;
  for (int i = 0; i < 16; i++) mask |= (v[i] < 0 ? 1u : 0u) << i;
  return mask;
}
static inline simde_v128_t simde_wasm_i16x8_narrow_i32x4(simde_v128_t a, simde_v128_t b) {
  int32_t from[8];
  int16_t to[8];
  memcpy(from, &a, 16);
  memcpy(from + 4, &b, 16);
  for (int i = 0; i < 8; i++) to[i] = from[i] > 32767 ? 32767 : from[i] < -32768 ? -32768 : (int16_t)from[i];
  return simde_wasm_v128_load(to);
}
#endif

static inline simde_v128_t simde_wasm_i8x16_shuffle_lanes(simde_v128_t a, simde_v128_t b, const uint8_t lanes[16]) {
  uint8_t from[32], to[16];
  memcpy(from, &a, 16);
  memcpy(from + 16, &b, 16);
  for (int i = 0; i < 16; i++) to[i] = from[lanes[i] & 31];
  return simde_wasm_v128_load(to);
}
#define simde_wasm_i8x16_shuffle(a, b, ...) simde_wasm_i8x16_shuffle_lanes(a, b, (const uint8_t[16]){__VA_ARGS__})

#endif
