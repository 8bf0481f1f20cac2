// The relay of docs/protocol.md in C: the least that any relay has to do for a call. Calls in,
// `handle` out with an id, sender, deadline and trace of its own; answers back under the caller's
// id. One thread, one epoll; a timer for the deadlines; one write for each connection and turn.
#define _GNU_SOURCE
#include "bare.h"

#include "calls.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
  CONNECTIONS = 16,
  CHUNK = 64 << 10,
  // Behind the connections, in the data of epoll.
  LISTENER = CONNECTIONS,
  TIMER,
  MAXIMUM_LINE = 1 << 20,
  MAXIMUM_WAITING = 8 << 20,
  MAXIMUM_NAME = 64,
  MAXIMUM_METHOD = 128,
  CALL_QUEUE = 128,
  // Around what is passed on.
  ENVELOPE = 1024,
};

struct connection {
  int socket;
  bool is_ready, is_dirty, waits_for_room;
  int calls_in_hand;
  size_t name_count;
  char name[MAXIMUM_NAME];
  // What has come in and is not taken yet; up to `searched` there is no newline.
  char *in;
  size_t taken, searched, filled;
  char *out;
  size_t written, put;
};

enum { ID, METHOD, PARAMS, RESULT, ERROR, MESSAGE_MEMBERS };
static const struct text message_members[MESSAGE_MEMBERS] = {
  {"id", 2}, {"method", 6}, {"params", 6}, {"result", 6}, {"error", 5}};

enum { TO, CALL_METHOD, CALL_PARAMS, TIMEOUT, TASK, TRACE, CALL_MEMBERS };
static const struct text call_members[CALL_MEMBERS] = {
  {"to", 2}, {"method", 6}, {"params", 6}, {"timeout_ms", 10}, {"task", 4}, {"trace", 5}};

static struct connection connections[CONNECTIONS];
static int poll_set, listener, timer;
static int64_t now, armed_for;
static uint64_t random_state[2];

static uint64_t random_bits(void) {
  uint64_t one = random_state[0], two = random_state[1];
  random_state[0] = two;
  one ^= one << 23;
  random_state[1] = one ^ two ^ (one >> 18) ^ (two >> 5);
  return random_state[1] + two;
}

static bool has_room(const struct connection *to, size_t count) {
  return to->put - to->written + count + ENVELOPE <= MAXIMUM_WAITING;
}

static void put(struct connection *to, struct text text) {
  memcpy(to->out + to->put, text.at, text.count);
  to->put += text.count;
  to->is_dirty = true;
}

static void put_hexadecimal(struct connection *to, uint64_t bits) {
  for (int shift = 60; shift >= 0; shift -= 4) {
    to->out[to->put++] = "0123456789abcdef"[bits >> shift & 15];
  }
}

static void put_answer(
  struct connection *to, struct text id, struct text kind, struct text value) {
  if (!has_room(to, value.count + id.count)) return;
  put(to, TEXT("{\"jsonrpc\":\"2.0\",\"id\":"));
  put(to, id);
  put(to, kind);
  put(to, value);
  put(to, TEXT("}\n"));
}

static void refuse(struct connection *to, struct text id, struct text error) {
  if (id.at) put_answer(to, id, TEXT(",\"error\":"), error);
}

#define REFUSAL(code, kind) \
  TEXT("{\"code\":" code ",\"message\":\"" kind "\",\"data\":{\"kind\":\"" kind "\"}}")

static void end(struct call *call, struct text kind, struct text value) {
  struct connection *caller = &connections[call->caller];
  put_answer(caller, (struct text){call->id, call->id_count}, kind, value);
  connections[call->callee].calls_in_hand--;
  end_call(call);
}

static void put_cancel(const struct call *call) {
  struct connection *callee = &connections[call->callee];
  if (!has_room(callee, 0)) return;
  put(callee, TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"cancel\",\"params\":{\"id\":"));
  callee->put += put_number(callee->out + callee->put, number_of(call));
  put(callee, TEXT("}}\n"));
}

static struct connection *find_agent(struct text name) {
  for (int index = 0; index < CONNECTIONS; index++) {
    struct connection *agent = &connections[index];
    if (agent->socket >= 0 && is_same((struct text){agent->name, agent->name_count}, name)) {
      return agent;
    }
  }
  return NULL;
}

