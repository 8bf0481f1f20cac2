// The calls in flight of the relay: a slab, and a heap of their deadlines.
#ifndef CALLS_H
#define CALLS_H

#include <stdint.h>

enum { MAXIMUM_CALLS = 1 << 14, MAXIMUM_ID = 128 };

struct call {
  int64_t deadline;
  // Makes an answer to an earlier call in this slot a late one.
  uint32_t generation;
  uint32_t heap_place;
  uint32_t next_free;
  // Connections, by index; -1 in a free slot.
  int32_t caller, callee;
  uint8_t id_count;
  char id[MAXIMUM_ID];
};

// A free slot; NULL when there is none. What `deadline` is must be known, since it is put in order.
struct call *begin_call(int64_t deadline);
void end_call(struct call *call);
// The call with that number; NULL when it has ended.
struct call *find_call(int64_t number);
// By which the callee knows it.
uint64_t number_of(const struct call *call);
// NULL when there is none.
struct call *next_to_expire(void);
// Any call of that connection, as caller or callee; NULL when there is none.
struct call *call_of(int32_t connection);

#endif
