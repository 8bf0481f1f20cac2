// System calls for the benchmark: what the Swift half measures with, and what the bare programs
// are made of. It shares no code with superv itself. Calls return -1 and leave errno, as the
// system's own do, unless they say otherwise; times are nanoseconds of CLOCK_MONOTONIC.
#ifndef CBENCH_H
#define CBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The board: a shared file in which programs note that they run. One futex lets a reader sleep
// until so many have, without a wake-up for each.

struct cbench_board;

struct cbench_note {
  int64_t time;
  pid_t pid;
};

// NULL on failure. `capacity` notes; the file must not exist.
struct cbench_board *_Nullable cbench_board_create(const char *_Nonnull path, uint32_t capacity);
// NULL on failure.
struct cbench_board *_Nullable cbench_board_open(const char *_Nonnull path);
void cbench_board_close(struct cbench_board *_Nonnull board);
// Notes this process; past the capacity it only counts.
void cbench_board_add(struct cbench_board *_Nonnull board, int64_t time);
uint32_t cbench_board_count(struct cbench_board *_Nonnull board);
struct cbench_note cbench_board_note(struct cbench_board *_Nonnull board, uint32_t index);
// Sleeps until there are `count` notes; false when `deadline` passed or a signal came first.
bool cbench_board_wait(struct cbench_board *_Nonnull board, uint32_t count, int64_t deadline);

int64_t cbench_now(void);
// What to take from a CLOCK_REALTIME stamp of now to get CLOCK_MONOTONIC.
int64_t cbench_real_offset(void);
// The same for CLOCK_BOOTTIME.
int64_t cbench_boot_offset(void);
void cbench_sleep(int64_t nanoseconds);

enum { CBENCH_SAME_OUTPUT = -1, CBENCH_NO_OUTPUT = -2 };

// Starts a program with vfork and execv, its stdin /dev/null, its stdout `output`: a descriptor,
// or the same as ours, or stdout and stderr both /dev/null.
// `started` is the time just before. A program that could not be executed exits with 127.
pid_t cbench_spawn(
  char *_Nullable const *_Nonnull arguments, int output, int64_t *_Nullable started);

struct cbench_run {
  char *_Nullable output;
  size_t output_count;
  // As waitpid gives it.
  int status;
  int64_t started, ended;
};

// Runs a program to its end, keeping what it writes to stdout. ETIMEDOUT, and the program killed,
// when `deadline` passes; EINTR likewise after a signal.
int cbench_run(
  char *_Nullable const *_Nonnull arguments, int64_t deadline, struct cbench_run *_Nonnull run);
void cbench_run_free(struct cbench_run *_Nonnull run);

pid_t cbench_pid(void);
int cbench_processors(void);
// What a process has used of the processors, in nanoseconds; -1 when it is gone.
int64_t cbench_processor_time(pid_t pid);
// Has a process run on one processor only, the last of those that this program may use; or on all
// of those again.
int cbench_pin(pid_t pid, bool to_one);
// A TCP port of 127.0.0.1 that nobody uses at the moment; -1 when there is none.
int cbench_free_port(void);
int cbench_kill(pid_t pid, int signal_number);
// Reaps a child of ours.
void cbench_reap(pid_t pid);
// Opens a pidfd for each process; -1 stands for one that is gone.
void cbench_open_processes(const pid_t *_Nonnull pids, int count, int *_Nonnull handles);
// Sleeps until all of them have ended; how many have not when `deadline` passed. A signal
// does not end it: it is what cleaning up waits with.
int cbench_wait_ended(const int *_Nonnull handles, int count, int64_t deadline);
void cbench_close_processes(const int *_Nonnull handles, int count);
// Allows this process and those it starts so many descriptors, or what the hard limit allows.
void cbench_allow_files(int count);
_Noreturn void cbench_exit(int status);
// Writes to stderr.
void cbench_complain(const char *_Nullable bytes, size_t count);
const char *_Nullable cbench_environment(const char *_Nonnull name);
int cbench_set_environment(const char *_Nonnull name, const char *_Nonnull value);

// After this, SIGINT, SIGTERM and SIGHUP only end what waits, and cbench_interrupted says so until
// it has been forgotten.
void cbench_catch_interrupts(void);
bool cbench_interrupted(void);
void cbench_forget_interrupt(void);

// What the caller is told over one FIFO, and what it says over another.
struct cbench_order {
  // Calls in flight, and calls in all, at most 900,000.
  int32_t window, count;
};

struct cbench_calls {
  // From the first call to the last answer, and of a single call.
  int64_t elapsed, p50, p99;
  // Refused ones are among the answered.
  int32_t answered, refused;
};

// Makes a FIFO and opens both its ends.
int cbench_open_fifo(const char *_Nonnull path);
void cbench_close(int file);
// Gives an order, and waits for what came of it until `deadline`.
int cbench_order_calls(
  int orders, int answers, struct cbench_order order, int64_t deadline,
  struct cbench_calls *_Nonnull calls);

// The lines of the writer, numbered so that a lost, doubled or misplaced one is seen.
enum { CBENCH_LINE_BYTES = 100, CBENCH_BLOCK_LINES = 655 };

// The first block; `cbench_block_number` makes it the n-th.
void cbench_block_fill(char *_Nonnull block);
void cbench_block_number(char *_Nonnull block, int64_t number);

struct cbench_tally {
  int64_t lines, bytes;
  // Lines that were not the next one.
  int64_t misplaced;
  // Where the next line is expected.
  int64_t next_block;
  int next_line;
};

// Adds a log file to the tally; every line holds one line of the writer, after anything.
int cbench_tally_file(const char *_Nonnull path, struct cbench_tally *_Nonnull tally);

// `modified` is a CLOCK_REALTIME stamp, as coarse as the kernel's tick.
int cbench_file_state(
  const char *_Nonnull path, int64_t *_Nonnull size, int64_t *_Nonnull modified);
/// Has so much memory backed by the machine, and gives it back to the kernel at once. In a virtual
/// machine the first touch of a page costs far more than writing to it, and free pages go back to
/// the host after a while.
void cbench_warm_memory(size_t bytes);
int64_t cbench_free_bytes(const char *_Nonnull path);
bool cbench_is_executable(const char *_Nonnull path);
bool cbench_is_writable_folder(const char *_Nonnull path);
int cbench_make_executable(const char *_Nonnull path);
int cbench_make_folder(const char *_Nonnull path);
// Removes it and what is in it.
void cbench_remove(const char *_Nonnull path);
int cbench_write(const char *_Nonnull path, const void *_Nonnull bytes, size_t count);
// A symbolic link at `path`.
int cbench_link(const char *_Nonnull target, const char *_Nonnull path);
// As readlink(2) and realpath(3), with a zero at the end; `target` holds PATH_MAX bytes.
int cbench_link_target(const char *_Nonnull path, char *_Nonnull target);
int cbench_real_path(const char *_Nonnull path, char *_Nonnull real);
// Calls with each name in a folder.
int cbench_each_name(
  const char *_Nonnull folder, void *_Nullable context,
  void (*_Nonnull body)(void *_Nullable context, const char *_Nonnull name));
// Reads a file of unknown size, such as one in /proc; at most `capacity` bytes.
ssize_t cbench_read(const char *_Nonnull path, char *_Nonnull bytes, size_t capacity);

#endif
