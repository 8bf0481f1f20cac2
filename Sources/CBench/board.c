#define _GNU_SOURCE
#include "cbench.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct slot {
  _Atomic int64_t time;  // 0 until the note is whole
  pid_t pid;
};

struct cbench_board {
  _Atomic uint32_t reserved;
  _Atomic uint32_t count;  // the futex
  _Atomic uint32_t wake_at;
  uint32_t capacity;
  struct slot slots[];
};

static size_t board_bytes(uint32_t capacity) {
  return sizeof(struct cbench_board) + capacity * sizeof(struct slot);
}

static struct cbench_board *map(int file, size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return memory == MAP_FAILED ? NULL : memory;
}

struct cbench_board *cbench_board_create(const char *path, uint32_t capacity) {
  int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return NULL;
  if (ftruncate(file, (off_t)board_bytes(capacity)) < 0) {
    close(file);
    return NULL;
  }
  struct cbench_board *board = map(file, board_bytes(capacity));
  if (board) board->capacity = capacity;
  return board;
}

struct cbench_board *cbench_board_open(const char *path) {
  int file = open(path, O_RDWR | O_CLOEXEC);
  struct stat state;
  if (file < 0) return NULL;
  if (fstat(file, &state) < 0) {
    close(file);
    return NULL;
  }
  return map(file, (size_t)state.st_size);
}

void cbench_board_close(struct cbench_board *board) {
  munmap(board, board_bytes(board->capacity));
}

void cbench_board_add(struct cbench_board *board, int64_t time) {
  uint32_t index = atomic_fetch_add(&board->reserved, 1);
  if (index < board->capacity) {
    board->slots[index].pid = getpid();
    atomic_store(&board->slots[index].time, time);
  }
  uint32_t count = atomic_fetch_add(&board->count, 1) + 1;
  if (count >= atomic_load(&board->wake_at)) {
    syscall(SYS_futex, &board->count, FUTEX_WAKE, 1, NULL, NULL, 0);
  }
}

uint32_t cbench_board_count(struct cbench_board *board) {
  return atomic_load(&board->count);
}

struct cbench_note cbench_board_note(struct cbench_board *board, uint32_t index) {
  struct slot *slot = &board->slots[index];
  int64_t time;
  // Another process may have finished its note before this earlier one is whole.
  while ((time = atomic_load(&slot->time)) == 0) sched_yield();
  return (struct cbench_note){.time = time, .pid = slot->pid};
}

bool cbench_board_wait(struct cbench_board *board, uint32_t count, int64_t deadline) {
  atomic_store(&board->wake_at, count);
  for (;;) {
    uint32_t seen = atomic_load(&board->count);
    if (seen >= count) return true;
    int64_t left = deadline - cbench_now();
    if (left <= 0 || cbench_interrupted()) return false;
    struct timespec span = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
    syscall(SYS_futex, &board->count, FUTEX_WAIT, seen, &span, NULL, 0);
  }
}
