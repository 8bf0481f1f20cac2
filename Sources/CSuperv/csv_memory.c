// Memory that a start has needed, and nobody needs now.
#define _GNU_SOURCE
#include "csuperv.h"

#include <link.h>
#include <malloc.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

// Pages of the program that were only read: they stay in the page cache, and come back from there
// when one is touched again.
static void give_program_back(void) {
  const ElfW(Phdr) *headers = (const void *)getauxval(AT_PHDR);
  size_t count = getauxval(AT_PHNUM);
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), base = 0;
  for (size_t i = 0; i < count; i++) // one that is not where it was linked to be says so
    if (headers[i].p_type == PT_PHDR) base = (uintptr_t)headers - headers[i].p_vaddr;
  for (size_t i = 0; i < count; i++) {
    if (headers[i].p_type != PT_LOAD || headers[i].p_flags & PF_W) continue;
    uintptr_t start = (base + headers[i].p_vaddr + page - 1) & ~(page - 1);
    uintptr_t end = (base + headers[i].p_vaddr + headers[i].p_memsz) & ~(page - 1);
    if (start < end) madvise((void *)start, end - start, MADV_DONTNEED);
  }
}

void csv_give_memory_back(int including_program) {
  malloc_trim(0);
  if (including_program) give_program_back();
}
