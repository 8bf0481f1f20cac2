// What the roles of superv-bench-bare share.
#ifndef BARE_H
#define BARE_H

#include <cbench.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

// Ends this process when `parent` does. The parent may be killed as soon as it is noted that we
// run, so its pid is read before that.
void stop_with_parent(pid_t parent);
// Says what failed and why; the exit status.
int fail(const char *what);
// A stream socket, and the address of a path for bind or connect; -1 when the path is too long.
int unix_socket(const char *path, struct sockaddr_un *address);
// Makes this process the leader of a session, as superv does with each of its agents, so that what
// is compared runs on the same terms: the kernel shares out a processor by sessions (sched(7), The
// autogroup feature), and takes longer over a switch from one to another.
void lead_session(void);
bool write_all(int to, const char *bytes, size_t count);

// Bytes of somebody else's; `at` is NULL where there is nothing.
struct text {
  const char *at;
  size_t count;
};

#define TEXT(literal) ((struct text){literal, sizeof literal - 1})

bool is_same(struct text one, struct text other);

// The values of those members of a JSON object that are named, as they stand there. False unless it
// is an object of RFC 8259 in UTF-8, with none of them twice.
bool find_members(
  struct text object, const struct text *names, struct text *values, size_t count);
// What is between the quotes; nothing when it is not a string.
struct text unquoted(struct text value);
// The value of digits; -1 when there is anything else.
int64_t number(struct text digits);
// Writes the digits of a number; how many there are, 20 at most.
size_t put_number(char *at, uint64_t number);

// What keeps others running, in trees.c.
int tree(char **arguments);
int nest(char **arguments);

// The roles of the calls, in relay.c and agents.c.
int relay(char **arguments);
int answer_calls(char **arguments);
int make_calls(char **arguments);

#endif