static void put_handle(
  struct connection *callee, const struct connection *caller, const struct call *call,
  const struct text *asked, int64_t timeout) {
  struct text trace = unquoted(asked[TRACE]);
  put(callee, TEXT("{\"jsonrpc\":\"2.0\",\"id\":"));
  callee->put += put_number(callee->out + callee->put, number_of(call));
  put(callee, TEXT(",\"method\":\"handle\",\"params\":{\"from\":\""));
  put(callee, (struct text){caller->name, caller->name_count});
  put(callee, TEXT("\",\"method\":"));
  put(callee, asked[CALL_METHOD]);
  if (asked[CALL_PARAMS].at) {
    put(callee, TEXT(",\"params\":"));
    put(callee, asked[CALL_PARAMS]);
  }
  put(callee, TEXT(",\"deadline_ms\":"));
  callee->put += put_number(callee->out + callee->put, (uint64_t)timeout);
  if (asked[TASK].at) {
    put(callee, TEXT(",\"task\":"));
    put(callee, asked[TASK]);
  }
  put(callee, TEXT(",\"trace\":\""));
  if (trace.count == 55) {
    put(callee, (struct text){trace.at, 36});
  } else {
    put(callee, TEXT("00-"));
    put_hexadecimal(callee, random_bits());
    put_hexadecimal(callee, random_bits());
    put(callee, TEXT("-"));
  }
  put_hexadecimal(callee, random_bits());
  put(callee, TEXT("-01\"}}\n"));
}

static void pass_call(struct connection *caller, struct text id, struct text params) {
  struct text asked[CALL_MEMBERS];
  bool is_object = params.at && find_members(params, call_members, asked, CALL_MEMBERS);
  int64_t timeout = is_object ? number(asked[TIMEOUT]) : -1;
  if (!id.at || id.count > MAXIMUM_ID) return;
  if (timeout < 1 || timeout > 86400000 || !unquoted(asked[CALL_METHOD]).at ||
      asked[CALL_METHOD].count > MAXIMUM_METHOD || asked[TASK].count > MAXIMUM_METHOD) {
    return refuse(caller, id, REFUSAL("-32602", "invalid"));
  }
  struct connection *callee = find_agent(unquoted(asked[TO]));
  if (!callee) return refuse(caller, id, REFUSAL("-32602", "no_such_agent"));
  if (!callee->is_ready) return refuse(caller, id, REFUSAL("-32002", "not_ready"));
  bool has_place = callee->calls_in_hand < CALL_QUEUE && has_room(callee, params.count);
  struct call *call = has_place ? begin_call(now + timeout * 1000000) : NULL;
  if (!call) return refuse(caller, id, REFUSAL("-32004", "overloaded"));
  callee->calls_in_hand++;
  call->caller = (int32_t)(caller - connections);
  call->callee = (int32_t)(callee - connections);
  call->id_count = (uint8_t)id.count;
  memcpy(call->id, id.at, id.count);
  put_handle(callee, caller, call, asked, timeout);
}

// The name is in the greeting, where superv would ask the kernel once for each connection.
static void greet(struct connection *agent, struct text id, struct text params) {
  static const struct text client = {"client", 6};
  struct text value;
  if (params.at && find_members(params, &client, &value, 1)) {
    struct text name = unquoted(value);
    agent->name_count = name.count < MAXIMUM_NAME ? name.count : 0;
    memcpy(agent->name, name.at, agent->name_count);
  }
  put_answer(agent, id, TEXT(",\"result\":"), TEXT("{\"protocol\":1,\"message_max\":1048576}"));
}

static void take_line(struct connection *from, struct text line) {
  struct text message[MESSAGE_MEMBERS];
  if (!find_members(line, message_members, message, MESSAGE_MEMBERS)) {
    return refuse(from, TEXT("null"), REFUSAL("-32700", "invalid"));
  }
  struct text method = unquoted(message[METHOD]);
  if (!method.at) {
    struct call *call = find_call(number(message[ID]));
    if (!call || call->callee != from - connections) return;
    if (message[RESULT].at) return end(call, TEXT(",\"result\":"), message[RESULT]);
    return end(call, TEXT(",\"error\":"), message[ERROR]);
  }
  if (is_same(method, TEXT("call"))) return pass_call(from, message[ID], message[PARAMS]);
  if (is_same(method, TEXT("hello"))) return greet(from, message[ID], message[PARAMS]);
  if (!is_same(method, TEXT("ready"))) {
    return refuse(from, message[ID], REFUSAL("-32601", "invalid"));
  }
  from->is_ready = true;
  if (message[ID].at) put_answer(from, message[ID], TEXT(",\"result\":"), TEXT("{}"));
}

static void let_go(struct connection *of) {
  int32_t index = (int32_t)(of - connections);
  for (struct call *call; (call = call_of(index));) {
    if (call->caller == index) put_cancel(call);
    end(call, TEXT(",\"error\":"), REFUSAL("-32010", "unavailable"));
  }
  close(of->socket);
  free(of->in);
  free(of->out);
  *of = (struct connection){.socket = -1};
}

