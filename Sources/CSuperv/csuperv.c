#define _GNU_SOURCE
#include "csuperv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int csv_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
int csv_timer_create(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); }
int csv_event_counter(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
int csv_inotify_create(void) { return inotify_init1(IN_CLOEXEC | IN_NONBLOCK); }
int csv_open_path(const char *path) { return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); }

int csv_timer_arm(int fd, int64_t nanoseconds) {
  struct itimerspec when = {.it_value = {.tv_sec = nanoseconds / 1000000000,
                                         .tv_nsec = nanoseconds % 1000000000}};
  return timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL);
}

// Signals

static sigset_t signal_set(uint64_t mask) {
  sigset_t set;
  sigemptyset(&set);
  for (int number = 1; number <= 64; number++)
    if (mask >> (number - 1) & 1) sigaddset(&set, number);
  return set;
}

int csv_signal_descriptor(uint64_t mask) {
  sigset_t set = signal_set(mask);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int change_mask(int how, uint64_t mask) {
  sigset_t set = signal_set(mask);
  int code = pthread_sigmask(how, &set, NULL);
  if (code == 0) return 0;
  errno = code;
  return -1;
}

int csv_block_signals(uint64_t mask) { return change_mask(SIG_BLOCK, mask); }
int csv_unblock_signals(uint64_t mask) { return change_mask(SIG_UNBLOCK, mask); }

int csv_ignore_signal(int number) {
  if (signal(number, SIG_IGN) == SIG_ERR) return -1;
  csv_dispositions_changed();
  return 0;
}

int csv_sigrtmin(void) { return SIGRTMIN; }
int csv_sigrtmax(void) { return SIGRTMAX; }

// Pipes

int csv_pipe(int ends[2], int nonblocking) {
  return pipe2(ends, O_CLOEXEC | (nonblocking ? O_NONBLOCK : 0));
}

int csv_pipe_size(int fd) { return fcntl(fd, F_GETPIPE_SZ); }

int csv_set_pipe_size(int fd, int bytes) { return fcntl(fd, F_SETPIPE_SZ, bytes); }

// Sockets

static int socket_flags(int nonblocking) {
  return SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0);
}

int csv_socket(int domain, int type, int nonblocking) {
  return socket(domain, type | socket_flags(nonblocking), 0);
}

int csv_socket_pair(int type, int nonblocking, int ends[2]) {
  return socketpair(AF_UNIX, type | socket_flags(nonblocking), 0, ends);
}

int csv_accept(int fd) { return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

union address {
  struct sockaddr any;
  struct sockaddr_un local;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

static socklen_t unix_address(union address *address, const char *path) {
  size_t length = strlen(path);
  memset(address, 0, sizeof *address);
  if (length >= sizeof address->local.sun_path) {
    errno = ENAMETOOLONG;
    return 0;
  }
  address->local.sun_family = AF_UNIX;
  memcpy(address->local.sun_path, path, length + 1);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
}

static socklen_t ip_address(union address *address, const char *ip_literal, uint16_t port) {
  memset(address, 0, sizeof *address);
  if (inet_pton(AF_INET, ip_literal, &address->v4.sin_addr) == 1) {
    address->v4.sin_family = AF_INET;
    address->v4.sin_port = htons(port);
    return sizeof address->v4;
  }
  if (inet_pton(AF_INET6, ip_literal, &address->v6.sin6_addr) == 1) {
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons(port);
    return sizeof address->v6;
  }
  errno = EINVAL;
  return 0;
}

int csv_unix_bind(int fd, const char *path) {
  union address address;
  socklen_t length = unix_address(&address, path);
  return length == 0 ? -1 : bind(fd, &address.any, length);
}

int csv_unix_connect(int fd, const char *path) {
  union address address;
  socklen_t length = unix_address(&address, path);
  return length == 0 ? -1 : connect(fd, &address.any, length);
}

int csv_unix_connect_abstract(int fd, const char *name) {
  union address address;
  size_t length = strlen(name);
  memset(&address, 0, sizeof address);
  if (length >= sizeof address.local.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  address.local.sun_family = AF_UNIX;
  // After a NUL, and all bytes of the address count: no NUL at the end.
  memcpy(address.local.sun_path + 1, name, length);
  return connect(
      fd, &address.any, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length));
}

int csv_ip_family(const char *ip_literal) {
  union address address;
  return ip_address(&address, ip_literal, 0) == 0 ? -1 : address.any.sa_family;
}

int csv_tcp_bind(int fd, const char *ip_literal, uint16_t port) {
  union address address;
  int yes = 1;
  socklen_t length = ip_address(&address, ip_literal, port);
  if (length == 0) return -1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0) return -1;
  // `::` and `0.0.0.0` are two addresses; without this the first one takes both.
  if (address.any.sa_family == AF_INET6 &&
      setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) != 0)
    return -1;
  return bind(fd, &address.any, length);
}

