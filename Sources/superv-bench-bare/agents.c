// The agents of the call figures. They speak the child protocol to whichever relay is at
// $SUPERV_SOCKET, in the same bytes, and take and send as much at a time as there is.
#define _GNU_SOURCE
#include "bare.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A call and a result are lines of 200 bytes, the newline included.
enum { LINE = 200, BUFFER = 64 << 10, FIRST_ID = 100000 };

static int peer;
static char in[BUFFER], out[BUFFER];
static size_t taken, filled, put_count;

static void put(struct text text) {
  memcpy(out + put_count, text.at, text.count);
  put_count += text.count;
}

static bool put_output(void) {
  bool is_whole = write_all(peer, out, put_count);
  put_count = 0;
  return is_whole;
}

// Fills the line that begins at `start` up with text, and ends it.
static void pad(size_t start, struct text ending) {
  while (put_count - start + ending.count < LINE) out[put_count++] = 'x';
  put(ending);
}

// What has come, once there is something; false at the end.
static bool take_input(void) {
  memmove(in, in + taken, filled - taken);
  filled -= taken;
  taken = 0;
  ssize_t count = read(peer, in + filled, sizeof in - filled);
  if (count > 0) filled += (size_t)count;
  return count > 0;
}

// A line that has come; nothing when there is none.
static struct text next_line(void) {
  char *line = in + taken, *newline = memchr(line, '\n', filled - taken);
  if (!newline) return (struct text){0};
  taken = (size_t)(newline + 1 - in);
  return (struct text){line, (size_t)(newline - line)};
}

// Whether the next answer is a result.
static bool ask(struct text request) {
  static const struct text result = {"result", 6};
  struct text line, value;
  put(request);
  if (!put_output()) return false;
  while (!(line = next_line()).at) {
    if (!take_input()) return false;
  }
  return find_members(line, &result, &value, 1) && value.at;
}

// Connects, says hello under that name, and is ready.
static bool join(const char *name) {
  char hello[256];
  struct sockaddr_un address;
  const char *path = getenv("SUPERV_SOCKET");
  lead_session();
  if (!path || (peer = unix_socket(path, &address)) < 0) return false;
  if (connect(peer, (struct sockaddr *)&address, sizeof address) < 0) return false;
  int count = snprintf(
    hello, sizeof hello,
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\","
    "\"params\":{\"protocol\":1,\"client\":\"%s\"}}\n",
    name);
  return ask((struct text){hello, (size_t)count}) &&
         ask(TEXT("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ready\"}\n"));
}

// answer BOARD NAME: joins, notes it, and answers whatever it is asked until it is told to stop. It
// notes every ping too.
int answer_calls(char **arguments) {
  enum { ID, METHOD, MEMBERS };
  static const struct text members[MEMBERS] = {{"id", 2}, {"method", 6}};
  pid_t parent = getppid();
  struct cbench_board *board = cbench_board_open(arguments[0]);
  if (!board || !join(arguments[1])) return fail(arguments[1]);
  cbench_board_add(board, cbench_now());
  stop_with_parent(parent);
  do {
    struct text line, request[MEMBERS];
    while ((line = next_line()).at) {
      if (!find_members(line, members, request, MEMBERS)) return fail("a line without a message");
      struct text method = unquoted(request[METHOD]);
      if (is_same(method, TEXT("stop"))) return 0;
      if (!request[ID].at) continue;
      if (sizeof out - put_count < 2 * LINE && !put_output()) return fail("write");
      size_t start = put_count;
      put(TEXT("{\"jsonrpc\":\"2.0\",\"id\":"));
      put(request[ID]);
      if (is_same(method, TEXT("handle"))) {
        put(TEXT(",\"result\":{\"text\":\""));
        pad(start, TEXT("\"}}\n"));
      } else {
        put(TEXT(",\"result\":{}}\n"));
        cbench_board_add(board, cbench_now());
      }
    }
    if (put_count > 0 && !put_output()) return fail("write");
  } while (take_input());
  return 0;
}

static void put_call(int64_t id) {
  size_t start = put_count;
  put(TEXT("{\"jsonrpc\":\"2.0\",\"id\":"));
  put_count += put_number(out + put_count, (uint64_t)id);
  put(TEXT(",\"method\":\"call\",\"params\":{\"to\":\"callee\",\"method\":\"draft\","
           "\"timeout_ms\":5000,\"params\":{\"text\":\""));
  pad(start, TEXT("\"}}}\n"));
}

static int compare(const void *one, const void *other) {
  int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
  return (a > b) - (a < b);
}

// Makes the calls of an order. `times` has a place for each: when it was sent, then what it took,
// less than nothing while it is out.
static struct cbench_calls run(struct cbench_order order, int64_t *times) {
  enum { ID, RESULT, MEMBERS };
  static const struct text members[MEMBERS] = {{"id", 2}, {"result", 6}};
  struct cbench_calls calls = {0};
  int64_t start = cbench_now(), now = start;
  int sent = 0, answered = 0;
  while (answered < order.count) {
    for (; sent < order.count && sent - answered < order.window; sent++) {
      times[sent] = -now;
      put_call(FIRST_ID + sent);
    }
    if (put_count > 0 && !put_output()) break;
    if (!take_input()) break;
    now = cbench_now();
    struct text line, answer[MEMBERS];
    while ((line = next_line()).at) {
      if (!find_members(line, members, answer, MEMBERS)) break;
      int64_t index = number(answer[ID]) - FIRST_ID;
      if (index < 0 || index >= sent || times[index] >= 0) continue;
      times[index] += now;
      if (!answer[RESULT].at) calls.refused++;
      answered++;
    }
  }
  calls.elapsed = now - start;
  calls.answered = answered;
  if (answered < order.count) return calls;
  qsort(times, (size_t)order.count, sizeof *times, compare);
  calls.p50 = times[order.count / 2];
  calls.p99 = times[order.count - 1 - order.count / 100];
  return calls;
}

// call BOARD NAME ORDERS ANSWERS: joins, notes it, and makes the calls it is told to over one FIFO,
// each time saying how long they took over the other.
int make_calls(char **arguments) {
  pid_t parent = getppid();
  struct cbench_board *board = cbench_board_open(arguments[0]);
  int orders = open(arguments[2], O_RDWR | O_CLOEXEC);
  int answers = open(arguments[3], O_RDWR | O_CLOEXEC);
  if (!board || orders < 0 || answers < 0 || !join(arguments[1])) return fail(arguments[1]);
  cbench_board_add(board, cbench_now());
  stop_with_parent(parent);
  struct cbench_order order;
  while (read(orders, &order, sizeof order) == sizeof order) {
    int64_t *times = calloc((size_t)order.count, sizeof *times);
    if (!times) return fail("calloc");
    struct cbench_calls calls = run(order, times);
    free(times);
    if (!write_all(answers, (const char *)&calls, sizeof calls)) return fail(arguments[3]);
  }
  return 0;
}