static void take_input(struct connection *from) {
  if (from->taken == from->filled) from->taken = from->searched = from->filled = 0;
  if (from->taken > 0 && MAXIMUM_LINE + CHUNK - from->filled < CHUNK) {
    memmove(from->in, from->in + from->taken, from->filled - from->taken);
    from->searched -= from->taken;
    from->filled -= from->taken;
    from->taken = 0;
  }
  size_t room = MAXIMUM_LINE + CHUNK - from->filled;
  ssize_t count = recv(from->socket, from->in + from->filled, room < CHUNK ? room : CHUNK, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  // No client of the benchmark writes a line that is too long.
  if (count <= 0) return let_go(from);
  from->filled += (size_t)count;
  char *newline;
  while ((newline = memchr(from->in + from->searched, '\n', from->filled - from->searched))) {
    char *line = from->in + from->taken;
    from->taken = from->searched = (size_t)(newline + 1 - from->in);
    take_line(from, (struct text){line, (size_t)(newline - line)});
  }
  from->searched = from->filled;
}

static void watch(struct connection *of, bool for_room) {
  struct epoll_event event = {
    .events = EPOLLIN | (for_room ? EPOLLOUT : 0), .data.u32 = (uint32_t)(of - connections)};
  epoll_ctl(poll_set, EPOLL_CTL_MOD, of->socket, &event);
  of->waits_for_room = for_room;
}

static void put_output(struct connection *to) {
  to->is_dirty = false;
  ssize_t count =
    send(to->socket, to->out + to->written, to->put - to->written, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count > 0) to->written += (size_t)count;
  if (to->written == to->put) {
    to->written = to->put = 0;
  } else {
    memmove(to->out, to->out + to->written, to->put - to->written);
    to->put -= to->written;
    to->written = 0;
  }
  if (to->waits_for_room != (to->put > 0)) watch(to, to->put > 0);
}

static void let_in(void) {
  int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  for (int index = 0; peer >= 0 && index < CONNECTIONS; index++) {
    struct connection *agent = &connections[index];
    if (agent->socket >= 0) continue;
    *agent = (struct connection){.socket = peer};
    agent->in = malloc(MAXIMUM_LINE + CHUNK);
    agent->out = malloc(MAXIMUM_WAITING);
    if (!agent->in || !agent->out) abort();
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)index};
    epoll_ctl(poll_set, EPOLL_CTL_ADD, peer, &event);
    return;
  }
  close(peer);
}

static void expire(void) {
  uint64_t count;
  if (read(timer, &count, sizeof count) > 0) armed_for = 0;
  for (struct call *call; (call = next_to_expire()) && call->deadline <= now;) {
    put_cancel(call);
    end(call, TEXT(",\"error\":"), REFUSAL("-32001", "timeout"));
  }
}

// A timer that is early costs one wake-up; setting it for every call that ends costs far more.
static void arm(void) {
  const struct call *next = next_to_expire();
  if (!next || (armed_for > 0 && armed_for <= next->deadline)) return;
  armed_for = next->deadline;
  struct itimerspec at = {
    .it_value = {.tv_sec = armed_for / 1000000000, .tv_nsec = armed_for % 1000000000}};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void turn(void) {
  struct epoll_event events[CONNECTIONS + 2];
  int count = epoll_wait(poll_set, events, CONNECTIONS + 2, -1);
  now = cbench_now();
  for (int index = 0; index < count; index++) {
    uint32_t source = events[index].data.u32;
    if (source == LISTENER) {
      let_in();
    } else if (source == TIMER) {
      expire();
    } else if (connections[source].socket >= 0) {
      if (events[index].events & EPOLLOUT) connections[source].is_dirty = true;
      if (events[index].events & ~EPOLLOUT) take_input(&connections[source]);
    }
  }
  for (int index = 0; index < CONNECTIONS; index++) {
    if (connections[index].is_dirty) put_output(&connections[index]);
  }
  arm();
}

int relay(char **arguments) {
  struct sockaddr_un address;
  stop_with_parent(getppid());
  lead_session();
  signal(SIGPIPE, SIG_IGN);
  random_state[0] = (uint64_t)cbench_now();
  random_state[1] = (uint64_t)getpid();
  for (int index = 0; index < CONNECTIONS; index++) connections[index].socket = -1;
  listener = unix_socket(arguments[0], &address);
  poll_set = epoll_create1(EPOLL_CLOEXEC);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = TIMER};
  epoll_ctl(poll_set, EPOLL_CTL_ADD, timer, &event);
  event.data.u32 = LISTENER;
  epoll_ctl(poll_set, EPOLL_CTL_ADD, listener, &event);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) return fail(arguments[0]);
  if (listen(listener, CONNECTIONS) < 0) return fail("listen");
  for (;;) turn();
}
