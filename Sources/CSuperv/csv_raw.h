// System calls without libc: between clone and exec there is no errno of our own.
#ifndef CSV_RAW_H
#define CSV_RAW_H

// A sanitizer's or the stack protector's bookkeeping belongs to the parent's thread.
#define CHILD __attribute__((no_sanitize("address", "thread", "undefined"), no_stack_protector))
#define INLINE CHILD __attribute__((always_inline)) static inline

#if defined(__x86_64__)

INLINE long raw(long number, long a, long b, long c, long d, long e) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__)

INLINE long raw(long number, long a, long b, long c, long d, long e) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}

#else
#error "superv needs this architecture's system call instruction"
#endif

INLINE long pointer(const void *address) { return (long)address; }

#endif
