#define _GNU_SOURCE
#include "cbench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int cbench_open_fifo(const char *path) {
  if (mkfifo(path, 0600) < 0) return -1;
  return open(path, O_RDWR | O_CLOEXEC);
}

void cbench_close(int file) {
  close(file);
}

int cbench_order_calls(
  int orders, int answers, struct cbench_order order, int64_t deadline,
  struct cbench_calls *calls) {
  // Both are far below PIPE_BUF, so they come whole.
  if (write(orders, &order, sizeof order) != sizeof order) return -1;
  struct pollfd answer = {.fd = answers, .events = POLLIN};
  while (poll(&answer, 1, 100) <= 0) {
    if (cbench_interrupted() || cbench_now() >= deadline) return -1;
  }
  return read(answers, calls, sizeof *calls) == sizeof *calls ? 0 : -1;
}

int64_t cbench_processor_time(pid_t pid) {
  clockid_t clock;
  struct timespec used;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0) return -1;
  return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

int cbench_pin(pid_t pid, bool to_one) {
  static cpu_set_t all;
  if (CPU_COUNT(&all) == 0 && sched_getaffinity(0, sizeof all, &all) < 0) return -1;
  if (!to_one) return sched_setaffinity(pid, sizeof all, &all);
  cpu_set_t one;
  int last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(last, &all)) last--;
  CPU_ZERO(&one);
  CPU_SET(last, &one);
  return sched_setaffinity(pid, sizeof one, &one);
}

int cbench_free_port(void) {
  struct sockaddr_in address = {
    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t count = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool is_bound = bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                  getsockname(listener, (struct sockaddr *)&address, &count) == 0;
  close(listener);
  return is_bound ? ntohs(address.sin_port) : -1;
}
