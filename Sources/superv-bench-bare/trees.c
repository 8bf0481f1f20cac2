// What keeps programs running: the least that a supervisor can be, and the init around one.
#define _GNU_SOURCE
#include "bare.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t is_over;

static void end(int number) {
  (void)number;
  is_over = 1;
}

// tree COUNT PROGRAM ARGUMENT…: keeps COUNT of it running; SIGTERM ends them and it.
int tree(char **arguments) {
  stop_with_parent(getppid());
  long count = atol(arguments[0]), running = 0;
  pid_t *pids = calloc((size_t)count, sizeof *pids);
  // Without SA_RESTART, so that waitid returns.
  struct sigaction action = {.sa_handler = end};
  if (!pids || sigaction(SIGTERM, &action, NULL) < 0) return fail("tree");
  for (long place = 0; !is_over;) {
    if (running < count) {
      pid_t pid = vfork();
      if (pid == 0) {
        execv(arguments[1], arguments + 1);
        _exit(127);
      }
      if (pid < 0) return fail("vfork");
      pids[place] = pid;
      if (++running < count) place = running;
      continue;
    }
    siginfo_t death;
    if (waitid(P_ALL, 0, &death, WEXITED) < 0) continue;
    for (place = 0; pids[place] != death.si_pid; place++) {
    }
    running--;
  }
  for (long place = 0; place < running; place++) kill(pids[place], SIGTERM);
  while (wait(NULL) > 0 || errno == EINTR) {
  }
  return 0;
}

static void kill_children(void) {
  static char list[64 * 1024];
  ssize_t count = cbench_read("/proc/thread-self/children", list, sizeof list - 1);
  if (count <= 0) return;
  list[count] = 0;
  // A list that was cut short ends in part of a number.
  for (char *at = list, *after; (at = strtok_r(at, " ", &after)); at = NULL) {
    bool is_whole = at + strlen(at) < list + sizeof list - 1;
    if (is_whole) kill((pid_t)atoi(at), SIGKILL);
  }
}

// nest BOARD PROGRAM ARGUMENT…: notes the time, runs the program, and reaps whatever it and its
// descendants leave, as PID 1 would. SIGTERM, or the end of its parent, ends every process below.
int nest(char **arguments) {
  struct cbench_board *board = cbench_board_open(arguments[0]);
  if (!board) return fail(arguments[0]);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  cbench_board_add(board, cbench_now());
  if (cbench_spawn(arguments + 1, CBENCH_NO_OUTPUT, NULL) < 0) return fail(arguments[1]);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // One that ended before SIGCHLD was blocked is reaped with the next.
  for (int number = 0; number != SIGTERM; sigwait(&signals, &number)) {
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
  }
  // Those whose parent is killed become our children.
  for (;;) {
    kill_children();
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
    }
    if (pid < 0) return 0;
    cbench_sleep(1000000);
  }
}
