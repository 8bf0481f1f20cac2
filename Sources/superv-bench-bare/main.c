// The work that superv-bench measures, done with bare system calls and nothing else: what any
// supervisor has to pay. The same file holds the programs that are supervised.
#define _GNU_SOURCE
#include "bare.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

void stop_with_parent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) exit(0);
}

void lead_session(void) {
  // Fails for an agent of superv, which is one already.
  setsid();
}

int fail(const char *what) {
  perror(what);
  return 1;
}

// child BOARD: notes that it runs and waits to be killed.
static int child(char **arguments) {
  int64_t now = cbench_now();
  pid_t parent = getppid();
  struct cbench_board *board = cbench_board_open(arguments[0]);
  if (!board) return fail(arguments[0]);
  cbench_board_add(board, now);
  stop_with_parent(parent);
  for (;;) pause();
}

// detached BOARD PIDFILE: the same as a daemon of the old kind, which leaves its parent and writes
// down its pid. What watches it by that file ends it, and the nest what it forgets.
static int detached(char **arguments) {
  int64_t now = cbench_now();
  struct cbench_board *board = cbench_board_open(arguments[0]);
  if (!board) return fail(arguments[0]);
  pid_t pid = fork();
  if (pid != 0) return pid < 0 ? fail("fork") : 0;
  char text[16];
  int count = snprintf(text, sizeof text, "%d\n", getpid());
  setsid();
  if (cbench_write(arguments[1], text, (size_t)count) < 0) return fail(arguments[1]);
  cbench_board_add(board, now);
  for (;;) pause();
}

// write BOARD BYTES: writes whole blocks to stdout, notes beginning and end, then waits.
static int write_lines(char **arguments) {
  static char block[CBENCH_LINE_BYTES * CBENCH_BLOCK_LINES];
  struct cbench_board *board = cbench_board_open(arguments[0]);
  if (!board) return fail(arguments[0]);
  int64_t blocks = atoll(arguments[1]) / (int64_t)sizeof block;
  stop_with_parent(getppid());
  cbench_block_fill(block);
  cbench_board_add(board, cbench_now());
  for (int64_t number = 0; number < blocks; number++) {
    cbench_block_number(block, number);
    for (size_t done = 0; done < sizeof block;) {
      ssize_t count = write(1, block + done, sizeof block - done);
      if (count < 0) return fail("write");
      done += (size_t)count;
    }
  }
  cbench_board_add(board, cbench_now());
  for (;;) pause();
}

// copy FILE BYTES PROGRAM ARGUMENT…: runs it and copies that much of its stdout into FILE.
static int copy(char **arguments) {
  static char bytes[256 * 1024];
  int64_t left = atoll(arguments[1]);
  left -= left % (CBENCH_LINE_BYTES * CBENCH_BLOCK_LINES);
  int file = open(arguments[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return fail(arguments[0]);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return fail("pipe2");
  fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
  pid_t pid = cbench_spawn(arguments + 2, ends[1], NULL);
  if (pid < 0) return fail(arguments[2]);
  close(ends[1]);
  while (left > 0) {
    ssize_t count = read(ends[0], bytes, sizeof bytes);
    if (count <= 0) return fail("read");
    if (write(file, bytes, (size_t)count) != count) return fail("write");
    left -= count;
  }
  kill(pid, SIGKILL);
  cbench_reap(pid);
  return 0;
}

int unix_socket(const char *path, struct sockaddr_un *address) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address->sun_path) return -1;
  memcpy(address->sun_path, path, strlen(path));
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

bool write_all(int to, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(to, bytes, count);
    if (written <= 0) return false;
    bytes += written;
    count -= (size_t)written;
  }
  return true;
}

// serve SOCKET FILE: answers every request with the bytes of the file.
static int serve(char **arguments) {
  enum { CAPACITY = 16 << 20 };
  char *answer = malloc(CAPACITY);
  ssize_t count = answer ? cbench_read(arguments[1], answer, CAPACITY) : -1;
  struct sockaddr_un address;
  int listener = unix_socket(arguments[0], &address);
  stop_with_parent(getppid());
  signal(SIGPIPE, SIG_IGN);
  if (count < 0) return fail(arguments[1]);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) return fail(arguments[0]);
  if (listen(listener, 16) < 0) return fail("listen");
  for (;;) {
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    char request[4096];
    if (peer >= 0 && read(peer, request, sizeof request) > 0) {
      write_all(peer, answer, (size_t)count);
    }
    close(peer);
  }
}

// ask SOCKET: asks once and prints the answer.
static int ask(char **arguments) {
  static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n";
  static char bytes[64 * 1024];
  struct sockaddr_un address;
  int peer = unix_socket(arguments[0], &address);
  if (connect(peer, (struct sockaddr *)&address, sizeof address) < 0) return fail(arguments[0]);
  if (!write_all(peer, request, sizeof request - 1)) return fail("write");
  ssize_t count;
  while ((count = read(peer, bytes, sizeof bytes)) > 0) {
    if (!write_all(1, bytes, (size_t)count)) return fail("write");
  }
  return count < 0 ? fail("read") : 0;
}

static bool is_run(const char *program) {
  const char *slash = strrchr(program, '/');
  return strcmp(slash ? slash + 1 : program, "run") == 0;
}

int main(int count, char **arguments) {
  static const struct {
    const char *name;
    int arguments;
    int (*run)(char **);
  } roles[] = {
    {"child", 1, child}, {"detached", 2, detached},   {"write", 2, write_lines},
    {"tree", 2, tree},   {"nest", 2, nest},           {"copy", 3, copy},
    {"serve", 2, serve}, {"ask", 1, ask},             {"relay", 1, relay},
    {"call", 4, make_calls}, {"answer", 2, answer_calls},
  };
  // The program `run` of a service folder is not told anything; the board lies beside it.
  if (is_run(arguments[0])) return child((char *[]){"board", NULL});
  for (size_t index = 0; count > 1 && index < sizeof roles / sizeof roles[0]; index++) {
    if (strcmp(arguments[1], roles[index].name) == 0 && count - 2 >= roles[index].arguments) {
      return roles[index].run(arguments + 2);
    }
  }
  fprintf(stderr, "usage: started by superv-bench\n");
  return 2;
}
