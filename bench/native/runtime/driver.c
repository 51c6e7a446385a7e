// Runs the core as C: takes the linear memory of a machine that has not translated yet, then does what the benchmark says on
// its standard input, a line at a time, and answers each with a line.
//   columns STREAM PASID IOVA ACCESS PA STATUS   byte offsets of the batch columns; "ok"
//   load FILE COUNT    requests: COUNT u32 streams, u32 PASIDs, u64 IOVAs, u8 accesses; "ok"
//   flush              empties the caches; "ok"
//   pass MS PASSES     passes for at least MS milliseconds and PASSES times; "NS FAULTS SUM": median of a pass, faults and
//                      checksum of the last one
// usage: driver IMAGE HEADER
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include "core.h"

static w2c_core core;
static unsigned long columns[6];
static unsigned long count;

enum { STREAM, PASID, IOVA, ACCESS, PA, STATUS };
enum { PAGE = 65536, MOST_PASSES = 1 << 20 };
// 4 GiB that an address reaches, 4 GiB for offsets
#define RESERVED ((size_t)8 << 30)

__attribute__((noreturn)) static void fail(const char* what) {
  fprintf(stderr, "driver: %s\n", what);
  exit(1);
}

void wasm_rt_trap(wasm_rt_trap_t trap) {
  fprintf(stderr, "driver: trap %d\n", (int)trap);
  exit(1);
}

uint64_t wasm_rt_grow_memory(wasm_rt_memory_t* memory, uint64_t pages) {
  uint64_t before = memory->pages;
  if (before + pages > memory->max_pages) return (uint64_t)-1;
  if (mprotect(memory->data, (before + pages) * PAGE, PROT_READ | PROT_WRITE) != 0) fail("cannot grow memory");
  memory->pages += pages;
  memory->size = memory->pages * PAGE;
  return before;
}

void wasm_rt_allocate_memory(wasm_rt_memory_t* memory, uint64_t pages, uint64_t most, bool is64, uint32_t size) {
  if (is64 || size != PAGE) fail("expected a memory of 32 bits");
  memory->data = mmap(NULL, RESERVED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory->data == MAP_FAILED) fail("cannot reserve memory");
  memory->pages = 0;
  memory->max_pages = most;
  wasm_rt_grow_memory(memory, pages);
}

void wasm_rt_free_memory(wasm_rt_memory_t* memory) {
  munmap(memory->data, RESERVED);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int byValue(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return x < y ? -1 : x > y;
}

static void start(const char* file, uint32_t header) {
  wasm2c_core_instantiate(&core);
  wasm_rt_memory_t* memory = w2c_core_memory(&core);
  FILE* image = fopen(file, "rb");
  if (image == NULL) fail("cannot open the image");
  fseek(image, 0, SEEK_END);
  size_t bytes = (size_t)ftell(image);
  rewind(image);
  wasm_rt_grow_memory(memory, bytes / PAGE - memory->pages);
  if (fread(memory->data, 1, bytes, image) != bytes) fail("cannot read the image");
  fclose(image);
  w2c_core_init(&core, header);
}

static void load(const char* file) {
  static const size_t width[] = {4, 4, 8, 1};
  FILE* requests = fopen(file, "rb");
  if (requests == NULL) fail("cannot open the requests");
  for (int column = STREAM; column <= ACCESS; column++) {
    uint8_t* at = w2c_core_memory(&core)->data + columns[column];
    if (fread(at, width[column], count, requests) != count) fail("cannot read the requests");
  }
  fclose(requests);
}

// The PAs as 32-bit words, then the statuses.
static uint32_t checksum(void) {
  const uint8_t* data = w2c_core_memory(&core)->data;
  uint32_t sum = 0;
  for (size_t i = 0; i < 2 * count; i++) {
    uint32_t word;
    memcpy(&word, data + columns[PA] + 4 * i, 4);
    sum = sum * 31 + word;
  }
  for (size_t i = 0; i < count; i++) sum = sum * 31 + data[columns[STATUS] + i];
  return sum;
}

static void pass(double ms, unsigned long least) {
  static double times[MOST_PASSES];
  size_t passes = 0;
  uint32_t faults = 0;
  double end = now() + ms * 1e6;
  while (passes < MOST_PASSES && (passes < least || now() < end)) {
    double before = now();
    faults = w2c_core_run(&core, 0, (uint32_t)count, 0);
    times[passes++] = now() - before;
  }
  qsort(times, passes, sizeof times[0], byValue);
  printf("%.1f %u %u\n", times[passes / 2], faults, checksum());
}

int main(int argc, char** argv) {
  char line[4096], file[4096];
  double ms;
  unsigned long least;
  if (argc != 3) fail("usage: driver IMAGE HEADER");
  start(argv[1], (uint32_t)strtoul(argv[2], NULL, 10));
  while (fgets(line, sizeof line, stdin) != NULL) {
    unsigned long* c = columns;
    if (sscanf(line, "columns %lu %lu %lu %lu %lu %lu", c, c + 1, c + 2, c + 3, c + 4, c + 5) == 6) {
      puts("ok");
    } else if (sscanf(line, "load %4095s %lu", file, &count) == 2) {
      load(file);
      puts("ok");
    } else if (strcmp(line, "flush\n") == 0) {
      w2c_core_invalidateAll(&core, 3, (uint32_t)-1, (uint32_t)-1);
      puts("ok");
    } else if (sscanf(line, "pass %lf %lu", &ms, &least) == 2) {
      pass(ms, least);
    } else {
      fail("unknown command");
    }
    fflush(stdout);
  }
  return 0;
}
