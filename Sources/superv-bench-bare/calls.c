#include "calls.h"

#include <stdbool.h>
#include <stddef.h>

enum { ARITY = 4, SLOT_BITS = 14 };

static struct call slab[MAXIMUM_CALLS];
static uint32_t heap[MAXIMUM_CALLS];
static uint32_t heap_count;
// Slots from here on were never used; those before it that are free are in a list (slot + 1).
static uint32_t used;
static uint32_t first_free;

static void place(uint32_t at, uint32_t slot) {
  heap[at] = slot;
  slab[slot].heap_place = at;
}

static void sift_up(uint32_t at, uint32_t slot) {
  while (at > 0) {
    uint32_t parent = (at - 1) / ARITY;
    if (slab[heap[parent]].deadline <= slab[slot].deadline) break;
    place(at, heap[parent]);
    at = parent;
  }
  place(at, slot);
}

static void sift_down(uint32_t at, uint32_t slot) {
  for (;;) {
    uint32_t first = at * ARITY + 1, least = first;
    if (first >= heap_count) break;
    for (uint32_t child = first + 1; child < first + ARITY && child < heap_count; child++) {
      if (slab[heap[child]].deadline < slab[heap[least]].deadline) least = child;
    }
    if (slab[heap[least]].deadline >= slab[slot].deadline) break;
    place(at, heap[least]);
    at = least;
  }
  place(at, slot);
}

struct call *begin_call(int64_t deadline) {
  uint32_t slot;
  if (first_free > 0) {
    slot = first_free - 1;
    first_free = slab[slot].next_free;
  } else if (used < MAXIMUM_CALLS) {
    slot = used++;
  } else {
    return NULL;
  }
  slab[slot].deadline = deadline;
  sift_up(heap_count++, slot);
  return &slab[slot];
}

void end_call(struct call *call) {
  uint32_t slot = (uint32_t)(call - slab);
  uint32_t at = call->heap_place, last = heap[--heap_count];
  if (last != slot) {
    bool rises = at > 0 && slab[last].deadline < slab[heap[(at - 1) / ARITY]].deadline;
    (rises ? sift_up : sift_down)(at, last);
  }
  call->generation++;
  call->caller = call->callee = -1;
  call->next_free = first_free;
  first_free = slot + 1;
}

uint64_t number_of(const struct call *call) {
  return (uint64_t)call->generation << SLOT_BITS | (uint64_t)(call - slab);
}

struct call *find_call(int64_t number) {
  if (number < 0) return NULL;
  struct call *call = &slab[number & (MAXIMUM_CALLS - 1)];
  bool is_used = call < slab + used && call->callee >= 0;
  return is_used && call->generation == number >> SLOT_BITS ? call : NULL;
}

struct call *next_to_expire(void) {
  return heap_count > 0 ? &slab[heap[0]] : NULL;
}

struct call *call_of(int32_t connection) {
  for (uint32_t at = 0; at < heap_count; at++) {
    struct call *call = &slab[heap[at]];
    if (call->caller == connection || call->callee == connection) return call;
  }
  return NULL;
}
