// The child's side of the spawn.
#ifndef CSV_CHILD_H
#define CSV_CHILD_H

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

// Goes through the stages; `context` is a struct child. Reports the one that fails.
__attribute__((noreturn)) void csv_run_child(void *context);

#endif
