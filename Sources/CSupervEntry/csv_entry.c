// What cannot wait for the first line of Swift: the Swift runtime aborts without /proc, and a
// signal that reaches process 1 before anybody takes it is lost.
#define _GNU_SOURCE
#include "csv_entry.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

// The kernel drops what process 1 neither blocks nor handles (pid_namespaces(7)). What comes while
// superv still reads its configuration stays pending until it is read; SupervSystem's InitRole has
// the same list.
static void keep_signals(void) {
  sigset_t kept;
  sigemptyset(&kept);
  int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPWR, SIGRTMIN + 3};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaddset(&kept, numbers[i]);
  sigprocmask(SIG_BLOCK, &kept, NULL);
}

static int has_proc(void) {
  char pid[16];
  return readlink("/proc/self", pid, sizeof pid) > 0;
}

static void say(const char *text) {
  // Nobody is left to tell when standard error is gone.
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

// Process 1 is the only one that may be there before /proc. Mounted as everybody mounts it.
static int mount_proc(void) {
  if (getpid() != 1) return ENOENT;
  mkdir("/proc", 0555);
  return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0 ? 0 : errno;
}

static void enter(void) {
  if (getpid() == 1) keep_signals();
  if (has_proc()) return;
  int code = mount_proc();
  if (code == 0 && has_proc()) {
    say("superv: /proc was not mounted; it is now\n");
    return;
  }
  say("superv: /proc is not mounted");
  if (getpid() == 1) {
    say(" and cannot be (");
    say(code == EPERM    ? "that needs root with CAP_SYS_ADMIN"
        : code == ENOENT ? "there is no folder for it"
                         : strerrorname_np(code));
    say(")");
  }
  say("; superv needs it: mount -t proc proc /proc\n");
  _exit(1);
}

// Before every constructor, those of the runtime included, and in a dynamic executable before those
// of its libraries (System V ABI, dynamic linking, initialization functions).
__attribute__((section(".preinit_array"), used)) static void (*const at_entry)(void) = enter;
