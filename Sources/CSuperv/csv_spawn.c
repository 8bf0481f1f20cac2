// The staged spawn.
//
// The child is a clone that borrows the daemon's memory (CLONE_VM) while the calling thread waits
// for its exec (CLONE_VFORK), so a spawn costs the same however big the daemon is. Borrowing has
// rules: its own stack; all signals blocked, or a handler would run in the child; no libc beyond
// memory functions, since glibc's setresuid & co. would change the threads of the *parent*.
//
// The order of the stages:
//   session      first, so that even a child that fails later is nobody's job to stop
//   signals      nothing of ours can run in the child; SIG_IGN would survive the exec
//   descriptors  before the limits: the daemon's numbers can be above the agent's RLIMIT_NOFILE
//   limits, nice before the user: raising either needs privileges
//   groups, group, user   in this order, as each one but the last needs what the last gives up
//   umask, directory, input   as the user, so that permission is the agent's own, and the
//                path of the input may be relative to the directory
//   mask, exec   a signal that came meanwhile now meets the default disposition
#define _GNU_SOURCE
#include "csv_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

// A sanitizer's or the stack protector's bookkeeping belongs to the parent's thread.
#define CHILD __attribute__((no_sanitize("address", "thread", "undefined"), no_stack_protector))
#define INLINE CHILD __attribute__((always_inline)) static inline

enum { STACK_BYTES = 64 * 1024, SIGNAL_COUNT = 64 };

struct child {
  const struct csv_spawn_request *request;
  uint64_t dispositions;      // to reset; bit n-1 stands for signal n
  struct csv_spawned *report; // in memory shared with the parent, cloned or forked
};

#if defined(__x86_64__)

INLINE long raw(long number, long a, long b, long c, long d, long e) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
}

// The child must not return through a frame of the parent: it calls `main` and ends there.
__attribute__((naked, noinline)) static long clone_calling(struct clone_args *arguments, size_t size,
                                                           void (*main)(void *), void *context) {
  __asm__("mov %rcx, %r8\n\t" // the system call overwrites rcx
          "mov $435, %eax\n\t"
          "syscall\n\t"
          "test %rax, %rax\n\t"
          "jnz 1f\n\t"
          "xor %ebp, %ebp\n\t"
          "mov %r8, %rdi\n\t"
          "call *%rdx\n\t"
          "ud2\n"
          "1: ret");
}

#elif defined(__aarch64__)

INLINE long raw(long number, long a, long b, long c, long d, long e) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}

__attribute__((naked, noinline)) static long clone_calling(struct clone_args *arguments, size_t size,
                                                           void (*main)(void *), void *context) {
  __asm__("mov x8, #435\n\t"
          "svc #0\n\t"
          "cbnz x0, 1f\n\t"
          "mov x29, xzr\n\t"
          "mov x30, xzr\n\t"
          "mov x0, x3\n\t"
          "blr x2\n\t"
          "brk #0\n"
          "1: ret");
}

#else
#error "csv_spawn.c needs this architecture's system call instruction"
#endif

INLINE long pointer(const void *address) { return (long)address; }

CHILD __attribute__((noreturn)) static void fail(struct child *child, enum csv_stage stage,
                                                 long result, int detail) {
  child->report->code = (int)-result;
  child->report->detail = detail;
  child->report->stage = stage;
  for (;;) raw(SYS_exit_group, 127, 0, 0, 0, 0);
}

INLINE void check(struct child *child, enum csv_stage stage, long result, int detail) {
  if (result < 0) fail(child, stage, result, detail);
}

// Stages

// The kernel's struct sigaction, on both architectures.
struct disposition {
  void *handler;
  unsigned long flags;
  void *restorer;
  uint64_t mask;
};

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

