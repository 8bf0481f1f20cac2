// Between the clone and the exec: raw system calls only. The order of the stages:
//   record       whoever comes after a parent that dies meanwhile has to know of this process
//   cgroup       before anything else can be charged to the daemon's; only where clone could not
//   session      first, so that even a child that fails later is nobody's job to stop
//   signals      nothing of ours can run in the child; SIG_IGN would survive the exec
//   privileges, landlock   as who we are, who may do without the first; and while the rules still
//                have the number that the daemon knows them by
//   descriptors  before the limits: the daemon's numbers can be above the agent's RLIMIT_NOFILE
//   limits, nice before the user: raising either needs privileges
//   bounding, groups, group, user   in this order, as each one but the last needs what the last
//                gives up
//   capabilities what is left of them after that
//   umask, directory, input   as the user, so that permission is the agent's own, and the
//                path of the input may be relative to the directory
//   parent       who comes after one that has died starts this program itself
//   mask, exec   a signal that came meanwhile now meets the default disposition
#define _GNU_SOURCE
#include "csv_child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>


#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

CHILD void csv_fail(struct child *child, enum csv_stage stage, long result, int detail) {
  child->report->code = (int)-result;
  child->report->detail = detail;
  child->report->stage = stage;
  for (;;) raw(SYS_exit_group, 127, 0, 0, 0, 0);
}

// Stages

CHILD static size_t append(char *line, size_t count, const char *text) {
  for (; *text; text++) line[count++] = *text;
  return count;
}

CHILD static void write_record(struct child *child) {
  const struct csv_spawn_request *request = child->request;
  char line[CSV_SPAWN_RECORD + 16], digits[16];
  size_t count = append(line, 0, request->record), digit_count = 0;
  for (long pid = raw(SYS_getpid, 0, 0, 0, 0, 0); pid > 0; pid /= 10)
    digits[digit_count++] = (char)('0' + pid % 10);
  while (digit_count > 0) line[count++] = digits[--digit_count];
  count = append(line, count, request->record_end);
  // A full disk keeps no program from running; the parent sees it and says so.
  raw(SYS_write, request->journal, pointer(line), (long)count, 0, 0);
}

// What CLONE_INTO_CGROUP does, for kernels and containers without it.
CHILD static void join_cgroup(struct child *child) {
  long file = raw(SYS_openat, child->request->cgroup, pointer("cgroup.procs"),
                  O_WRONLY | O_CLOEXEC, 0, 0);
  check(child, CSV_STAGE_CGROUP, file, -1);
  check(child, CSV_STAGE_CGROUP, raw(SYS_write, file, pointer("0"), 1, 0, 0), -1);
  raw(SYS_close, file, 0, 0, 0, 0);
}

CHILD static void reset_signals(struct child *child) {
  static const struct disposition standard = {0};
  for (int number = 1; number <= SIGNAL_COUNT; number++) {
    if (!(child->dispositions >> (number - 1) & 1)) continue;
    long result = raw(SYS_rt_sigaction, number, pointer(&standard), 0, sizeof standard.mask, 0);
    check(child, CSV_STAGE_SIGNALS, result, number);
  }
}