int csv_tcp_connect(int fd, const char *ip_literal, uint16_t port) {
  union address address;
  socklen_t length = ip_address(&address, ip_literal, port);
  return length == 0 ? -1 : connect(fd, &address.any, length);
}

int csv_local_port(int fd) {
  union address address;
  socklen_t length = sizeof address;
  if (getsockname(fd, &address.any, &length) != 0) return -1;
  return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

int csv_take_socket_error(int fd) {
  int code = 0;
  socklen_t length = sizeof code;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) != 0 ? -1 : code;
}

int csv_peer_credentials(int fd, pid_t *pid, uid_t *uid, gid_t *gid) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
  *pid = peer.pid;
  *uid = peer.uid;
  *gid = peer.gid;
  return 0;
}

int csv_peer_pidfd(int fd) {
  int pidfd = -1;
  socklen_t length = sizeof pidfd;
  return getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) != 0 ? -1 : pidfd;
}

int csv_is_connected_to_itself(int fd) {
  union address here, there;
  socklen_t here_length = sizeof here, there_length = sizeof there;
  if (getsockname(fd, &here.any, &here_length) != 0) return -1;
  if (getpeername(fd, &there.any, &there_length) != 0) return -1;
  if (here.any.sa_family == AF_UNIX) return 0; // both ends may be nameless, and so alike
  return here_length == there_length && memcmp(&here, &there, here_length) == 0;
}

// Messages with descriptors

union control {
  struct cmsghdr header; // for its alignment
  char bytes[CMSG_SPACE(CSV_MESSAGE_DESCRIPTORS * sizeof(int)) +
             CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
};

ssize_t csv_send_message(int fd, const void *bytes, size_t count, const int *descriptors,
                         int descriptor_count) {
  union control control = {0};
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
  if (descriptor_count < 0 || descriptor_count > CSV_MESSAGE_DESCRIPTORS) {
    errno = EINVAL;
    return -1;
  }
  if (descriptor_count > 0) {
    size_t size = (size_t)descriptor_count * sizeof(int);
    header.msg_control = control.bytes;
    header.msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(rights), descriptors, size);
  }
  return sendmsg(fd, &header, MSG_NOSIGNAL);
}

ssize_t csv_receive_message(int fd, void *bytes, size_t room,
                            int descriptors[CSV_MESSAGE_DESCRIPTORS],
                            struct csv_received *received) {
  union control control = {0};
  struct iovec part = {.iov_base = bytes, .iov_len = room};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
                          .msg_controllen = sizeof control.bytes};
  ssize_t count = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
  *received = (struct csv_received){.sender_pidfd = -1};
  if (count < 0) return count;
  received->truncated = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  for (struct cmsghdr *item = CMSG_FIRSTHDR(&header); item; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET) continue;
    if (item->cmsg_type == SCM_RIGHTS) {
      size_t size = item->cmsg_len - CMSG_LEN(0);
      memcpy(descriptors, CMSG_DATA(item), size);
      received->descriptor_count = (int)(size / sizeof(int));
    } else if (item->cmsg_type == SCM_CREDENTIALS) {
      struct ucred sender;
      memcpy(&sender, CMSG_DATA(item), sizeof sender);
      received->sender = sender.pid;
    } else if (item->cmsg_type == SCM_PIDFD) { // or the error in its place
      int pidfd;
      memcpy(&pidfd, CMSG_DATA(item), sizeof pidfd);
      if (pidfd >= 0)
        received->sender_pidfd = pidfd;
      else
        received->sender_gone = pidfd != -EMFILE && pidfd != -ENFILE;
    }
  }
  return count;
}

