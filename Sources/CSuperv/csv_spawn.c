// The staged spawn.
//
// The child is a clone that borrows the daemon's memory (CLONE_VM) while the calling thread waits
// for its exec (CLONE_VFORK), so a spawn costs the same however big the daemon is. Borrowing has
// rules: its own stack; all signals blocked, or a handler would run in the child; no libc beyond
// memory functions, since glibc's setresuid & co. would change the threads of the *parent*.
#define _GNU_SOURCE
#include "csv_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "csv_child.h"
#include "csv_raw.h"

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum { STACK_BYTES = 64 * 1024, CSV_SPAWN_HIGHEST_SLOT = 128 };

// clone3, after which the child must not return through a frame of the parent: on its own stack it
// calls `main` and ends there.
#if defined(__x86_64__)

__attribute__((naked, noinline)) static long
clone_calling(struct clone_args *arguments, size_t size, void (*main)(void *), void *context) {
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

__attribute__((naked, noinline)) static long
clone_calling(struct clone_args *arguments, size_t size, void (*main)(void *), void *context) {
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

#endif

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static char *child_stack;                // kept: a fresh mapping for each spawn would cost more
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

// Descriptors that the child may change although it still shares all of them with us. Everything
// above the last one is never copied for it: with thousands of descriptors open, copying them for
// the child and closing them at its exec would cost several times the rest of a spawn.
static int placeholder = -1;
static int slots[CSV_SPAWN_SLOTS];

static int slots_are_ready(void) {
  if (placeholder >= 0) return 1;
  int reserved[CSV_SPAWN_SLOTS + 1], count = 0;
  reserved[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (reserved[0] >= 0) count = 1;
  while (count > 0 && count <= CSV_SPAWN_SLOTS) {
    int copy = fcntl(reserved[0], F_DUPFD_CLOEXEC, 3);
    // High numbers would have what lies below them copied after all.
    if (copy < 0 || copy >= CSV_SPAWN_HIGHEST_SLOT) {
      if (copy >= 0) close(copy);
      while (count > 0) close(reserved[--count]);
      return 0;
    }
    reserved[count++] = copy;
  }
  if (count == 0) return 0;
  placeholder = reserved[0];
  for (int i = 0; i < CSV_SPAWN_SLOTS; i++) slots[i] = reserved[i + 1];
  return 1;
}

static void empty_slots(void) {
  for (int i = 0; i < CSV_SPAWN_SLOTS; i++) dup3(placeholder, slots[i], O_CLOEXEC);
}

// The pidfd gets the lowest number that is free. Where the table has to grow for it, it grows here:
// once a child shares it, the kernel first waits until no processor can be reading the old one,
// which takes 10 to 25 ms (expand_fdtable in fs/file.c).
static void make_room_for_pidfd(void) {
  int number = fcntl(placeholder, F_DUPFD_CLOEXEC, 0);
  if (number >= 0) close(number);
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
  // One that borrows our memory may always look into it: a trial would show nothing.
  if (!child->request->old_kernel && !child->request->is_trial) {
    struct clone_args arguments = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)child_stack,
        .stack_size = STACK_BYTES,
    };
    child->dispositions = ignored; // CLONE_CLEAR_SIGHAND has done the handlers
    if (child->request->placement_count <= CSV_SPAWN_SLOTS && slots_are_ready()) {
      make_room_for_pidfd();
      arguments.flags |= CLONE_FILES;
      child->slots = slots;
    }
    if (child->request->cgroup >= 0) {
      arguments.flags |= CLONE_INTO_CGROUP;
      arguments.cgroup = (uint64_t)child->request->cgroup;
    }
    long pid = clone_calling(&arguments, sizeof arguments, csv_run_child, child);
    if (child->slots) empty_slots();
    child->slots = NULL;
    // No clone3 before 5.3, or forbidden as container runtimes do since they cannot filter on its
    // arguments; no CLONE_CLEAR_SIGHAND before 5.5, no CLONE_INTO_CGROUP before 5.7.
    if (pid != -ENOSYS && pid != -EPERM && pid != -E2BIG && pid != -EINVAL) return pid;
  }
  child->dispositions = every_disposition;
  child->joins_cgroup = child->request->cgroup >= 0;
  // A fork, in its own memory; CLONE_VFORK still makes us wait until the report is final. The
  // third argument of the old call is where the pidfd goes, on both architectures.
  long pid = raw(SYS_clone, CLONE_VFORK | CLONE_PIDFD | SIGCHLD, 0, pointer(pidfd), 0, 0);
  if (pid == 0) csv_run_child(child);
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
  if (request->record &&
      strlen(request->record) + strlen(request->record_end) > CSV_SPAWN_RECORD) {
    result->code = E2BIG;
    return -1;
  }
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
  struct child child = {.request = request, .parent = getpid(), .report = child_report};
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
