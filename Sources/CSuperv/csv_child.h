// The child's side of the spawn.
#ifndef CSV_CHILD_H
#define CSV_CHILD_H

#include "csv_raw.h"
#include "csv_spawn.h"

enum { SIGNAL_COUNT = 64, CSV_SPAWN_SLOTS = 4 };

// The kernel's struct sigaction, on both architectures.
struct disposition {
  void *handler;
  unsigned long flags;
  void *restorer;
  uint64_t mask;
};

struct child {
  const struct csv_spawn_request *request;
  long parent;                // who called
  uint64_t dispositions;      // to reset; bit n-1 stands for signal n
  const int *slots;           // where descriptors are shared with the parent; else NULL
  int joins_cgroup;           // it has to put itself there
  struct csv_spawned *report; // in memory shared with the parent, cloned or forked
};

// Reports where the child has come to an end, and ends it; `result` is that of a system call.
__attribute__((noreturn)) void csv_fail(struct child *child, enum csv_stage stage, long result,
                                    int detail);

INLINE void check(struct child *child, enum csv_stage stage, long result, int detail) {
  if (result < 0) csv_fail(child, stage, result, detail);
}

// Stages of csv_confine.c.
void csv_enter_sandbox(struct child *child);
void csv_limit_capabilities(struct child *child);
void csv_set_capabilities(struct child *child);
__attribute__((noreturn)) void csv_try_sandbox(struct child *child);

// Goes through the stages; `context` is a struct child. Reports the one that fails.
__attribute__((noreturn)) void csv_run_child(void *context);

#endif
