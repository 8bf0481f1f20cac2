#define _GNU_SOURCE
#include "cbench.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// A line is "#LLL BBBBBBBBBBBB …\n": its place in the block, and on the first line of each block
// the number of the block, so that making the next block costs the writer one line only.
enum { PLACE = 1, BLOCK = 5, BLOCK_DIGITS = 12 };

static void put_digits(char *at, int count, int64_t value) {
  for (int index = count - 1; index >= 0; index--, value /= 10) {
    at[index] = (char)('0' + value % 10);
  }
}

static int64_t digits(const char *at, int count) {
  int64_t value = 0;
  for (int index = 0; index < count; index++) {
    if (at[index] < '0' || at[index] > '9') return -1;
    value = value * 10 + (at[index] - '0');
  }
  return value;
}

void cbench_block_fill(char *block) {
  for (int line = 0; line < CBENCH_BLOCK_LINES; line++) {
    char *at = block + line * CBENCH_LINE_BYTES;
    memset(at, 'x', CBENCH_LINE_BYTES);
    at[0] = '#';
    put_digits(at + PLACE, 3, line);
    at[PLACE + 3] = ' ';
    put_digits(at + BLOCK, BLOCK_DIGITS, 0);
    at[BLOCK + BLOCK_DIGITS] = ' ';
    at[CBENCH_LINE_BYTES - 1] = '\n';
  }
}

void cbench_block_number(char *block, int64_t number) {
  put_digits(block + BLOCK, BLOCK_DIGITS, number);
}

static void tally_line(const char *line, size_t count, struct cbench_tally *tally) {
  const char *mark = memchr(line, '#', count);
  int64_t place = -1, block = -1;
  if (mark && (size_t)(line + count - mark) >= CBENCH_LINE_BYTES - 1) {
    place = digits(mark + PLACE, 3);
    block = digits(mark + BLOCK, BLOCK_DIGITS);
  }
  bool is_next = place == tally->next_line && (place != 0 || block == tally->next_block);
  tally->lines++;
  if (!is_next) tally->misplaced++;
  tally->next_line++;
  if (tally->next_line == CBENCH_BLOCK_LINES) {
    tally->next_line = 0;
    tally->next_block++;
  }
}

int cbench_tally_file(const char *path, struct cbench_tally *tally) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat state;
  if (file < 0) return -1;
  if (fstat(file, &state) < 0 || state.st_size == 0) {
    close(file);
    return 0;
  }
  size_t count = (size_t)state.st_size;
  char *bytes = mmap(NULL, count, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (bytes == MAP_FAILED) return -1;
  tally->bytes += (int64_t)count;
  for (char *line = bytes, *end; (end = memchr(line, '\n', (size_t)(bytes + count - line)));) {
    tally_line(line, (size_t)(end - line), tally);
    line = end + 1;
    if (line == bytes + count) break;
  }
  munmap(bytes, count);
  return 0;
}