// What close_range does, for kernels before 5.11. Every descriptor of ours is close-on-exec from
// birth; this is for those that the daemon itself inherited.
CHILD static long close_on_exec_by_list(void) {
  char buffer[4096] __attribute__((aligned(8)));
  const int name_offset = 19, length_offset = 16; // of struct linux_dirent64
  long folder = raw(SYS_openat, AT_FDCWD, pointer("/proc/self/fd"),
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
  if (folder < 0) return folder;
  long size;
  while ((size = raw(SYS_getdents64, folder, pointer(buffer), sizeof buffer, 0, 0)) > 0) {
    for (long at = 0; at < size; at += *(unsigned short *)(buffer + at + length_offset)) {
      const char *digit = buffer + at + name_offset;
      long number = 0;
      if (*digit < '0' || *digit > '9') continue;
      for (; *digit >= '0' && *digit <= '9'; digit++) number = number * 10 + (*digit - '0');
      raw(SYS_fcntl, number, F_SETFD, FD_CLOEXEC, 0, 0);
    }
  }
  raw(SYS_close, folder, 0, 0, 0, 0);
  return size;
}

// The descriptors are still the parent's own: saves what is needed into the slots, then leaves with
// a copy of the table that ends there (Linux 5.9; before that, with a copy of everything).
CHILD static void leave_shared_descriptors(struct child *child, int *sources) {
  const struct csv_spawn_request *request = child->request;
  int end = 0;
  for (int i = 0; i < CSV_SPAWN_SLOTS; i++)
    if (child->slots[i] >= end) end = child->slots[i] + 1;
  for (size_t i = 0; i < request->placement_count; i++) {
    long copied = raw(SYS_dup3, sources[i], child->slots[i], O_CLOEXEC, 0, 0);
    check(child, CSV_STAGE_DESCRIPTORS, copied, request->placements[i].target);
    sources[i] = child->slots[i];
  }
  long result = raw(SYS_close_range, end, ~0U, CLOSE_RANGE_UNSHARE, 0, 0);
  if (result < 0) result = raw(SYS_unshare, CLONE_FILES, 0, 0, 0, 0);
  check(child, CSV_STAGE_DESCRIPTORS, result, -1);
}

CHILD static void place_descriptors(struct child *child) {
  const struct csv_spawn_request *request = child->request;
  int sources[CSV_SPAWN_DESCRIPTORS];
  for (size_t i = 0; i < request->placement_count; i++) sources[i] = request->placements[i].source;
  if (child->slots) leave_shared_descriptors(child, sources);
  int first_free = 3;
  for (size_t i = 0; i < request->placement_count; i++)
    if (request->placements[i].target >= first_free) first_free = request->placements[i].target + 1;
  // A source among the targets could be overwritten before its turn: lift it above them all.
  for (size_t i = 0; i < request->placement_count; i++) {
    long source = sources[i];
    if (source < first_free) source = raw(SYS_fcntl, source, F_DUPFD_CLOEXEC, first_free, 0, 0);
    check(child, CSV_STAGE_DESCRIPTORS, source, request->placements[i].target);
    sources[i] = (int)source;
  }
  long result = -ENOSYS;
  if (!request->old_kernel)
    result = raw(SYS_close_range, 0, ~0U, CLOSE_RANGE_CLOEXEC, 0, 0);
  if (result == -ENOSYS || result == -EINVAL) result = close_on_exec_by_list();
  check(child, CSV_STAGE_DESCRIPTORS, result, -1);
  for (size_t i = 0; i < request->placement_count; i++) { // the copy is not close-on-exec
    int target = request->placements[i].target;
    check(child, CSV_STAGE_DESCRIPTORS, raw(SYS_dup3, sources[i], target, 0, 0, 0), target);
  }
  // Makes 0 the lowest free number, which open takes, whatever RLIMIT_NOFILE is by then.
  if (request->input) raw(SYS_close, 0, 0, 0, 0, 0);
}

// A pipe that nobody writes to reads as /dev/null does.
CHILD static long open_nothing(void) {
  int ends[2];
  long result = raw(SYS_pipe2, pointer(ends), 0, 0, 0, 0);
  if (result < 0) return result;
  raw(SYS_close, ends[1], 0, 0, 0, 0);
  return ends[0];
}

CHILD static void open_input(struct child *child) {
  const char *path = child->request->input;
  // Nonblocking, or a FIFO without a writer would hold up the daemon, which waits for the exec.
  long flags = O_RDONLY | O_NOCTTY | O_NONBLOCK;
  long opened = raw(SYS_openat, AT_FDCWD, pointer(path), flags, 0, 0);
  // A container may be without /dev: nothing can be read there as well as elsewhere.
  if (opened == -ENOENT && strcmp(path, "/dev/null") == 0) opened = open_nothing();
  check(child, CSV_STAGE_INPUT, opened, -1);
  check(child, CSV_STAGE_INPUT, raw(SYS_fcntl, opened, F_SETFL, 0, 0, 0), -1);
}

CHILD static void set_limits(struct child *child) {
  for (size_t i = 0; i < child->request->limit_count; i++) {
    const struct csv_resource_limit *limit = &child->request->limits[i];
    long result = raw(SYS_prlimit64, 0, limit->resource, pointer(&limit->soft), 0, 0);
    check(child, CSV_STAGE_LIMITS, result, (int)i);
  }
}

CHILD static void become_user(struct child *child) {
  const struct csv_spawn_request *request = child->request;
  long user = request->user, group = request->group;
  check(child, CSV_STAGE_GROUPS,
        raw(SYS_setgroups, (long)request->group_count, pointer(request->groups), 0, 0, 0), -1);
  check(child, CSV_STAGE_GROUP, raw(SYS_setresgid, group, group, group, 0, 0), -1);
  check(child, CSV_STAGE_USER, raw(SYS_setresuid, user, user, user, 0, 0), -1);
}

// As execvp(3) searches: what is not there is passed over, what may not be run is remembered.
CHILD __attribute__((noreturn)) static void execute(struct child *child) {
  const struct csv_spawn_request *request = child->request;
  long result = -ENOENT;
  int detail = -1;
  for (int i = 0; request->candidates[i]; i++) {
    long code = raw(SYS_execve, pointer(request->candidates[i]), pointer(request->arguments),
                    pointer(request->environment), 0, 0);
    if (code == -ENOENT || code == -ENOTDIR) {
      if (i == 0) result = code;
      continue;
    }
    if (code != -EACCES) csv_fail(child, CSV_STAGE_EXEC, code, i);
    if (result == -EACCES) continue;
    result = code;
    detail = i;
  }
  csv_fail(child, CSV_STAGE_EXEC, result, detail);
}

CHILD void csv_run_child(void *context) {
  struct child *child = context;
  const struct csv_spawn_request *request = child->request;
  static const uint64_t nothing = 0;

  if (request->record) write_record(child);
  if (child->joins_cgroup) join_cgroup(child);
  if (request->new_session)
    check(child, CSV_STAGE_SESSION, raw(SYS_setsid, 0, 0, 0, 0, 0), -1);
  reset_signals(child);
  csv_enter_sandbox(child);
  place_descriptors(child);
  set_limits(child);
  if (request->change_nice)
    check(child, CSV_STAGE_NICE, raw(SYS_setpriority, PRIO_PROCESS, 0, request->nice, 0, 0), -1);
  if (request->change_capabilities) csv_limit_capabilities(child);
  if (request->change_user) become_user(child);
  if (request->change_capabilities) csv_set_capabilities(child);
  if (request->change_umask)
    check(child, CSV_STAGE_UMASK, raw(SYS_umask, request->umask, 0, 0, 0, 0), -1);
  if (request->directory)
    check(child, CSV_STAGE_DIRECTORY, raw(SYS_chdir, pointer(request->directory), 0, 0, 0, 0), -1);
  if (request->input) open_input(child);
  if (request->record && raw(SYS_getppid, 0, 0, 0, 0, 0) != child->parent)
    csv_fail(child, CSV_STAGE_PARENT, -ECHILD, -1);
  check(child, CSV_STAGE_MASK,
        raw(SYS_rt_sigprocmask, SIG_SETMASK, pointer(&nothing), 0, sizeof nothing, 0), -1);
  if (request->is_trial) csv_try_sandbox(child);
  execute(child);
}
