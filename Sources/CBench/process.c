#define _GNU_SOURCE
#include "cbench.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static int64_t read_clock(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t cbench_now(void) {
  return read_clock(CLOCK_MONOTONIC);
}

int64_t cbench_real_offset(void) {
  return read_clock(CLOCK_REALTIME) - cbench_now();
}

int64_t cbench_boot_offset(void) {
  return read_clock(CLOCK_BOOTTIME) - cbench_now();
}

void cbench_sleep(int64_t nanoseconds) {
  struct timespec span = {
    .tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
  while (nanosleep(&span, &span) < 0 && errno == EINTR && !interrupted) {
  }
}

pid_t cbench_spawn(char *const *arguments, int output, int64_t *started) {
  int input = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (input < 0) return -1;
  if (started) *started = cbench_now();
  pid_t pid = vfork();
  if (pid == 0) {
    bool is_ready = dup2(input, 0) >= 0;
    if (output >= 0) is_ready = is_ready && dup2(output, 1) >= 0;
    if (output == CBENCH_NO_OUTPUT) {
      is_ready = is_ready && dup2(input, 1) >= 0 && dup2(input, 2) >= 0;
    }
    if (is_ready) execv(arguments[0], arguments);
    _exit(127);
  }
  int code = errno;
  close(input);
  errno = code;
  return pid;
}

static int milliseconds_until(int64_t deadline) {
  int64_t left = (deadline - cbench_now()) / 1000000 + 1;
  return left < 0 ? 0 : left > 1000000 ? 1000000 : (int)left;
}

// Appends what the pipe has; 0 at its end, -1 when there is nothing now.
static ssize_t take(int pipe_end, struct cbench_run *run, size_t *capacity) {
  if (*capacity - run->output_count < 65536) {
    *capacity = *capacity * 2 + 65536;
    char *larger = realloc(run->output, *capacity);
    if (!larger) abort();
    run->output = larger;
  }
  ssize_t count = read(pipe_end, run->output + run->output_count, *capacity - run->output_count);
  if (count > 0) run->output_count += (size_t)count;
  return count;
}

int cbench_run(char *const *arguments, int64_t deadline, struct cbench_run *run) {
  *run = (struct cbench_run){0};
  size_t capacity = 0;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -1;
  // The program gets an ordinary blocking pipe.
  fcntl(ends[1], F_SETFL, 0);
  pid_t pid = cbench_spawn(arguments, ends[1], &run->started);
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return -1;
  }
  int handle = (int)syscall(SYS_pidfd_open, pid, 0);
  struct pollfd watched[2] = {{.fd = handle, .events = POLLIN}, {.fd = ends[0], .events = POLLIN}};
  int failure = 0;
  for (;;) {
    int ready = poll(watched, 2, milliseconds_until(deadline));
    if (watched[0].revents & POLLIN) break;
    if (interrupted || cbench_now() >= deadline) {
      failure = interrupted ? EINTR : ETIMEDOUT;
      kill(pid, SIGKILL);
      break;
    }
    // A program may close its stdout long before it ends, and a daemon it left may keep it open.
    if (ready > 0 && watched[1].revents && take(ends[0], run, &capacity) == 0) watched[1].fd = -1;
  }
  run->ended = cbench_now();
  while (take(ends[0], run, &capacity) > 0) {
  }
  while (waitpid(pid, &run->status, 0) < 0 && errno == EINTR) {
  }
  close(handle);
  close(ends[0]);
  errno = failure;
  return failure ? -1 : 0;
}

void cbench_run_free(struct cbench_run *run) {
  free(run->output);
  *run = (struct cbench_run){0};
}

pid_t cbench_pid(void) {
  return getpid();
}

int cbench_processors(void) {
  return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int cbench_kill(pid_t pid, int signal_number) {
  return kill(pid, signal_number);
}

void cbench_reap(pid_t pid) {
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
  }
}

void cbench_open_processes(const pid_t *pids, int count, int *handles) {
  for (int index = 0; index < count; index++) {
    handles[index] = (int)syscall(SYS_pidfd_open, pids[index], 0);
  }
}

int cbench_wait_ended(const int *handles, int count, int64_t deadline) {
  int left = 0;
  for (int index = 0; index < count; index++) {
    struct pollfd ended = {.fd = handles[index], .events = POLLIN};
    if (ended.fd < 0) continue;
    int ready;
    while ((ready = poll(&ended, 1, milliseconds_until(deadline))) < 0 && errno == EINTR) {
    }
    if (ready == 0) left++;
  }
  return left;
}

void cbench_close_processes(const int *handles, int count) {
  for (int index = 0; index < count; index++) {
    if (handles[index] >= 0) close(handles[index]);
  }
}

void cbench_allow_files(int count) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= (rlim_t)count) return;
  limit.rlim_cur = limit.rlim_max < (rlim_t)count ? limit.rlim_max : (rlim_t)count;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void cbench_exit(int status) {
  exit(status);
}

void cbench_complain(const char *bytes, size_t count) {
  ssize_t written = write(2, bytes, count);
  (void)written;
}

const char *cbench_environment(const char *name) {
  return getenv(name);
}

int cbench_set_environment(const char *name, const char *value) {
  return setenv(name, value, 1);
}

static void note_interrupt(int number) {
  (void)number;
  interrupted = 1;
}

void cbench_catch_interrupts(void) {
  struct sigaction action = {.sa_handler = note_interrupt};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGHUP, &action, NULL);
}

bool cbench_interrupted(void) {
  return interrupted;
}

void cbench_forget_interrupt(void) {
  interrupted = 0;
}
