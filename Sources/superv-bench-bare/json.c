// As much of JSON as a relay needs: whether a line is JSON, and where the members of an object are.
#include "bare.h"

#include <string.h>

enum { MAXIMUM_DEPTH = 128 };

bool is_same(struct text one, struct text other) {
  return one.count == other.count && memcmp(one.at, other.at, one.count) == 0;
}

static const char *skip_space(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) at++;
  return at;
}

// Moves to what is not a plain character of a string, eight bytes at a time. The lowest mark is
// right; a borrow can only spoil those above it.
static const char *skip_plain(const char *at, const char *end) {
  const uint64_t ones = 0x0101010101010101;
  for (uint64_t word; end - at >= 8; at += 8) {
    memcpy(&word, at, 8);
    uint64_t quotes = word ^ ones * '"', backslashes = word ^ ones * '\\';
    uint64_t marks = ((quotes - ones) & ~quotes) | ((backslashes - ones) & ~backslashes) |
                     ((word - ones * 0x20) & ~word) | word;
    if (marks & ones * 0x80) return at + __builtin_ctzll(marks & ones * 0x80) / 8;
  }
  while (at < end && *at >= 0x20 && *at != '"' && *at != '\\') at++;
  return at;
}

// RFC 3629, section 4.
static const char *skip_multibyte(const char *at, const char *end) {
  unsigned char first = (unsigned char)*at, least = 0x80, most = 0xBF;
  int count = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (first < 0xC2 || first > 0xF4 || end - at < count) return NULL;
  if (first == 0xE0) least = 0xA0;
  if (first == 0xED) most = 0x9F;
  if (first == 0xF0) least = 0x90;
  if (first == 0xF4) most = 0x8F;
  if ((unsigned char)at[1] < least || (unsigned char)at[1] > most) return NULL;
  for (int index = 2; index < count; index++) {
    if ((at[index] & 0xC0) != 0x80) return NULL;
  }
  return at + count;
}

static const char *skip_escape(const char *at, const char *end) {
  if (end - at < 2) return NULL;
  if (at[1] != 'u') return memchr("\"\\/bfnrt", at[1], 8) ? at + 2 : NULL;
  for (int index = 2; index < 6; index++) {
    if (end - at <= index || !memchr("0123456789abcdefABCDEF", at[index], 22)) return NULL;
  }
  return at + 6;
}

// `at` is behind the opening quote.
static const char *skip_string(const char *at, const char *end) {
  while ((at = skip_plain(at, end)) && at < end) {
    if (*at == '"') return at + 1;
    if (*at == '\\') {
      at = skip_escape(at, end);
    } else {
      at = *at < 0 ? skip_multibyte(at, end) : NULL;
    }
    if (!at) return NULL;
  }
  return NULL;
}

static const char *skip_digits(const char *at, const char *end) {
  const char *start = at;
  while (at < end && *at >= '0' && *at <= '9') at++;
  return at > start ? at : NULL;
}

static const char *skip_number(const char *at, const char *end) {
  if (*at == '-') at++;
  at = at < end && *at == '0' ? at + 1 : skip_digits(at, end);
  if (at && at < end && *at == '.') at = skip_digits(at + 1, end);
  if (at && at < end && (*at == 'e' || *at == 'E')) {
    at++;
    if (at < end && (*at == '+' || *at == '-')) at++;
    at = skip_digits(at, end);
  }
  return at;
}

static const char *skip_word(const char *at, const char *end, struct text word) {
  bool is_there = (size_t)(end - at) >= word.count && memcmp(at, word.at, word.count) == 0;
  return is_there ? at + word.count : NULL;
}

static const char *skip_colon(const char *at, const char *end) {
  at = skip_space(at, end);
  return at < end && *at == ':' ? skip_space(at + 1, end) : NULL;
}

static const char *skip_key(const char *at, const char *end) {
  at = skip_space(at, end);
  if (at == end || *at != '"' || !(at = skip_string(at + 1, end))) return NULL;
  return skip_colon(at, end);
}

// A value with all that is in it, or the beginning of an object or array that has something in it.
static const char *skip_start(const char *at, const char *end, char *open, int *depth) {
  switch (*at) {
  case '{':
  case '[':
    if (*depth == MAXIMUM_DEPTH) return NULL;
    open[(*depth)++] = *at;
    return at + 1;
  case '"':
    return skip_string(at + 1, end);
  case 't':
    return skip_word(at, end, TEXT("true"));
  case 'f':
    return skip_word(at, end, TEXT("false"));
  case 'n':
    return skip_word(at, end, TEXT("null"));
  default:
    return skip_number(at, end);
  }
}

static const char *skip_value(const char *at, const char *end) {
  char open[MAXIMUM_DEPTH];
  int depth = 0;
  for (;;) {
    int before = depth;
    at = skip_space(at, end);
    if (at == end || !(at = skip_start(at, end, open, &depth))) return NULL;
    bool is_new = depth > before;
    for (;; is_new = false) {
      if (depth == 0) return at;
      at = skip_space(at, end);
      if (at == end) return NULL;
      bool in_object = open[depth - 1] == '{';
      if (*at == (in_object ? '}' : ']')) {
        depth--;
        at++;
        continue;
      }
      if (!is_new && *at++ != ',') return NULL;
      if (in_object && !(at = skip_key(at, end))) return NULL;
      break;
    }
  }
}

bool find_members(
  struct text object, const struct text *names, struct text *values, size_t count) {
  const char *end = object.at + object.count;
  const char *at = skip_space(object.at, end);
  memset(values, 0, count * sizeof *values);
  if (at == end || *at++ != '{') return false;
  at = skip_space(at, end);
  bool is_empty = at < end && *at == '}';
  while (!is_empty) {
    at = skip_space(at, end);
    if (at == end || *at++ != '"') return false;
    struct text key = {at, 0};
    if (!(at = skip_string(at, end))) return false;
    key.count = (size_t)(at - key.at) - 1;
    const char *value = skip_colon(at, end);
    if (!value || !(at = skip_value(value, end))) return false;
    for (size_t index = 0; index < count; index++) {
      if (!is_same(names[index], key)) continue;
      if (values[index].at) return false;
      values[index] = (struct text){value, (size_t)(at - value)};
      break;
    }
    at = skip_space(at, end);
    if (at == end || (*at != ',' && *at != '}')) return false;
    if (*at == '}') break;
    at++;
  }
  return skip_space(at + 1, end) == end;
}

struct text unquoted(struct text value) {
  if (value.count < 2 || value.at[0] != '"') return (struct text){0};
  return (struct text){value.at + 1, value.count - 2};
}

int64_t number(struct text digits) {
  int64_t value = 0;
  if (digits.count == 0 || digits.count > 18) return -1;
  for (size_t index = 0; index < digits.count; index++) {
    if (digits.at[index] < '0' || digits.at[index] > '9') return -1;
    value = value * 10 + (digits.at[index] - '0');
  }
  return value;
}

size_t put_number(char *at, uint64_t number) {
  char digits[20];
  size_t first = sizeof digits;
  do {
    digits[--first] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  memcpy(at, digits + first, sizeof digits - first);
  return sizeof digits - first;
}