int csv_pass_credentials(int fd) {
  int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_PASSPIDFD, &yes, sizeof yes);
  return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
}

// Processes

static int wait_for(idtype_t type, id_t id, int flags, struct csv_exit *result) {
  siginfo_t info = {0}; // waitid leaves it alone when nobody has ended
  if (waitid(type, id, &info, WEXITED | WNOHANG | flags) != 0) return -1;
  *result = (struct csv_exit){.pid = info.si_pid,
                              .killed = info.si_code != CLD_EXITED,
                              .dumped_core = info.si_code == CLD_DUMPED,
                              .value = info.si_status};
  return 0;
}

int csv_wait_pidfd(int pidfd, struct csv_exit *result) {
  return wait_for((idtype_t)P_PIDFD, (id_t)pidfd, 0, result);
}

int csv_peek_pidfd(int pidfd, struct csv_exit *result) {
  return wait_for((idtype_t)P_PIDFD, (id_t)pidfd, WNOWAIT, result);
}

int csv_wait_pid(pid_t pid, struct csv_exit *result) {
  return wait_for(P_PID, (id_t)pid, 0, result);
}

int csv_peek_exited(struct csv_exit *result) { return wait_for(P_ALL, 0, WNOWAIT, result); }

void csv_read_status(int status, struct csv_exit *result) {
  bool was_killed = WIFSIGNALED(status);
  *result = (struct csv_exit){.killed = was_killed,
                              .dumped_core = was_killed && WCOREDUMP(status),
                              .value = was_killed ? WTERMSIG(status) : WEXITSTATUS(status)};
}

int csv_pidfd_exit(int pidfd, struct csv_exit *result) {
  // struct pidfd_info as of Linux 6.15, which the headers here may not have.
  struct {
    uint64_t mask, cgroup;
    uint32_t pid, tgid, ppid, ids[8];
    int32_t exit_code;
  } info = {.mask = 1 << 3}; // PIDFD_INFO_EXIT
  if (ioctl(pidfd, _IOWR(0xFF, 11, info), &info) != 0) return -1;
  if (!(info.mask & 1 << 3)) {
    errno = ENODATA;
    return -1;
  }
  csv_read_status(info.exit_code, result);
  result->pid = (pid_t)info.pid;
  return 0;
}

uint64_t csv_pidfd_inode(int pidfd) {
  struct statfs system;
  struct stat file;
  // Elsewhere all pidfds are one anonymous inode.
  if (fstatfs(pidfd, &system) != 0 || system.f_type != 0x50494446) return 0; // PID_FS_MAGIC
  return fstat(pidfd, &file) == 0 ? file.st_ino : 0;
}

int csv_execute(const char *path, const char *const *arguments, const char *const *environment) {
  return execve(path, (char *const *)arguments, (char *const *)environment);
}

int csv_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int csv_pidfd_send_signal(int pidfd, int number) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

int csv_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int csv_become_batch(void) {
  const struct sched_param parameters = {0};
  return sched_setscheduler(0, SCHED_BATCH, &parameters);
}

int csv_limit(pid_t pid, int resource, struct rlimit *old, const struct rlimit *new) {
  return prlimit(pid, (__rlimit_resource_t)resource, new, old);
}
