// The stages of the child that take rights away, and the trial of what is left.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "csv_child.h"

#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self 446
#endif

CHILD void csv_enter_sandbox(struct child *child) {
  const struct csv_spawn_request *request = child->request;
  if (request->no_new_privileges)
    check(child, CSV_STAGE_PRIVILEGES, raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), -1);
  if (request->landlock >= 0)
    check(child, CSV_STAGE_LANDLOCK,
          raw(SYS_landlock_restrict_self, request->landlock, 0, 0, 0, 0), -1);
}

// Capabilities

struct capability_sets {
  struct __user_cap_header_struct header;
  struct __user_cap_data_struct halves[2];
};

INLINE struct capability_sets no_capabilities(void) {
  return (struct capability_sets){.header = {_LINUX_CAPABILITY_VERSION_3, 0}};
}

CHILD void csv_limit_capabilities(struct child *child) {
  const struct csv_spawn_request *request = child->request;
  for (int number = 0; number < 64 && request->change_bounding; number++) {
    if (request->capabilities >> number & 1) continue;
    long result = raw(SYS_prctl, PR_CAPBSET_DROP, number, 0, 0, 0);
    if (result == -EINVAL) break; // the kernel has no more
    check(child, CSV_STAGE_BOUNDING, result, number);
  }
  // Or leaving user 0 would drop them all; it is undone by the exec.
  if (request->pass_capabilities)
    check(child, CSV_STAGE_BOUNDING, raw(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0), -1);
}

CHILD void csv_set_capabilities(struct child *child) {
  const struct csv_spawn_request *request = child->request;
  uint64_t kept = request->capabilities;
  struct capability_sets sets = no_capabilities();
  for (int i = 0; i < 2; i++) {
    uint32_t half = (uint32_t)(kept >> 32 * i);
    sets.halves[i].effective = sets.halves[i].permitted = half;
    if (request->pass_capabilities) sets.halves[i].inheritable = half;
  }
  check(child, CSV_STAGE_CAPABILITIES,
        raw(SYS_capset, pointer(&sets.header), pointer(sets.halves), 0, 0, 0), -1);
  if (!request->pass_capabilities) return;
  check(child, CSV_STAGE_CAPABILITIES,
        raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), -1);
  for (int number = 0; number < 64; number++) {
    if (!(kept >> number & 1)) continue;
    check(child, CSV_STAGE_CAPABILITIES,
          raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0), number);
  }
}

// A trial

CHILD static int try_to_open(const char *path, int flags) {
  if (!path) return 0;
  long opened = raw(SYS_openat, AT_FDCWD, pointer(path), flags | O_CLOEXEC | O_NOCTTY, 0, 0);
  if (opened < 0) return (int)-opened;
  raw(SYS_close, opened, 0, 0, 0, 0);
  return 0;
}

// To a port that cannot be listened on: without a sandbox it is refused by the machine itself.
CHILD static int try_to_connect(void) {
  const struct sockaddr_in nobody = {
      .sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f}; // 127.0.0.1, little-endian
  long end = raw(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0);
  if (end < 0) return (int)-end;
  long result = raw(SYS_connect, end, pointer(&nobody), sizeof nobody, 0, 0);
  raw(SYS_close, end, 0, 0, 0, 0);
  return (int)-result;
}

CHILD __attribute__((noreturn)) void csv_try_sandbox(struct child *child) {
  const struct csv_trial *trial = &child->request->trial;
  struct csv_tried *tried = &child->report->tried;
  if (trial->signal) tried->signal = (int)-raw(SYS_kill, child->parent, 0, 0, 0, 0);
  tried->inspect = try_to_open(trial->inspect, O_RDONLY);
  tried->read = try_to_open(trial->read, O_RDONLY);
  tried->write = try_to_open(trial->write, O_WRONLY);
  if (trial->connect) tried->connect = try_to_connect();
  tried->no_new_privileges = raw(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  struct capability_sets sets = no_capabilities();
  raw(SYS_capget, pointer(&sets.header), pointer(sets.halves), 0, 0, 0);
  tried->capabilities = sets.halves[0].effective | (uint64_t)sets.halves[1].effective << 32;
  csv_fail(child, CSV_STAGE_TRIED, 0, -1);
}