CHILD static void place_descriptors(struct child *child) {
  const struct csv_spawn_request *request = child->request;
  int sources[CSV_SPAWN_DESCRIPTORS];
  int first_free = 3;
  for (size_t i = 0; i < request->placement_count; i++)
    if (request->placements[i].target >= first_free) first_free = request->placements[i].target + 1;
  // A source among the targets could be overwritten before its turn: lift it above them all.
  for (size_t i = 0; i < request->placement_count; i++) {
    long source = request->placements[i].source;
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

CHILD static void open_input(struct child *child) {
  // Nonblocking, or a FIFO without a writer would hold up the daemon, which waits for the exec.
  long flags = O_RDONLY | O_NOCTTY | O_NONBLOCK;
  long opened = raw(SYS_openat, AT_FDCWD, pointer(child->request->input), flags, 0, 0);
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
    if (code != -EACCES) fail(child, CSV_STAGE_EXEC, code, i);
    if (result == -EACCES) continue;
    result = code;
    detail = i;
  }
  fail(child, CSV_STAGE_EXEC, result, detail);
}

CHILD __attribute__((noreturn)) static void run_child(void *context) {
  struct child *child = context;
  const struct csv_spawn_request *request = child->request;
  static const uint64_t nothing = 0;

  if (request->new_session)
    check(child, CSV_STAGE_SESSION, raw(SYS_setsid, 0, 0, 0, 0, 0), -1);
  reset_signals(child);
  place_descriptors(child);
  set_limits(child);
  if (request->change_nice)
    check(child, CSV_STAGE_NICE, raw(SYS_setpriority, PRIO_PROCESS, 0, request->nice, 0, 0), -1);
  if (request->change_user) become_user(child);
  if (request->change_umask)
    check(child, CSV_STAGE_UMASK, raw(SYS_umask, request->umask, 0, 0, 0, 0), -1);
  if (request->directory)
    check(child, CSV_STAGE_DIRECTORY, raw(SYS_chdir, pointer(request->directory), 0, 0, 0, 0), -1);
  if (request->input) open_input(child);
  check(child, CSV_STAGE_MASK,
        raw(SYS_rt_sigprocmask, SIG_SETMASK, pointer(&nothing), 0, sizeof nothing, 0), -1);
  execute(child);
}

// The parent's side

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static char *child_stack;               // kept: a fresh mapping for each spawn would cost more
static struct csv_spawned *child_report; // shared, so that a forked child can write it too

static const uint64_t every_disposition =
    ~(1ULL << (SIGKILL - 1)) & ~(1ULL << (SIGSTOP - 1)); // that can be changed
static uint64_t ignored;
static int ignored_is_known; // asking for all of them takes a quarter of a spawn's time

void csv_dispositions_changed(void) {
  pthread_mutex_lock(&one_at_a_time);
  ignored_is_known = 0;
  pthread_mutex_unlock(&one_at_a_time);
}

static void find_ignored_signals(void) {
  if (ignored_is_known) return;
  ignored = 0;
  for (int number = 1; number <= SIGNAL_COUNT; number++) {
    struct disposition now = {0};
    raw(SYS_rt_sigaction, number, 0, pointer(&now), sizeof now.mask, 0);
    if (now.handler == (void *)SIG_IGN) ignored |= 1ULL << (number - 1);
  }
  ignored_is_known = 1;
}

static int prepare_memory(void) {
  const size_t guard = (size_t)sysconf(_SC_PAGESIZE);
  if (!child_report) {
    void *page = mmap(NULL, sizeof *child_report, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return errno;
    child_report = page;
  }
  if (!child_stack) {
    char *stack = mmap(NULL, guard + STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return errno;
    if (mprotect(stack, guard, PROT_NONE) != 0) {
      int code = errno;
      munmap(stack, guard + STACK_BYTES);
      return code;
    }
    child_stack = stack + guard;
  }
  return 0;
}

CHILD static long clone_child(struct child *child, int *pidfd) {
  if (!child->request->old_kernel) {
    struct clone_args arguments = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)child_stack,
        .stack_size = STACK_BYTES,
    };
    child->dispositions = ignored; // CLONE_CLEAR_SIGHAND has done the handlers
    long pid = clone_calling(&arguments, sizeof arguments, run_child, child);
    // No clone3 before 5.3, or forbidden as container runtimes do since they cannot filter on its
    // arguments; no CLONE_CLEAR_SIGHAND before 5.5.
    if (pid != -ENOSYS && pid != -EPERM && pid != -E2BIG && pid != -EINVAL) return pid;
  }
  child->dispositions = every_disposition;
  // A fork, in its own memory; CLONE_VFORK still makes us wait until the report is final. The
  // third argument of the old call is where the pidfd goes, on both architectures.
  long pid = raw(SYS_clone, CLONE_VFORK | CLONE_PIDFD | SIGCHLD, 0, pointer(pidfd), 0, 0);
  if (pid == 0) run_child(child);
  return pid;
}

// `pidfd` is -1 on a kernel before 5.2, which ignores CLONE_PIDFD.
static void reap(pid_t pid, int pidfd) {
  siginfo_t info;
  idtype_t type = pidfd < 0 ? P_PID : (idtype_t)P_PIDFD;
  while (waitid(type, (id_t)(pidfd < 0 ? pid : pidfd), &info, WEXITED) != 0 && errno == EINTR) {}
}

int csv_spawn(const struct csv_spawn_request *request, struct csv_spawned *result) {
  *result = (struct csv_spawned){.pidfd = -1, .stage = CSV_STAGE_CLONE, .detail = -1};
  if (request->placement_count > CSV_SPAWN_DESCRIPTORS) {
    result->stage = CSV_STAGE_DESCRIPTORS;
    result->code = E2BIG;
    return -1;
  }
  pthread_mutex_lock(&one_at_a_time);
  result->code = prepare_memory();
  if (result->code != 0) {
    pthread_mutex_unlock(&one_at_a_time);
    return -1;
  }
  find_ignored_signals();
  *child_report = (struct csv_spawned){.stage = CSV_STAGE_NONE};
  struct child child = {.request = request, .report = child_report};
  // Not pthread_sigmask: it leaves out the two signals that glibc keeps for itself.
  uint64_t everything = ~0ULL, before = 0;
  raw(SYS_rt_sigprocmask, SIG_SETMASK, pointer(&everything), pointer(&before), sizeof before, 0);
  long pid = clone_child(&child, &result->pidfd);
  raw(SYS_rt_sigprocmask, SIG_SETMASK, pointer(&before), 0, sizeof before, 0);
  struct csv_spawned report = *child_report;
  pthread_mutex_unlock(&one_at_a_time);

  if (pid < 0) {
    result->code = (int)-pid;
    return -1;
  }
  if (report.stage == CSV_STAGE_NONE && result->pidfd >= 0) {
    result->pid = (pid_t)pid;
    result->stage = CSV_STAGE_NONE;
    return 0;
  }
  if (report.stage == CSV_STAGE_NONE) {
    kill((pid_t)pid, SIGKILL);
    report = (struct csv_spawned){.stage = CSV_STAGE_CLONE, .code = ENOSYS, .detail = -1};
  }
  reap((pid_t)pid, result->pidfd);
  if (result->pidfd >= 0) close(result->pidfd);
  *result = report;
  result->pidfd = -1;
  return -1;
}
