// Starts a program. Between the clone and the exec runs C only, raw system calls only, each in a
// named stage; csv_child.c says why they come in this order.
#ifndef CSV_SPAWN_H
#define CSV_SPAWN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum csv_stage {
  CSV_STAGE_NONE,
  CSV_STAGE_CLONE,
  CSV_STAGE_CGROUP,
  CSV_STAGE_SESSION,
  CSV_STAGE_SIGNALS,
  CSV_STAGE_PRIVILEGES,
  CSV_STAGE_LANDLOCK,
  CSV_STAGE_DESCRIPTORS,
  CSV_STAGE_LIMITS,
  CSV_STAGE_NICE,
  CSV_STAGE_BOUNDING,
  CSV_STAGE_GROUPS,
  CSV_STAGE_GROUP,
  CSV_STAGE_USER,
  CSV_STAGE_CAPABILITIES,
  CSV_STAGE_UMASK,
  CSV_STAGE_DIRECTORY,
  CSV_STAGE_INPUT,
  CSV_STAGE_MASK,
  CSV_STAGE_PARENT,
  CSV_STAGE_EXEC,
  CSV_STAGE_TRIED, // instead of it, for a trial
};

enum { CSV_SPAWN_DESCRIPTORS = 1024, CSV_SPAWN_RECORD = 128 };

struct csv_placement {
  int source, target;
};

struct csv_resource_limit {
  int resource;
  uint64_t soft, hard; // as prlimit64 takes them; ~0 is no limit
};

// What a process tries in its sandbox instead of an exec. Each is left out with NULL or 0.
struct csv_trial {
  const char *inspect; // a file of the caller's in /proc, for those who may trace it
  const char *read, *write;         // to open
  unsigned signal : 1, connect : 1; // the caller; a port of this machine that nobody listens on
};

// 0 where it could, else errno.
struct csv_tried {
  int signal, inspect, read, write, connect;
  int no_new_privileges;
  uint64_t capabilities;
};

struct csv_spawn_request {
  const char *const *candidates; // to exec, the first that there is; NULL at the end
  const char *const *arguments;
  const char *const *environment;
  const char *directory; // NULL stays where the caller is
  const char *input;     // opened as descriptor 0; NULL when a placement has target 0
  const struct csv_placement *placements; // no target twice; every other descriptor is closed
  size_t placement_count;                 // at most CSV_SPAWN_DESCRIPTORS
  const struct csv_resource_limit *limits;
  size_t limit_count;
  const gid_t *groups;
  size_t group_count;
  uid_t user;
  gid_t group;
  int nice, umask;
  // What the child writes to `journal`, with its pid in between, before anything else: at most
  // CSV_SPAWN_RECORD bytes in all; NULL: nothing. It runs nothing then once the caller is dead.
  const char *record, *record_end;
  int journal;
  int cgroup; // a folder of cgroup v2 to start in; -1 stays where the caller is
  int landlock;           // rules to enforce; -1: none
  uint64_t capabilities;  // that it keeps, with change_capabilities
  struct csv_trial trial; // instead of the exec, with is_trial
  unsigned change_user : 1, change_nice : 1, change_umask : 1, new_session : 1;
  unsigned no_new_privileges : 1, change_capabilities : 1, is_trial : 1;
  unsigned change_bounding : 1;   // also what an exec could give it; needs CAP_SETPCAP
  unsigned pass_capabilities : 1; // to what it executes as another user than 0
  unsigned old_kernel : 1; // do it without clone3 and close_range
};

struct csv_spawned {
  pid_t pid;
  int pidfd;
  enum csv_stage stage; // where it failed, and
  int code;             // with what errno, and
  int detail;           // on which candidate, limit or target; -1 when that says nothing
  struct csv_tried tried;
};

// 0, or -1 with stage, code and detail, and then no process is left: so also after a trial. Any
// thread; one at a time.
int csv_spawn(const struct csv_spawn_request *request, struct csv_spawned *result);

// To be called after this process begins to ignore a signal: what it ignores is remembered.
void csv_dispositions_changed(void);

#endif
