#define _GNU_SOURCE
#include "cbench.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

int cbench_file_state(const char *path, int64_t *size, int64_t *modified) {
  struct stat state;
  if (stat(path, &state) < 0) return -1;
  *size = state.st_size;
  *modified = (int64_t)state.st_mtim.tv_sec * 1000000000 + state.st_mtim.tv_nsec;
  return 0;
}

int64_t cbench_free_bytes(const char *path) {
  struct statvfs state;
  if (statvfs(path, &state) < 0) return -1;
  return (int64_t)state.f_bavail * (int64_t)state.f_frsize;
}

void cbench_warm_memory(size_t bytes) {
  const size_t page = 4096;
  char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  for (size_t at = 0; at < bytes; at += page) ((volatile char *)memory)[at] = 1;
  munmap(memory, bytes);
}

ssize_t cbench_read(const char *path, char *bytes, size_t capacity) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  size_t total = 0;
  ssize_t count;
  while (total < capacity && (count = read(file, bytes + total, capacity - total)) > 0) {
    total += (size_t)count;
  }
  close(file);
  return (ssize_t)total;
}

bool cbench_is_executable(const char *path) {
  return access(path, X_OK) == 0;
}

bool cbench_is_writable_folder(const char *path) {
  struct stat state;
  return stat(path, &state) == 0 && S_ISDIR(state.st_mode) && access(path, W_OK) == 0;
}

int cbench_make_executable(const char *path) {
  return chmod(path, 0700);
}

int cbench_make_folder(const char *path) {
  return mkdir(path, 0700);
}

static int remove_one(const char *path, const struct stat *state, int kind, struct FTW *place) {
  (void)state;
  (void)kind;
  (void)place;
  return remove(path);
}

void cbench_remove(const char *path) {
  nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int cbench_write(const char *path, const void *bytes, size_t count) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return -1;
  bool is_whole = write(file, bytes, count) == (ssize_t)count;
  return close(file) == 0 && is_whole ? 0 : -1;
}

int cbench_link(const char *target, const char *path) {
  return symlink(target, path);
}

int cbench_link_target(const char *path, char *target) {
  ssize_t count = readlink(path, target, PATH_MAX - 1);
  if (count < 0) return -1;
  target[count] = 0;
  return 0;
}

int cbench_real_path(const char *path, char *real) {
  return realpath(path, real) ? 0 : -1;
}

int cbench_each_name(const char *folder, void *context, void (*body)(void *, const char *)) {
  DIR *names = opendir(folder);
  if (!names) return -1;
  for (struct dirent *entry; (entry = readdir(names));) {
    if (entry->d_name[0] != '.') body(context, entry->d_name);
  }
  closedir(names);
  return 0;
}
