// What Swift cannot say itself: GNU-only and variadic calls, function-like macros, the spawn.
// Every function returns -1 and leaves errno on failure unless it says otherwise.
#ifndef CSUPERV_H
#define CSUPERV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/types.h>

#include "csv_features.h"
#include "csv_sandbox.h"
#include "csv_spawn.h"

// Gives the kernel what malloc keeps for later; with the program, its pages as well.
void csv_give_memory_back(int including_program);

// Descriptors that the kernel makes for us; all of them are close-on-exec.
int csv_epoll_create(void);
int csv_timer_create(void);                     // CLOCK_MONOTONIC, nonblocking
int csv_timer_arm(int fd, int64_t nanoseconds); // absolute; 0 disarms
int csv_event_counter(void);                    // nonblocking
int csv_signal_descriptor(uint64_t mask);       // nonblocking; bit n-1 stands for signal n
int csv_inotify_create(void);                   // nonblocking
int csv_open_path(const char *path);            // O_PATH | O_DIRECTORY

// Signals. Masks as in the kernel: bit n-1 stands for signal n.
int csv_block_signals(uint64_t mask);
int csv_unblock_signals(uint64_t mask);
int csv_ignore_signal(int number);
int csv_sigrtmin(void);
int csv_sigrtmax(void);

// Pipes.
int csv_pipe(int ends[2], int nonblocking);
int csv_pipe_size(int fd);
int csv_set_pipe_size(int fd, int bytes); // returns the size that the kernel chose

// Sockets. `type` is SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET; all are close-on-exec.
int csv_socket(int domain, int type, int nonblocking);
int csv_socket_pair(int type, int nonblocking, int ends[2]);
int csv_accept(int fd); // nonblocking
int csv_unix_bind(int fd, const char *path);
int csv_unix_connect(int fd, const char *path);
int csv_unix_connect_abstract(int fd, const char *name);
int csv_tcp_bind(int fd, const char *ip_literal, uint16_t port);
int csv_tcp_connect(int fd, const char *ip_literal, uint16_t port);
int csv_ip_family(const char *ip_literal); // AF_INET, AF_INET6, or -1 with EINVAL
int csv_local_port(int fd);
int csv_take_socket_error(int fd); // SO_ERROR: the errno of what failed, 0 when nothing did
int csv_peer_credentials(int fd, pid_t *pid, uid_t *uid, gid_t *gid);
int csv_peer_pidfd(int fd); // Linux 6.5; before that ENOPROTOOPT
int csv_is_connected_to_itself(int fd); // TCP: both ends are the same address and port

// One message with descriptors beside it (SCM_RIGHTS); received ones are close-on-exec.
enum { CSV_MESSAGE_DESCRIPTORS = 32 };
struct csv_received {
  int descriptor_count;
  int truncated; // bytes or descriptors did not fit and are lost
  pid_t sender;  // 0 unless the receiving socket passes credentials
  int sender_pidfd; // -1 where the kernel gives none (Linux 6.5)
  int sender_gone;  // the sender has been reaped
};
ssize_t csv_send_message(int fd, const void *bytes, size_t count, const int *descriptors,
                         int descriptor_count);
ssize_t csv_receive_message(int fd, void *bytes, size_t room,
                            int descriptors[CSV_MESSAGE_DESCRIPTORS],
                            struct csv_received *received);
int csv_pass_credentials(int fd); // pidfds too, where the kernel has them

// Processes.
struct csv_exit {
  pid_t pid; // 0: nobody has ended
  int killed, dumped_core, value; // the exit code, or the signal's number when it was killed
};
int csv_wait_pidfd(int pidfd, struct csv_exit *result); // reaps; never waits
int csv_peek_pidfd(int pidfd, struct csv_exit *result); // leaves it a zombie; never waits
int csv_wait_pid(pid_t pid, struct csv_exit *result);   // reaps; never waits
int csv_peek_exited(struct csv_exit *result);           // any child; leaves it a zombie
void csv_read_status(int status, struct csv_exit *result); // as wait(2) gives it; without a pid
// How a process ended that somebody else has reaped: Linux 6.15; ENODATA when it is not reaped.
int csv_pidfd_exit(int pidfd, struct csv_exit *result);
uint64_t csv_pidfd_inode(int pidfd); // unique until the next boot: Linux 6.9; before that 0
int csv_pidfd_open(pid_t pid);
int csv_execute(const char *path, const char *const *arguments, const char *const *environment);
int csv_pidfd_send_signal(int pidfd, int number);
int csv_become_subreaper(void);
int csv_become_batch(void); // SCHED_BATCH
int csv_limit(pid_t pid, int resource, struct rlimit *old, const struct rlimit *new);

#endif
