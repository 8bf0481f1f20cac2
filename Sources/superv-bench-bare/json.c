// As much of JSON as a relay needs: where the members of an object are.
#include "bare.h"

#include <string.h>

bool is_same(struct text one, struct text other) {
  return one.count == other.count && memcmp(one.at, other.at, one.count) == 0;
}

static const char *skip_space(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) at++;
  return at;
}

// `at` is behind the opening quote.
static const char *skip_string(const char *at, const char *end) {
  for (const char *quote; (quote = memchr(at, '"', (size_t)(end - at))); at = quote + 1) {
    const char *escapes = quote;
    while (escapes[-1] == '\\') escapes--;
    if ((quote - escapes) % 2 == 0) return quote + 1;
  }
  return NULL;
}

static const char *skip_value(const char *at, const char *end) {
  int depth = 0;
  do {
    if (at == end) return NULL;
    switch (*at++) {
    case '"':
      at = skip_string(at, end);
      if (!at) return NULL;
      break;
    case '{':
    case '[':
      depth++;
      break;
    case '}':
    case ']':
      if (--depth < 0) return NULL;
      break;
    case ',':
    case ':':
      if (depth == 0) return NULL;
      break;
    default:
      while (at < end && !memchr(" \t\r\n,:]}\"", *at, 9)) at++;
    }
  } while (depth > 0);
  return at;
}

bool find_members(
  struct text object, const struct text *names, struct text *values, size_t count) {
  const char *end = object.at + object.count;
  const char *at = skip_space(object.at, end);
  memset(values, 0, count * sizeof *values);
  if (at == end || *at++ != '{') return false;
  for (;;) {
    at = skip_space(at, end);
    if (at == end) return false;
    if (*at == '}') return true;
    if (*at++ != '"') return false;
    const char *key = at;
    if (!(at = skip_string(at, end))) return false;
    struct text name = {key, (size_t)(at - key) - 1};
    at = skip_space(at, end);
    if (at == end || *at++ != ':') return false;
    const char *value = at = skip_space(at, end);
    if (!(at = skip_value(at, end))) return false;
    for (size_t index = 0; index < count; index++) {
      if (!is_same(names[index], name)) continue;
      values[index] = (struct text){value, (size_t)(at - value)};
      break;
    }
    at = skip_space(at, end);
    if (at < end && *at == ',') at++;
  }
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
